import Core
import Engine
import Wire

/// Our agent: the real machine over a log that outlives the process, with model workers.
struct StationAgent {
    let disk: ModelDisk
    var kernel: StationKernel?
    var audit = Auditor<Station>()
    var promises = Promises<Station.Message>()
    /// The last number drawn by this process.
    var sequence: UInt64 = 0
    /// Files in the staging folder; they outlive the process.
    var staging: Set<Station.RunID> = []
    /// The orders whose URL and key are in memory.
    var orders: [Station.RunID: BackupOrder] = [:]
    /// Keys of completed runs in the agent's own vault; they outlive the process.
    var keys: [Station.RunID: [UInt8]] = [:]
    /// Dumps and uploads under way, by run, with the command's position.
    var working: [Station.RunID: Position] = [:]
    /// Runs whose next step is to end at once.
    var stopping: Set<Station.RunID> = []
    /// Reports that wait for their acknowledgement, in order of their commands.
    var reports: [(run: Station.RunID, position: Position, sequence: UInt64)] = []
    /// How often each run was dumped.
    var dumpCounts: [Station.RunID: Int] = [:]
    /// When deadlines are looked at next.
    var looksAt: Timestamp?

    init(disk: ModelDisk = ModelDisk()) { self.disk = disk }

    /// What another host has that got a copy of the state directory.
    var copied: StationAgent {
        var copy = StationAgent(disk: disk.copied)
        copy.audit = audit
        copy.staging = staging
        copy.keys = keys
        return copy
    }

    mutating func forgetMemory() {
        kernel = nil
        orders = [:]
        working = [:]
        stopping = []
        reports = []
        looksAt = nil
    }
}

/// A moment in the work of a worker of our agent.
struct StationStep: Sendable {
    enum Kind: Sendable {
        case progress
        case dumped
        case uploaded
        case timeUp
    }

    var kind: Kind
    var run: Station.RunID
    var command: Position
}

extension World {
    static let stationCodec = StationCodec()

    mutating func startStation(_ agent: Int) throws(Breach) {
        guard let disk = stations[agent]?.disk else { return }
        stations[agent]?.sequence = 0
        let kernel: StationKernel
        do {
            kernel = try disk.kernel(Station.self, Self.stationCodec)
            try stations[agent]?.promises.check(disk, Self.stationCodec)
        } catch let breach as Breach {
            throw breach
        } catch {
            throw Breach(3, "\(links[agent].host): \(error)")
        }
        stations[agent]?.promises.clear()
        try auditStation(agent)
        try stations[agent]?.audit.check(served: kernel.state)
        let pending = kernel.pending
        stations[agent]?.kernel = kernel
        guard try record(.started(build: "simulation", rules: Station.rules), at: agent) else { return }
        for delivery in pending { deliver(delivery, at: agent) }
    }

    mutating func disconnectStation(_ agent: Int) throws(Breach) {
        for place in stations[agent]?.reports.indices ?? 0..<0 { stations[agent]?.reports[place].sequence = 0 }
        for id in stations[agent]?.working.keys.sorted() ?? [] {
            let isUploading = stations[agent]?.kernel?.state.runs[id]?.staged != nil
            count(isUploading ? .disconnectDuringUpload : .disconnectDuringDump)
        }
        _ = try record(.disconnected(reason: "lost"), at: agent)
    }

    mutating func passStationDeadlines(_ agent: Int) throws(Breach) {
        stations[agent]?.looksAt = nil
        let now = now
        do {
            try stations[agent]?.kernel?.passDeadlines(at: now)
        } catch {
            throw Breach(3, "\(links[agent].host): \(error)")
        }
        _ = try commitStation(agent)
    }

    /// One turn and its commit; the process may die before it, or right after.
    ///
    /// - Returns: Whether the process still lives.
    @discardableResult
    mutating func record(_ message: Station.Message, at agent: Int) throws(Breach) -> Bool {
        let now = now
        do {
            _ = try stations[agent]?.kernel?.turn(message, at: now)
        } catch {
            throw Breach(3, "\(links[agent].host): \(error)")
        }
        return try commitStation(agent)
    }

