/// Conflicting edits: who changes something may say which state of it they have seen, and is refused when it has changed
/// since. Decided together with the request itself, so that no other request comes between.
extension Fleet {
    /// The refusal of a request that was made from an older state than the present one; nil when it was not, or when any
    /// state will do.
    static func surprise(of request: Request, _ ticket: Ticket, in state: borrowing State) -> Refusal? {
        guard let expected = ticket.expected else { return nil }
        guard request.hasRevision else {
            return Refusal(
                code: .validation, field: "If-Match", text: "this cannot be asked for a revision; leave it out")
        }
        // Of what is not there, the request itself is told so.
        guard let current = state.revision(for: request), current != expected else { return nil }
        return Refusal(
            code: .precondition, field: "If-Match",
            text: Text("it was changed meanwhile, and its revision is \(current) now; read it again and repeat"),
            current: current)
    }
}

extension Request {
    /// Whether it changes or removes something that has a revision.
    var hasRevision: Bool {
        switch self {
        case .configureAgent, .changeTarget, .deleteTarget, .changeJob, .deleteJob: true
        case .createAgent, .renameAgent, .deleteAgent, .rotateKey, .createTarget, .createJob, .runJob, .cancelRun,
            .deleteRun, .issueDecryptionToken, .createCheck, .changeCheck, .deleteCheck, .runCheck, .createToken,
            .deleteToken, .acknowledgeAlert, .changePolicy, .lockRun, .unlockRun, .confirmClock:
            false
        }
    }
}

extension Fleet.State {
    /// The last change of what a request is about; nil where that has no revision or is not there.
    func revision(for request: Request) -> Position? {
        switch request {
        case .configureAgent(let id, _): agents[id]?.settingsPosition
        case .changeTarget(let id, _), .deleteTarget(let id): targets[id]?.position
        case .changeJob(let id, _), .deleteJob(let id): jobs[id]?.position
        case .createAgent, .renameAgent, .deleteAgent, .rotateKey, .createTarget, .createJob, .runJob, .cancelRun,
            .deleteRun, .issueDecryptionToken, .createCheck, .changeCheck, .deleteCheck, .runCheck, .createToken,
            .deleteToken, .acknowledgeAlert, .changePolicy, .lockRun, .unlockRun, .confirmClock:
            nil
        }
    }
}
