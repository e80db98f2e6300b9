import Core

/// The object store as far as runs see it: a frozen name takes no upload any more.
struct ModelStore: Sendable {
    struct Object: Hashable, Sendable {
        var byteCount: UInt64
        /// Stands for the 32 bytes of a SHA-256.
        var digest: [UInt8]
    }

    private(set) var objects: [Text: Object] = [:]
    private var frozen: Set<Text> = []
    /// Until then it gives no answer.
    var isOutUntil = Timestamp(milliseconds: 0)

    /// Takes an upload.
    ///
    /// - Returns: Whether the name was still open.
    mutating func put(_ object: Object, as name: Text) -> Bool {
        guard !frozen.contains(name) else { return false }
        objects[name] = object
        return true
    }

    mutating func observe(_ name: Text, at now: Timestamp) -> CommandOutcome.Result {
        guard isOutUntil <= now else { return .undone("the store gives no answer") }
        frozen.insert(name)
        return objects[name].map { .found(byteCount: $0.byteCount, digest: $0.digest) } ?? .missing
    }

    mutating func remove(_ name: Text) { objects[name] = nil }

    /// Freezes the name, and answers what was reported instead of looking: a defect.
    mutating func believe(_ reported: Run.ReportedObject, _ name: Text) -> CommandOutcome.Result {
        frozen.insert(name)
        return .found(byteCount: reported.byteCount, digest: reported.digest)
    }
}
