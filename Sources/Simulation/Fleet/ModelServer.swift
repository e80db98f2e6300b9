import Core
import Engine
import Wire

/// The control plane's process and its disk.
struct ModelServer {
    /// A message on its way into the engine.
    struct Submission: Sendable {
        var message: Fleet.Message
        /// Who waits for the answer.
        var client: Int?
        /// Where an acknowledgement goes.
        var connection: Int?
    }

    let disk = ModelDisk()
    /// Counts processes: what an earlier one was about to do does not happen.
    var epoch = 0
    /// Nil while no process runs.
    var kernel: FleetKernel?
    /// What the process stamps on entries.
    var time = RecordingClock(notBefore: nil, clock: ModelClock(at: World.beginning, offset: Milliseconds(0)))
    /// How far the machine's wall clock is ahead.
    var clockOffset = Milliseconds(0)
    /// A jump of it that is not on the log yet.
    var clockStep: Milliseconds?
    var inbox: [Submission] = []
    var isProcessing = false
    /// When deadlines are looked at next.
    var looksAt: Timestamp?
    /// Whether the start is on the log, so that redelivered commands may leave.
    var hasStarted = false
    var redelivered: [Delivery<Fleet.Message>] = []
    /// Commands of one lane, the first of them under way.
    var lanes: [Text: [Delivery<Fleet.Message>]] = [:]
    /// The disk has no room until then.
    var fullUntil = Timestamp(milliseconds: 0)
    /// After a commit that found no room, nothing is tried before.
    var retryAt = Timestamp(milliseconds: 0)
    /// Whether a bit of the stored log is another one than was written.
    var flippedPositions: ClosedRange<Position>?
    var promises = Promises<Fleet.Message>()
    /// The RunBackups that were written to an agent without a journal.
    var delivered: Set<WireRunID> = []
    var commitCount = 0
    var startCount = 0
    /// Made at the first frame after a change of what must not be found.
    var redactors: [AgentID: Redactor] = [:]

    /// What removes the agent's secrets from its frames.
    mutating func redactor(for agent: AgentID, _ vault: borrowing ModelVault) -> Redactor {
        if let redactor = redactors[agent] { return redactor }
        let redactor = Redactor(secrets: vault.secrets(of: agent))
        redactors[agent] = redactor
        return redactor
    }
}

extension World {
    static let fleetCodec = FleetCodec()

    mutating func startServer() throws(Breach) {
        guard server.kernel == nil else { return }
        try findFlippedBit()
        if let position = server.disk.unchained {
            throw Breach(1, "the commit from \(position) on is not chained to the one before it")
        }
        let kernel: FleetKernel
        do {
            kernel = try server.disk.kernel(Fleet.self, Self.fleetCodec)
        } catch {
            throw Breach(3, "the log cannot be folded: \(error)")
        }
        server.disk.repairSnapshot()
        try server.promises.check(server.disk, Self.fleetCodec)
        server.promises.clear()
        try auditFleet()
        try fleetAudit.check(served: kernel.state)
        server.redelivered = kernel.pending
        server.time = RecordingClock(
            notBefore: kernel.recordedAt, clock: ModelClock(at: now, offset: server.clockOffset))
        server.kernel = kernel
        server.startCount += 1
        server.hasStarted = false
        server.redactors = [:]
        try processInbox()
    }

    /// A reader of a log with a turned bit must say where it is; then somebody puts the copy of the file in its place.
    private mutating func findFlippedBit() throws(Breach) {
        guard let positions = server.flippedPositions else { return }
        server.flippedPositions = nil
        defer { server.disk.repair() }
        var found: Position?
        do throws(LogError) {
            _ = try server.disk.entries(after: server.disk.base)
        } catch {
            found = error.damagedPosition
        }
        try Self.check(found, in: positions, of: "reader")
        // A start from a snapshot behind the damage never comes to it, so it is made to begin before.
        guard let start = server.disk.snapshots(before: positions.lowerBound) else { return }
        found = nil
        do {
            _ = try server.disk.kernel(Fleet.self, Self.fleetCodec, from: start)
        } catch {
            found = (error as? LogError)?.damagedPosition
        }
        try Self.check(found, in: positions, of: "start")
    }

    private static func check(
        _ found: Position?, in positions: ClosedRange<Position>, of what: String
    ) throws(Breach) {
        guard let found else {
            throw Breach(3, "a turned bit between positions \(positions) was not noticed by a \(what)")
        }
        guard positions.contains(found) else {
            throw Breach(3, "a \(what) looked at \(found) for a turned bit between positions \(positions)")
        }
    }

    /// The process is gone: with all that was not committed, all connections, and all that its workers were doing.
    mutating func killServer(losesPower: Bool = false) {
        guard server.kernel != nil else { return }
        if losesPower, server.disk.unsyncedCount > 0 {
            count(.powerFailure)
            let isTorn = dice.chance(in: 2)
            server.disk.losePower(
                keeping: Int(dice.number(0...1)), tearingAt: isTorn ? Int(dice.number(0...999)) : nil)
        }
        server.kernel = nil
        server.epoch += 1
        noteForgotten()
        let waiting = server.inbox
        server.inbox = []
        server.isProcessing = false
        server.looksAt = nil
        server.clockStep = nil
        server.lanes = [:]
        server.redelivered = []
        server.retryAt = now
        for submission in waiting { if let client = submission.client { retry(client) } }
        for id in openConnections.values.joined().sorted() {
            breakConnection(id, noticedByAgent: isHealed || !dice.chance(in: 8))
            letGo(id)
        }
        after(dice.chance(in: 5) ? dice.span(60_000...400_000) : dice.span(500...20_000), .serverStarts)
    }

    mutating func submit(_ message: Fleet.Message, client: Int? = nil, connection: Int? = nil) {
        server.inbox.append(ModelServer.Submission(message: message, client: client, connection: connection))
        guard !server.isProcessing, server.kernel != nil else { return }
        server.isProcessing = true
        agenda.add(.process(server.epoch), at: max(now + dice.span(1...15), server.retryAt))
    }

    mutating func passServerDeadlines() throws(Breach) {
        server.looksAt = nil
        guard server.kernel != nil else { return }
        if now < server.retryAt { return scheduleServerDeadlines() }
        if let due = server.kernel?.nextDue, due <= readServerClock() {
            try processInbox()
        } else {
            scheduleServerDeadlines()
        }
    }

    /// Looks again when the soonest deadline is due by the server's clock, if that runs as it should.
    mutating func scheduleServerDeadlines() {
        guard let due = server.kernel?.nextDue else { return }
        let wait = min(max(due - readServerClock(), Milliseconds(1)), .seconds(60))
        let moment = max(now + wait, server.retryAt)
        guard moment < server.looksAt ?? Timestamp(milliseconds: .max) else { return }
        server.looksAt = moment
        agenda.add(.deadlines(server.epoch), at: moment)
    }

    /// The engine's own time, by the real clock of the engine.
    mutating func readServerClock() -> Timestamp {
        let (moment, step) = server.time.read(ModelClock(at: now, offset: server.clockOffset))
        if let step { server.clockStep = (server.clockStep ?? Milliseconds(0)) + step }
        return moment
    }
}

extension LogError {
    /// Where the log is damaged; nil when it is not.
    fileprivate var damagedPosition: Position? { if case .damaged(_, let position, _) = self { position } else { nil } }
}
