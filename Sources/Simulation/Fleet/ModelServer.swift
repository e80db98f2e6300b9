import Core
import Engine

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

    let codec: AnyCodec<Fleet.Message>
    let disk = ModelDisk()
    /// Counts processes: what an earlier one was about to do does not happen.
    var epoch = 0
    /// Nil while no process runs.
    var kernel: FleetKernel?
    var inbox: [Submission] = []
    var isProcessing = false
    /// Whether the start is on the log, so that redelivered commands may leave.
    var hasStarted = false
    var redelivered: [Delivery<Fleet.Message>] = []
    /// Commands of one lane, the first of them under way.
    var lanes: [Text: [Delivery<Fleet.Message>]] = [:]
    /// When this process started.
    var startedAt = Timestamp(milliseconds: 0)
    /// The disk has no room until then.
    var fullUntil = Timestamp(milliseconds: 0)
    /// After a commit that failed, nothing is tried before.
    var retryAt = Timestamp(milliseconds: 0)
    /// The next commit fails in the worst way.
    var failsNextCommit = false
    var promises = Promises<Fleet.Message>()
    /// The RunBackups that were written to an agent without a journal.
    var delivered: Set<WireRunID> = []
    var commitCount = 0
    var startCount = 0

    init(codec: AnyCodec<Fleet.Message>) { self.codec = codec }
}

extension World {
    /// When a deadline of the control plane must be recorded.
    var serverDue: Timestamp? { server.kernel?.nextDue.map { max($0, server.retryAt) } }

    mutating func startServer() throws(Breach) {
        try server.promises.check(server.disk, server.codec)
        server.promises.clear()
        try auditFleet()
        let kernel: FleetKernel = server.disk.kernel(server.codec)
        try fleetAudit.check(served: kernel.state)
        server.redelivered = kernel.pending
        server.kernel = kernel
        server.startCount += 1
        server.startedAt = now
        server.hasStarted = false
        try processInbox()
    }

    /// The process is gone: with all that was not committed, all connections, and all that its workers were doing.
    mutating func killServer() {
        guard server.kernel != nil else { return }
        server.kernel = nil
        server.epoch += 1
        let waiting = server.inbox
        server.inbox = []
        server.isProcessing = false
        server.lanes = [:]
        server.redelivered = []
        server.retryAt = now
        for submission in waiting { if let client = submission.client { retry(client) } }
        for id in connections.indices where connections[id].isOpenAtServer {
            connections[id].isOpenAtServer = false
            breakConnection(id, noticedByAgent: isHealed || !dice.chance(in: 8))
        }
        after(dice.chance(in: 5) ? dice.span(60_000...400_000) : dice.span(500...20_000), .serverStarts)
    }

    mutating func submit(_ message: Fleet.Message, client: Int? = nil, connection: Int? = nil) {
        server.inbox.append(ModelServer.Submission(message: message, client: client, connection: connection))
        guard !server.isProcessing, server.kernel != nil else { return }
        server.isProcessing = true
        agenda.add(.process(server.epoch), at: max(now + dice.span(1...15), server.retryAt))
    }

    /// All that has arrived: turns, one commit, and only then anyone hears of it. The process may die anywhere between.
    mutating func processInbox() throws(Breach) {
        guard server.kernel != nil else { return }
        server.isProcessing = false
        let batch = server.inbox
        server.inbox = []
        var ranges: [Range<Int>?] = []
        let now = now
        do {
            if !server.hasStarted {
                let start = EngineStart(build: "simulation", rules: Fleet.rules, seed: seed)
                _ = try server.kernel?.turn(.started(start), at: now)
            }
            try server.kernel?.passDeadlines(at: now)
            for submission in batch {
                guard case .staged(let range)? = try server.kernel?.turn(submission.message, at: now) else {
                    ranges.append(nil)
                    continue
                }
                ranges.append(range)
            }
        } catch {
            preconditionFailure("memory can be read: \(error)")
        }
        let staged = server.kernel?.staged ?? []
        guard !staged.isEmpty else { return }
        if defect == .publishesBeforeCommit { publish(staged, batch, ranges) }
        if dice.chance(in: 600), !isHealed {
            for submission in batch { if let client = submission.client { retry(client) } }
            return killServer()
        }
        guard try commit(batch) else { return }
        if dice.chance(in: 600), !isHealed {
            for submission in batch { if let client = submission.client { retry(client) } }
            return killServer()
        }
        if defect != .publishesBeforeCommit { publish(staged, batch, ranges) }
    }

