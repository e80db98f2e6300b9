import Core
import Engine

/// What one machine acknowledged or answered: each rests on an entry that must be on its log after any crash
/// (invariant 2).
struct Promises<Message: Hashable & Sendable>: Sendable {
    private var entries: [Entry<Message>] = []

    mutating func give(_ entry: Entry<Message>) { entries.append(entry) }

    /// Looks whether all of them survived.
    func check(_ disk: ModelDisk, _ codec: some Codec<Message>) throws(Breach) {
        guard let first = entries.map(\.position).min() else { return }
        let stored: [EncodedEntry]
        do {
            stored = try disk.entries(after: Position(first.number - 1))
        } catch {
            throw Breach(2, "\(error)")
        }
        for entry in entries {
            let place = Int(entry.position.number - first.number)
            guard place < stored.count, (try? codec.decode(stored[place])) == entry else {
                throw Breach(2, "\(entry.kind) at \(entry.position) was acknowledged and is not on the log any more")
            }
        }
    }

    /// Forgets those that were checked on a log that is only ever appended to.
    mutating func clear() { entries.removeAll() }

    /// Forgets those that the disk no longer keeps, because they are behind a snapshot.
    mutating func forget(upTo position: Position) { entries.removeAll { $0.position <= position } }
}
