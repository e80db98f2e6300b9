@testable import Core

/// An agent that does nothing wrong, as the log sees it: one process on TCP, reports kept while it is away. What it does
/// and when is drawn from a seed.
struct PlainAgent {
    var story = Story.ready()
    private let seed: UInt64
    private var drawCount: UInt64 = 0
    var sequence: UInt64 = 1
    private var sessionCount = 1
    private var isConnected = true
    private var kept: [(sequence: UInt64, report: Report, sentAt: Timestamp)] = []
    private var runCount = 0
    private var reported: Set<RunID> = []
    private var percent: UInt32 = 0

    init(seed: UInt64) {
        self.seed = seed
        carryOut()
    }

    var session: SessionID { SessionID(Text("ses_\(sessionCount)")) }

    mutating func draw(_ bound: UInt64) -> UInt64 {
        drawCount += 1
        return Mix.bits(seed: seed, counter: drawCount) % bound
    }

    mutating func number() -> UInt64 {
        sequence += 1
        return sequence
    }

    mutating func carryOut() {
        story.carryOut { command in
            switch command {
            case .observe: Story.found()
            default: .done
            }
        }
    }

    /// What it was given and has said nothing final about.
    var inFlight: [RunID] {
        (story.state.agents[Story.agent]?.openRuns ?? []).filter {
            story.state.runs[$0]?.attemptInFlight != nil && !reported.contains($0)
        }
    }

    /// Now and then a message is saved although there is a connection, and comes with the next one.
    private mutating func say(_ report: Report) {
        if !isConnected || draw(10) == 0 { kept.append((number(), report, story.now)) } else { live(report) }
    }

    mutating func live(_ report: Report, failure: FailureClass? = nil) {
        story.hear(report, session: session, sequence: number(), failure: failure)
        carryOut()
    }

    func update(
        _ status: JobUpdate.Status, of run: RunID, percent: UInt32 = 0
    ) -> Report {
        let attempt = story.state.runs[run]?.attempt ?? .first
        return .jobUpdate(
            JobUpdate(
                job: Story.job, run: WireRunID(run, attempt), status: status, progressPercent: percent, step: "dump",
                errorText: ""))
    }

    func completion(of run: RunID) -> Report {
        .completed(
            Completion(
                job: Story.job, run: WireRunID(run, story.state.runs[run]?.attempt ?? .first), objectName: "o",
                byteCount: 10, digest: [UInt8](repeating: 9, count: 32), durationMilliseconds: 5, compression: "zstd",
                databaseVersion: "SQLite 3"))
    }

    func line(_ text: Text) -> Report {
        .log(LogLine(writtenAt: story.now, level: 2, job: "", text: text, fields: []))
    }

    mutating func beat(version: UInt64? = nil) {
        let version = version ?? story.state.agents[Story.agent]?.configVersion ?? 0
        live(.heartbeat(Heartbeat(configVersion: version, metrics: nil, activeJobIDs: [])))
    }

    /// Asks for a run, which the agent is given unless its database is being dumped already.
    @discardableResult
    mutating func begin() -> RunID {
        runCount += 1
        let run = RunID(Text("run_\(runCount)"))
        story.ask(.runJob(run, Story.job))
        carryOut()
        return run
    }

    /// Is connected, with nothing in its hands.
    mutating func finish() {
        if !isConnected || !kept.isEmpty {
            disconnect()
            reconnect()
        }
        while let run = inFlight.first {
            reported.insert(run)
            live(completion(of: run))
        }
    }

    mutating func disconnect() {
        guard isConnected else { return }
        story.disconnect(session: session)
        isConnected = false
    }

    /// One of the things that plain agents, their server and people do.
    mutating func step() {
        story.pass(Milliseconds(Int64(draw(9_000)) + 1))
        switch draw(12) {
        case 0:
            disconnect()
            for run in inFlight {
                reported.insert(run)
                say(completion(of: run))
            }
        case 1: begin()
        case 2, 3:
            guard let run = inFlight.first else { break }
            reported.insert(run)
            say(completion(of: run))
            carryOut()
        case 4:
            guard let run = inFlight.first, isConnected else { break }
            reported.insert(run)
            live(update(.failed, of: run), failure: .source)
        case 5:
            guard let run = inFlight.first, isConnected else { break }
            percent = min(percent + UInt32(draw(9)), 100)
            let progress = story.state.runs[run]?.progressPercent ?? 0
            live(update(.running, of: run, percent: max(progress, percent)))
        case 6: story.ask(.changeJob(Story.job, [.timeoutSeconds(UInt32(draw(9)) + 600)]))
        case 7: say(line("a line"))
        case 8: if isConnected { live(.discovery([])) }
        case 9:
            // The server is restarted.
            isConnected = false
            story.tell(.started(EngineStart(build: "test", rules: Fleet.rules, seed: 1)))
        default: break
        }
        carryOut()
        if isConnected { beat() } else { reconnect() }
    }

    mutating func reconnect() {
        sequence += draw(3)  // attempts to register that failed took numbers
        sessionCount += 1
        isConnected = true
        story.connect(session: session, sequence: number())
        // Kept messages come in the order of their keys' text.
        for item in kept.sorted(by: { "\($0.sequence)" < "\($1.sequence)" }) {
            story.hear(
                item.report, session: session, sequence: item.sequence, sentAt: item.sentAt, isReplayed: true)
        }
        kept = []
        carryOut()
    }

    /// Connects and is not heard again.
    mutating func fallSilent() {
        disconnect()
        sessionCount += 1
        isConnected = true
        story.connect(session: session, sequence: number())
        story.pass(.seconds(91))
        isConnected = false
    }
}