    private mutating func commitStation(_ agent: Int) throws(Breach) -> Bool {
        guard let disk = stations[agent]?.disk else { return false }
        if strikes(.agentKill, in: 2_000) {
            disk.plan(dice.chance(in: 2) ? .diesBefore : .tears(thousandths: Int(dice.number(0...999))))
        }
        let recorded: [Recorded<Station.Message>]
        do {
            recorded = try stations[agent]?.kernel?.commit() ?? []
        } catch {
            if dice.chance(in: 2) { disk.losePower(keeping: 0, tearingAt: nil) }
            killAgent(agent)
            return false
        }
        try auditStation(agent)
        try keepStation(agent)
        if strikes(.agentKill, in: 2_000) {
            killAgent(agent)
            return false
        }
        scheduleDeadlines(of: agent)
        for item in recorded {
            // From now on heartbeats and announcements say that the run is in the journal.
            if case .told = item.entry.message { stations[agent]?.promises.give(item.entry) }
            guard item.role == .command else { continue }
            deliver(
                Delivery(position: item.entry.position, message: item.entry.message, isRedelivered: false), at: agent)
        }
        return true
    }

    private mutating func scheduleDeadlines(of agent: Int) {
        guard let due = stations[agent]?.kernel?.nextDue,
            due < stations[agent]?.looksAt ?? Timestamp(milliseconds: .max)
        else { return }
        stations[agent]?.looksAt = due
        agenda.add(.stationDeadlines(agent, links[agent].epoch), at: max(now, due))
    }

    private mutating func keepStation(_ agent: Int) throws(Breach) {
        guard plan.keepsSnapshots, let folded = stations[agent]?.kernel?.folded, let disk = stations[agent]?.disk,
            folded.position.number.isMultiple(of: plan.agentCount <= 8 ? 9 : 50)
        else { return }
        do {
            try disk.keep(folded, Self.stationCodec, keepsAll: plan.agentCount <= 8)
            stations[agent]?.promises.forget(upTo: disk.base)
        } catch {
            throw Breach(3, "\(links[agent].host): \(error)")
        }
    }

    private mutating func auditStation(_ agent: Int) throws(Breach) {
        guard let disk = stations[agent]?.disk, let last = stations[agent]?.audit.last else { return }
        do {
            for encoded in try disk.entries(after: last) {
                let entry = try Self.stationCodec.decode(encoded)
                coverage.note(entry, in: stations[agent]?.audit.state)
                try stations[agent]?.audit.take(entry)
            }
            try stations[agent]?.audit.checkWhole()
        } catch let breach as Breach {
            throw Breach(breach.invariant, "\(links[agent].host): \(breach.text)")
        } catch {
            throw Breach(3, "\(links[agent].host): \(error)")
        }
    }

    private mutating func deliver(_ delivery: Delivery<Station.Message>, at agent: Int) {
        after(dice.span(1...30), .stationCommand(agent, links[agent].epoch, delivery))
    }

    /// A frame from the server.
    mutating func take(_ frame: ServerFrame, at agent: Int, on id: Int) throws(Breach) {
        switch frame {
        case .registerAck(let session, let settings, _):
            let extensions = connections[id]?.extensions ?? []
            guard try record(.connected(session: session, extensions: extensions), at: agent) else { return }
            if let settings { guard try configure(agent, settings) else { return } }
            for report in stations[agent]?.reports ?? [] { sendReport(report.run, at: agent) }
        case .configUpdate(let settings):
            if let settings { _ = try configure(agent, settings) }
        case .runBackup(let order):
            stations[agent]?.orders[order.runID] = order
            try record(.told(order.runID, order.order), at: agent)
        case .cancelJob(let job):
            try record(.cancelTold(job: job), at: agent)
        case .reportAcknowledged(let run, let sequence):
            guard
                let place = stations[agent]?.reports.firstIndex(where: { $0.run == run && $0.sequence == sequence }),
                let report = stations[agent]?.reports.remove(at: place)
            else { return }
            try record(.outcome(report.run, of: report.position, .delivered(isAcknowledged: true)), at: agent)
        case .ping(let id):
            sendFromStation(.acknowledgement(correlationID: id), agent)
        case .runHealthCheck(let check):
            let isHealthy = !dice.chance(in: 10)
            let result = HealthResult(
                check: CheckID(check), probedAt: clock(of: agent), isHealthy: isHealthy, latencyMilliseconds: 1,
                errorText: isHealthy ? "" : "refused", statusCode: 0)
            sendFromStation(.health(result, isDetailed: false), agent)
        case .selfUpdate, .other:
            break
        }
    }

    private mutating func configure(_ agent: Int, _ settings: StationSettings) throws(Breach) -> Bool {
        links[agent].settings = settings
        return try record(
            .configured(version: settings.version, parallelRunLimit: settings.parallelRunLimit), at: agent)
    }
}
