import Core

/// A station under test: entries go in, decisions are folded until nothing follows, as the engine does it.
struct Rig {
    var state = Station.initial
    var last = Position.start
    var now = Timestamp(milliseconds: 1_000_000)

    /// Records one message from outside and all that follows; gives the messages that followed.
    @discardableResult
    mutating func record(_ message: Station.Message) -> [Station.Message] {
        var followed: [Station.Message] = []
        var queue = [message]
        while !queue.isEmpty {
            let next = queue.removeFirst()
            let entry = makeEntry(next)
            for change in Station.fold(entry, into: &state) {
                let decided = Station.decide(change, entry, in: state)
                followed += decided
                queue += decided
            }
        }
        return followed
    }

    /// Folds one message without deciding.
    mutating func makeEntry(_ message: Station.Message) -> Entry<Station.Message> {
        last = last.next
        let description = Station.describe(message, in: state)
        return Entry(
            position: last, recordedAt: now, stream: description.stream, revision: Revision(1), cause: nil,
            kind: description.kind, message: message)
    }

    /// The position of the command that this run is waiting for.
    func command(of id: Text) -> Position {
        switch state.runs[id]?.phase {
        case .dumping(let position), .uploading(let position), .reporting(_, let position): position
        default: .start
        }
    }

    @discardableResult
    mutating func finish(_ id: Text, _ outcome: Station.Outcome) -> [Station.Message] {
        record(.outcome(id, of: command(of: id), outcome))
    }

    static let order = Station.Order(job: "job_1", object: "a/b.enc", isManual: false)
    static let staged = Station.Staged(byteCount: 42, digest: "ab", engineVersion: "SQLite 3.40.1")
}
