import Core

/// The last revision of each stream that was met lately: one look-up both tells and advances it.
@usableFromInline
struct Revisions: Sendable {
    private var places: [Stream: Int] = [:]
    private var revisions: [Revision] = []

    @usableFromInline
    init() {}

    @usableFromInline
    var count: Int { revisions.count }

    @usableFromInline
    subscript(stream: Stream) -> Revision? { places[stream].map { revisions[$0] } }

    @usableFromInline
    mutating func set(_ revision: Revision, of stream: Stream) {
        if let place = places[stream] {
            revisions[place] = revision
        } else {
            places[stream] = revisions.count
            revisions.append(revision)
        }
    }

    /// Goes one revision further; the last one of a stream that is not known here is asked for.
    @usableFromInline
    mutating func advance(
        _ stream: Stream, from last: () throws(LogError) -> Revision
    ) throws(LogError) -> Revision {
        if let place = places[stream] {
            let revision = revisions[place].next
            revisions[place] = revision
            return revision
        }
        let revision = try last().next
        set(revision, of: stream)
        return revision
    }

    @usableFromInline
    mutating func removeAll() {
        places.removeAll(keepingCapacity: true)
        revisions.removeAll(keepingCapacity: true)
    }
}