    /// Commits, and checks what is then on the log.
    ///
    /// - Returns: Whether it worked.
    private mutating func commit(_ batch: [ModelServer.Submission]) throws(Breach) -> Bool {
        if now < server.fullUntil { server.disk.memory.failCommit(1, with: .full(path: "memory")) }
        if server.failsNextCommit {
            server.failsNextCommit = false
            server.disk.memory.failCommit(
                1, with: .failed(path: "memory", code: 10, operation: "fsync"),
                fate: dice.chance(in: 2) ? .stored : .dropped)
        }
        do {
            _ = try server.kernel?.commit()
        } catch .full {
            do { try server.kernel?.reload() } catch { preconditionFailure("memory can be read: \(error)") }
            if let state = server.kernel?.state { try fleetAudit.check(served: state) }
            // Requests are told so and come again; facts and outcomes wait until there is room.
            for submission in batch { if let client = submission.client { retry(client) } }
            server.inbox = batch.filter { $0.client == nil } + server.inbox
            server.retryAt = now + .seconds(1)
            server.isProcessing = true
            after(.seconds(1), .process(server.epoch))
            return false
        } catch {
            for submission in batch { if let client = submission.client { retry(client) } }
            killServer()
            return false
        }
        server.commitCount += 1
        try auditFleet()
        if keepsSnapshots, server.commitCount.isMultiple(of: 7) {
            server.disk.keep(server.kernel?.folded, server.codec)
        }
        if server.commitCount.isMultiple(of: 200), let state = server.kernel?.state {
            try fleetAudit.check(served: state)
        }
        return true
    }

    /// Takes what is new on the log into the audit.
    private mutating func auditFleet() throws(Breach) {
        for encoded in server.disk.entries(after: fleetAudit.last) {
            let entry: Entry<Fleet.Message>
            do {
                entry = try server.codec.decode(encoded)
            } catch {
                throw Breach(3, "\(error)")
            }
            try checks.before(entry, in: fleetAudit.state, store: store)
            try fleetAudit.take(entry)
            try checks.after(entry, in: fleetAudit.state)
        }
        try fleetAudit.checkWhole()
    }

    /// What may leave after the commit: answers, acknowledgements, commands.
    private mutating func publish(
        _ recorded: [Recorded<Fleet.Message>], _ batch: [ModelServer.Submission], _ ranges: [Range<Int>?]
    ) {
        for (submission, range) in zip(batch, ranges) {
            guard let range, let first = recorded[range].first?.entry else { continue }
            if let client = submission.client, let answer = recorded[range].first(where: { $0.role == .answer })?.entry
            {
                server.promises.give(answer)
                answered(client, answer.message)
            }
            if let id = submission.connection, case .received(_, let frame) = first.message {
                acknowledge(id, frame, first)
            }
        }
        if !server.hasStarted {
            server.hasStarted = true
            for delivery in server.redelivered { deliver(delivery) }
            server.redelivered = []
        }
        for item in recorded where item.role == .command {
            deliver(Delivery(position: item.entry.position, message: item.entry.message, isRedelivered: false))
        }
    }

    private mutating func acknowledge(_ id: Int, _ frame: ReceivedFrame, _ entry: Entry<Fleet.Message>) {
        let plain = AgentFrame(
            sequence: frame.sequence, sentAt: frame.sentAt, report: frame.report, failure: frame.failure)
        guard let run = plain.concluded, connections[id].isOpenAtServer,
            connections[id].extensions.contains(ProtocolExtension.reportAck)
        else { return }
        server.promises.give(entry)
        write(.reportAcknowledged(run, sequence: frame.sequence), to: id)
    }
}
