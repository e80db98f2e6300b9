import Core
import Engine

/// The object store as far as runs see it: signed addresses expire, and a frozen name takes no upload any more.
struct ModelStore: Sendable {
    struct Object: Hashable, Sendable {
        var byteCount: UInt64
        /// 32 bytes, as a SHA-256 has.
        var digest: [UInt8]
    }

    /// What an upload is answered with.
    enum Answer: Hashable, Sendable {
        case stored
        case refused(status: Int)
        case unreachable
    }

    private(set) var objects: [Text: Object] = [:]
    private var frozen: Set<Text> = []
    /// Until then it cannot be reached.
    var isOutUntil = Timestamp(milliseconds: 0)
    /// Until then it takes all addresses for expired.
    var isStrictUntil = Timestamp(milliseconds: 0)

    /// Takes an upload.
    ///
    /// - Parameter kept: What becomes of it; nil when it is confirmed and lost.
    mutating func put(
        _ kept: Object?, as name: Text, expiresAt: Timestamp?, at now: Timestamp
    ) -> Answer {
        guard isOutUntil <= now else { return .unreachable }
        if isStrictUntil > now { return .refused(status: 403) }
        if let expiresAt, expiresAt < now { return .refused(status: 403) }
        guard !frozen.contains(name) else { return .refused(status: 409) }
        if let kept { objects[name] = kept }
        return .stored
    }

    /// Looks at an object and freezes its name.
    mutating func observe(_ name: Text, at now: Timestamp) -> CommandOutcome.Result {
        guard isOutUntil <= now else { return .undone("the store gives no answer") }
        frozen.insert(name)
        return objects[name].map { .found(byteCount: $0.byteCount, digest: $0.digest) } ?? .missing
    }

    mutating func remove(_ name: Text) { objects[name] = nil }

    /// What is in the store and not in the state, and the other way round.
    func survey(beside state: borrowing Fleet.State) -> Survey {
        var survey = Survey()
        for (name, object) in objects.sorted(by: { $0.key < $1.key }) {
            guard let reference = ObjectReference(name: name) else { continue }
            survey.objectCount += 1
            survey.byteCount += object.byteCount
            if state.objects[reference.run]?.attempt == reference.attempt {
                if state.objects[reference.run]?.isVanished == true { survey.returned.append(reference.key) }
            } else if state.isUnowned(reference) {
                survey.unowned.append(reference)
            }
        }
        for run in state.objects.idsSorted {
            guard let object = state.objects[run], !object.isBeingDeleted, !object.isVanished,
                objects[ObjectNames.name(agent: object.agent, job: object.job, run: run, attempt: object.attempt)]
                    == nil
            else { continue }
            survey.missing.append(ObjectKey(run: run, attempt: object.attempt))
        }
        return survey
    }
}
