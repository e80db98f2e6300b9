import Core
import Engine

/// Our agent: the real machine over a log that outlives the process, with model workers.
struct StationAgent {
    let codec: AnyCodec<Station.Message>
    var disk = ModelDisk()
    var kernel: StationKernel?
    var promises = Promises<Station.Message>()
    /// Files in the staging folder; they outlive the process.
    var staging: Set<Station.RunID> = []
    /// Runs whose URL and key are in memory.
    var secrets: Set<Station.RunID> = []
    /// Dumps and uploads under way, by run, with the command's position.
    var working: [Station.RunID: Position] = [:]
    /// Runs whose next step is to end at once.
    var stopping: Set<Station.RunID> = []
    /// Reports that wait for their acknowledgement, in order of their commands.
    var reports: [(run: Station.RunID, position: Position, sequence: UInt64)] = []
    /// How often each run was dumped.
    var dumpCounts: [Station.RunID: Int] = [:]

    init(codec: AnyCodec<Station.Message>) { self.codec = codec }

    var configVersion: UInt64 { kernel?.state.configVersion ?? 0 }

    /// What a heartbeat lists.
    var activeRuns: [Text] {
        guard let state = kernel?.state else { return [] }
        return state.runs.idsByCreation.filter { state.runs[$0]?.isOpen == true }
    }

    mutating func forgetMemory() {
        kernel = nil
        secrets = []
        working = [:]
        stopping = []
        reports = []
    }
}

/// A moment in the work of a worker of our agent.
struct StationStep: Sendable {
    enum Kind: Sendable {
        case progress
        case dumped
        case uploaded
    }

    var kind: Kind
    var run: Station.RunID
    var command: Position
}

extension World {
    var stationDue: Timestamp? { station.kernel?.nextDue }

    mutating func startStation() throws(Breach) {
        if defect == .forgetsJournal {
            station.disk = ModelDisk()
            stationAudit = Auditor()
        }
        try station.promises.check(station.disk, station.codec)
        station.promises.clear()
        let kernel: StationKernel = station.disk.kernel(station.codec)
        try auditStation()
        try stationAudit.check(served: kernel.state)
        let pending = kernel.pending
        station.kernel = kernel
        guard try record(.started(build: "simulation", rules: Station.rules)) else { return }
        for delivery in pending { deliver(delivery) }
    }

    mutating func disconnectStation() throws(Breach) {
        for place in station.reports.indices { station.reports[place].sequence = 0 }
        _ = try record(.disconnected(reason: "lost"))
    }

    mutating func passStationDeadlines() throws(Breach) {
        let now = now
        do {
            try station.kernel?.passDeadlines(at: now)
        } catch {
            preconditionFailure("memory can be read: \(error)")
        }
        _ = try commitStation()
    }

    /// One turn and its commit; the process may die before it, or right after.
    ///
    /// - Returns: Whether the process still lives.
    @discardableResult
    mutating func record(_ message: Station.Message) throws(Breach) -> Bool {
        let now = now
        do {
            _ = try station.kernel?.turn(message, at: now)
        } catch {
            preconditionFailure("memory can be read: \(error)")
        }
        return try commitStation()
    }

    private mutating func commitStation() throws(Breach) -> Bool {
        if !isHealed, dice.chance(in: 1_500) {
            killAgent(Self.ours)
            return false
        }
        let recorded: [Recorded<Station.Message>]
        do {
            recorded = try station.kernel?.commit() ?? []
        } catch {
            preconditionFailure("this disk does not fail: \(error)")
        }
        try auditStation()
        if keepsSnapshots, station.disk.lastPosition.number.isMultiple(of: 3) {
            station.disk.keep(station.kernel?.folded, station.codec)
        }
        if !isHealed, dice.chance(in: 1_500) {
            killAgent(Self.ours)
            return false
        }
        for item in recorded {
            // From now on heartbeats and announcements say that the run is in the journal.
            if case .told = item.entry.message { station.promises.give(item.entry) }
            guard item.role == .command else { continue }
            deliver(Delivery(position: item.entry.position, message: item.entry.message, isRedelivered: false))
        }
        return true
    }

    private mutating func auditStation() throws(Breach) {
        for encoded in station.disk.entries(after: stationAudit.last) {
            do {
                try stationAudit.take(station.codec.decode(encoded))
            } catch let breach as Breach {
                throw Breach(breach.invariant, "station: \(breach.text)")
            } catch {
                throw Breach(3, "station: \(error)")
            }
        }
        try stationAudit.checkWhole()
    }

    private mutating func deliver(_ delivery: Delivery<Station.Message>) {
        after(dice.span(1...30), .stationCommand(links[Self.ours].epoch, delivery))
    }

    /// A frame from the server.
    mutating func take(_ frame: ServerFrame, on id: Int) throws(Breach) {
        switch frame {
        case .registerAck(let session, let version, let limit):
            let extensions = connections[id].extensions
            guard try record(.connected(session: session.text, extensions: extensions)),
                try record(.configured(version: version, parallelRunLimit: limit))
            else { return }
            for report in station.reports { try sendReport(report.run) }
        case .configUpdate(let version, let limit):
            try record(.configured(version: version, parallelRunLimit: limit))
        case .runBackup(let job, let wire):
            station.secrets.insert(wire.text)
            try record(.told(wire.text, Station.Order(job: job.text, object: wire.text, isManual: true)))
        case .cancelJob(let job):
            try record(.cancelTold(job: job.text))
        case .reportAcknowledged(let wire, let sequence):
            guard let place = station.reports.firstIndex(where: { $0.run == wire.text && $0.sequence == sequence })
            else { return }
            let report = station.reports.remove(at: place)
            try record(.outcome(report.run, of: report.position, .delivered(isAcknowledged: true)))
        case .ping:
            break
        }
    }
}
