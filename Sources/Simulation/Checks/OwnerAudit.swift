import Core

/// Whether a frame changes what is known about another agent's things (invariant 14): whatever it names that is not its
/// sender's is compared before and after.
struct OwnerAudit: Sendable {
    private var runs: [(id: RunID, run: Run)] = []
    private var checks: [(id: CheckID, check: Check)] = []

    /// Looks at an entry in the state just before it.
    mutating func before(_ entry: Entry<Fleet.Message>, in state: borrowing Fleet.State) throws(Breach) {
        runs.removeAll(keepingCapacity: true)
        checks.removeAll(keepingCapacity: true)
        guard case .received(let agent, let frame) = entry.message else { return }
        for id in frame.namedRuns {
            guard let run = state.runs[id], run.order.agent != agent else { continue }
            guard entry.stream != .run(id) else { throw Breach(14, "a frame of \(agent) is in the stream of \(id)") }
            runs.append((id, run))
        }
        guard case .health(let result) = frame.report, let check = state.checks[result.check], check.agent != agent
        else { return }
        guard entry.stream != .check(result.check) else {
            throw Breach(14, "a frame of \(agent) is in the stream of \(result.check)")
        }
        checks.append((result.check, check))
    }

    /// Looks again after the fold.
    func after(in state: borrowing Fleet.State) throws(Breach) {
        for (id, run) in runs where state.runs[id] != run {
            throw Breach(14, "a frame of another agent changed \(id)")
        }
        for (id, check) in checks where state.checks[id] != check {
            throw Breach(14, "a frame of another agent changed \(id)")
        }
    }
}

extension ReceivedFrame {
    /// The runs of our own that it speaks of, known or not.
    var namedRuns: [RunID] {
        switch report {
        case .jobUpdate(let update): [update.run?.parts?.run].compactMap(\.self)
        case .completed(let completion): [completion.run.parts?.run].compactMap(\.self)
        case .heartbeat(let heartbeat): heartbeat.activeJobIDs.compactMap { WireRunID($0).parts?.run }
        default: []
        }
    }
}
