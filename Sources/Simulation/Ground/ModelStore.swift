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

    /// What is in the store and not in the state, and the other way round.
    func survey(beside state: borrowing Fleet.State) -> Survey {
        var survey = Survey()
        for (name, object) in objects.sorted(by: { $0.key < $1.key }) {
            guard let (run, attempt) = WireRunID(name).parts else { continue }
            survey.objectCount += 1
            survey.byteCount += object.byteCount
            let key = ObjectKey(run: run, attempt: attempt)
            if state.objects[run]?.attempt == attempt {
                if state.objects[run]?.isVanished == true { survey.returned.append(key) }
                continue
            }
            guard let order = state.runs[run]?.order else { continue }
            let reference = ObjectReference(agent: order.agent, job: order.job, run: run, attempt: attempt)
            if state.isUnowned(reference) { survey.unowned.append(reference) }
        }
        for run in state.objects.idsSorted {
            guard let object = state.objects[run], !object.isBeingDeleted, !object.isVanished,
                objects[WireRunID(run, object.attempt).text] == nil
            else { continue }
            survey.missing.append(ObjectKey(run: run, attempt: object.attempt))
        }
        return survey
    }

    /// Freezes the name, and answers what was reported instead of looking: a defect.
    mutating func believe(_ reported: Run.ReportedObject, _ name: Text) -> CommandOutcome.Result {
        frozen.insert(name)
        return .found(byteCount: reported.byteCount, digest: reported.digest)
    }
}
