import Core
import Digests
import Engine
import SQLiteLog
import Wire

/// A fleet's days, in made-up time: each agent beats each 30 s and backs up ten times a day.
struct Traffic {
    private struct Member {
        let id: AgentID
        let job: JobID
        let session: SessionID
        var sequence: UInt64 = 0
    }

    private static let beat: Int64 = 30
    private static let beatsPerRun: Int64 = 288
    private var kernel: Kernel<Fleet, SQLiteEventLog, FleetCodec>
    private var members: [Member] = []
    private var now = Timestamp(milliseconds: 1_800_000_000_000)
    private var runCount: UInt64 = 0
    private let digest = [UInt8](repeating: 9, count: 32)
    private let ticket = Ticket(token: "admin")

    /// A new log's engine, with agents that are connected and have a job each.
    init(log: SQLiteEventLog, agentCount: UInt64) throws {
        kernel = try Kernel(log: log, codec: FleetCodec())
        try tell(.started(EngineStart(build: "long-log", rules: Fleet.rules, seed: 7)))
        for number in 1...max(1, agentCount) {
            let member = Member(id: AgentID(bits: number), job: JobID(bits: number), session: SessionID(bits: number))
            let target = TargetID(bits: number)
            try tell(.requested(.createAgent(member.id, name: Text("db-\(number)"), keyDigest: digest), ticket))
            try tell(
                .requested(
                    .createTarget(target, member.id, [.type(.sqlite), .database("/var/lib/app.db")]), ticket))
            try tell(.requested(.createJob(member.job, member.id, target, [.retentionDays(7)]), ticket))
            let opening = SessionOpening(session: member.session, remoteAddress: "192.0.2.7:4711", extensions: [])
            try tell(.sessionOpened(member.id, opening))
            members.append(member)
            let identity = AgentIdentity(
                version: "1", hostname: "db-\(number)", system: "linux", architecture: "amd64",
                capabilities: ["sqlite"])
            try hear(.register(identity, lastKnownConfigVersion: 0), from: members.count - 1)
        }
    }

    /// Goes on until the log has at least so many entries.
    mutating func run(entryCount: UInt64) throws {
        var second: Int64 = 0
        while kernel.folded.position.number < entryCount {
            second += 1
            now = now + .seconds(1)
            try kernel.passDeadlines(at: now)
            var place = Int(second % Self.beat)
            while place < members.count {
                var vitals = AgentVitals()
                vitals.processorThousandths = UInt32(second % 100_000)
                vitals.memoryTotalByteCount = 8 << 30
                try hear(.heartbeat(configVersion: 3, vitals, activeJobs: []), from: place)
                if (second / Self.beat + Int64(place)) % Self.beatsPerRun == 0 {
                    runCount += 1
                    try tell(.requested(.runJob(RunID(bits: runCount << 20), members[place].job), ticket))
                }
                place += Int(Self.beat)
            }
            if kernel.staged.count >= 1_000 { _ = try kernel.commit() }
        }
        _ = try kernel.commit()
    }

    private mutating func hear(_ frame: AgentFrame, from place: Int) throws {
        members[place].sequence += 1
        let member = members[place]
        let bytes = frame.bytes(sequence: member.sequence, sentAt: now)
        if case .received(let frame) = IncomingFrame.decode(bytes, session: member.session, registeredSentAt: nil) {
            try tell(.received(member.id, frame))
        }
    }

    /// Stages a turn, and carries out what it commands.
    private mutating func tell(_ message: Fleet.Message) throws {
        guard case .staged(let range) = try kernel.turn(message, at: now) else { return }
        for item in kernel.staged[range] {
            guard case .command(let command) = item.entry.message else { continue }
            try carryOut(command, at: item.entry.position)
        }
    }

    private mutating func carryOut(_ command: Command, at position: Position) throws {
        var result = CommandOutcome.Result.done
        if case .observe = command { result = .found(byteCount: 1_000, digest: digest) }
        try tell(.outcome(CommandOutcome(position: position, command: command, result: result)))
        guard case .dispatch(let agent, let run, let attempt, _) = command,
            let place = members.firstIndex(where: { $0.id == agent })
        else { return }
        let id = WireRunID(run, attempt).text
        let job = members[place].job.text
        for percent in [0, 40, 90] as [UInt32] {
            let progress = Station.Progress(step: "dump", percent: percent)
            try hear(.progress(run: id, job: job, isQueued: false, progress), from: place)
        }
        var done = Station.Run(Station.Order(job: job, object: "o", isManual: false))
        done.staged = Station.Staged(
            byteCount: 1_000, digest: Text(Hex.encode(digest)), engineVersion: "SQLite 3.40.1")
        try hear(.report(run: id, done, .completed, key: []), from: place)
    }
}
