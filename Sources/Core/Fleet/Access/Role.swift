/// What a token of the REST interface may do. Each role may do what the ones before it may.
public enum Role: String, Hashable, Sendable, CaseIterable, Comparable {
    /// Reads, and is shown no secret.
    case viewer
    /// Runs, cancels, restores, and changes targets and jobs, but for their hooks and paths.
    case `operator`
    /// Everything: keys, tokens, hooks, paths, and what cannot be undone.
    case admin

    /// Orders by what a role may do.
    public static func < (left: Role, right: Role) -> Bool { left.rank < right.rank }

    private var rank: Int {
        switch self {
        case .viewer: 0
        case .operator: 1
        case .admin: 2
        }
    }
}

extension JobSpec {
    /// Whether both run the same commands on the agent's host.
    func hasHooks(of other: JobSpec) -> Bool { preHooks == other.preHooks && postHooks == other.postHooks }
}

extension TargetSpec {
    /// The places of the agent's host that it names: files to read, sockets to speak to, variables to look up.
    var paths: [Text] {
        var paths: [Text] = []
        if type == .sqlite { paths.append(database) }
        if strategy == .unixSocket || namesSocket { paths.append(host) }
        if case .reference(let reference) = password { paths.append(reference) }
        return paths
    }

    /// Whether clients may find a socket of the agent's host behind the host, whatever the strategy says: a path, an abstract
    /// name, a list with one of them, or nothing, which is the client's own socket. Source: PostgreSQL documentation,
    /// “Connection strings”, `host`.
    private var namesSocket: Bool {
        if host.isEmpty { return strategy == .tcp && [.postgresql, .mysql, .mariadb].contains(type) }
        return host.string.utf8.contains { [UInt8(ascii: "/"), UInt8(ascii: "@"), UInt8(ascii: ",")].contains($0) }
    }
}

extension Fleet {
    /// What is asked for in a request that its route is open to, and that only an administrator may have: commands and
    /// paths on the hosts of agents. Nil when there is nothing of the kind.
    static func overreach(of request: Request, by role: Role, in state: borrowing State) -> Refusal? {
        guard role < .admin else { return nil }
        switch request {
        case .createJob(_, _, _, let fields): return hooksBeyond(JobSpec(), fields)
        case .changeJob(let id, let fields):
            return state.jobs[id].flatMap { hooksBeyond($0.spec, fields) ?? retentionBelow($0.spec, fields) }
        case .createTarget(_, _, let fields): return pathsBeyond(TargetSpec(), fields)
        case .changeTarget(let id, let fields): return state.targets[id].flatMap { pathsBeyond($0.spec, fields) }
        case .lockRun(let id, let until, let reason):
            guard let lock = state.locks[id],
                !ObjectLock(until: until, reason: reason, token: "", setAt: lock.setAt).outlasts(lock)
            else { return nil }
            return Refusal(
                code: .permission, field: "until", text: "a lock may be extended; only an admin may end it earlier")
        case .unlockRun:
            return Refusal(code: .permission, text: "only an admin may unlock an object")
        case .configureAgent(_, let fields):
            guard fields.contains(.autoUpdate(true)) else { return nil }
            return Refusal(
                code: .permission, field: "advanced.auto_update_enabled",
                text: "lets an agent replace its own program: only an admin may")
        case .createAgent, .renameAgent, .deleteAgent, .rotateKey, .deleteTarget, .deleteJob, .runJob,
            .cancelRun, .deleteRun, .issueDecryptionToken, .createCheck, .changeCheck, .deleteCheck, .runCheck,
            .createToken, .deleteToken, .changePolicy, .acknowledgeAlert, .confirmClock:
            return nil
        }
    }

    private static func hooksBeyond(_ former: JobSpec, _ fields: [JobField]) -> Refusal? {
        var spec = former
        for field in fields { spec.set(field) }
        guard !spec.hasHooks(of: former) else { return nil }
        let field: Text = spec.preHooks == former.preHooks ? "post_hooks" : "pre_hooks"
        return Refusal(
            code: .permission, field: field, text: "hooks run commands on the agent's host: only an admin may")
    }

    private static func retentionBelow(_ former: JobSpec, _ fields: [JobField]) -> Refusal? {
        var spec = former
        for field in fields { spec.set(field) }
        // Another zone puts backups together on one day that were of two.
        if spec.timeZone != former.timeZone, former.retention.needsZone {
            return Refusal(
                code: .permission, field: "time_zone",
                text:
                    "retention counts days by it, so another one may delete backups that are kept now: only an admin may"
            )
        }
        guard !spec.retention.covers(former.retention) else { return nil }
        return Refusal(
            code: .permission, field: spec.retentionDays < former.retentionDays ? "retention_days" : "retention",
            text: "deletes backups that are kept now, which cannot be undone: only an admin may")
    }

    private static func pathsBeyond(_ former: TargetSpec, _ fields: [TargetField]) -> Refusal? {
        var spec = former
        for field in fields { spec.set(field) }
        guard
            spec.paths.contains(where: { !former.paths.contains($0) })
                || spec.type != former.type && spec.type == .sqlite
        else { return nil }
        return Refusal(
            code: .permission, field: "connection",
            text: "files, sockets and variables of the agent's host may be named by an admin only")
    }
}
