import Core
import Testing

@Suite("One key on two machines of one name")
struct AlternationTests {
    /// A process on some machine, with the numbers of its messages.
    private struct Process {
        var address: Text
        var sequence: UInt64
    }

    private var connectionCount = 0

    /// A process connects, whatever is connected already, and sends a heartbeat.
    private mutating func dial(_ story: inout Story, _ process: inout Process, after wait: Milliseconds) {
        story.pass(wait)
        connectionCount += 1
        let session = SessionID(Text("ses_x\(connectionCount)"))
        story.tell(
            .sessionOpened(
                Story.agent,
                SessionOpening(session: session, remoteAddress: process.address, extensions: [], hostname: "host")))
        process.sequence += 1
        let registration = Registration(
            agentVersion: "v0.1.0", hostname: "host", os: "linux", arch: "amd64", dockerVersion: "", capabilities: [],
            lastKnownConfigVersion: 0)
        story.hear(.register(registration), session: session, sequence: process.sequence)
        story.carryOut { if case .welcome = $0 { .done } else { nil } }
        process.sequence += 1
        story.hear(
            .heartbeat(Heartbeat(configVersion: 3, metrics: nil, activeJobIDs: [])), session: session,
            sequence: process.sequence)
    }

    /// Steps of alerts about that, in their order.
    private func steps(_ story: Story) -> [AlertDecision.Step] {
        story.entries.compactMap {
            guard case .alerted(let decision) = $0.message, decision.key.kind == .identityConflict else { return nil }
            return decision.step
        }
    }

    private mutating func alternate(_ story: inout Story, _ count: Int, after wait: Milliseconds, from: UInt64 = 20) {
        var processes = [Process(address: "192.0.2.1:1", sequence: from), Process(address: "192.0.2.2:2", sequence: 0)]
        for number in 0..<count { dial(&story, &processes[number % 2], after: wait) }
    }

    @Test("is told of once they have taken each other's place four times, and ends a day after they cease")
    mutating func twins() {
        var story = Story.ready()
        alternate(&story, 5, after: .seconds(50))
        #expect(steps(story) == [])
        #expect(story.state.conflicts.isEmpty)
        story = Story.ready()
        alternate(&story, 60, after: .seconds(50))
        #expect(steps(story).first == .opened)
        #expect(steps(story).count { $0 == .opened } == 1)
        #expect(!steps(story).contains(.resolved))
        let conflict = story.state.conflicts[Story.agent]
        #expect(conflict?.hostname == "host" && conflict?.session == nil)
        #expect(conflict?.remoteAddress == "192.0.2.1:1" || conflict?.remoteAddress == "192.0.2.2:2")
        let detail = story.entries.compactMap {
            if case .noted(let anomaly) = $0.message, anomaly.kind == .identityConflict {
                anomaly.detail.string
            } else {
                nil
            }
        }.first
        #expect(detail?.contains("192.0.2.1:1") == true && detail?.contains("192.0.2.2:2") == true)
        #expect(story.anomalies()[.identityConflict] ?? 0 >= 10)
        story.pass(.hours(49))
        #expect(steps(story).last == .resolved)
    }

    @Test("is told of also where both have used as many numbers")
    mutating func lockstep() {
        var story = Story.ready()
        alternate(&story, 16, after: .seconds(30), from: 0)
        #expect(steps(story).first == .opened)
    }

    @Test("is not told of one process whose network comes and goes")
    mutating func oneProcess() {
        var story = Story.ready()
        var process = Process(address: "192.0.2.1:1", sequence: 1)
        for number in 0..<40 {
            process.sequence += UInt64(number % 3)
            dial(&story, &process, after: .seconds(10))
        }
        #expect(story.anomalies()[.identityConflict] == nil)
    }

    @Test("is not told of one that is killed again and again, and reconnects between", arguments: 1...4)
    mutating func restarts(lives: Int) {
        var story = Story.ready()
        var process = Process(address: "192.0.2.1:1", sequence: 0)
        for number in 0..<60 {
            if number.isMultiple(of: lives) { process.sequence = UInt64(number % 3) }
            dial(&story, &process, after: .seconds(10))
        }
        #expect(story.anomalies()[.identityConflict] == nil)
        #expect((story.anomalies()[.processRestart] ?? 0) > 10)
    }

    @Test("is not told of where they take turns more seldom, or where the former connection is over")
    mutating func others() {
        var seldom = Story.ready()
        alternate(&seldom, 20, after: .minutes(4))
        #expect(seldom.anomalies()[.identityConflict] == nil)
        var moved = Story.ready()
        var processes = [Process(address: "192.0.2.1:1", sequence: 20), Process(address: "192.0.2.2:2", sequence: 0)]
        for number in 0..<20 {
            moved.disconnect(session: moved.state.agents[Story.agent]?.session?.id ?? Story.session)
            dial(&moved, &processes[number % 2], after: .seconds(30))
        }
        #expect(moved.anomalies()[.identityConflict] == nil)
    }

    @Test("is forgotten with the key")
    mutating func rotation() {
        var story = Story.ready()
        alternate(&story, 20, after: .seconds(50))
        #expect(story.state.conflicts.count == 1)
        story.ask(.rotateKey(Story.agent, keyDigest: [UInt8](repeating: 2, count: 32)))
        #expect(story.state.conflicts.isEmpty)
        story.pass(.seconds(1))
        #expect(steps(story).last == .resolved)
    }
}
