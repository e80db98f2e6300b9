import Core
import Testing

@Suite("Weaknesses of agents, told by name and with a remedy")
struct AnomalyTests {
    private static let beat = Heartbeat(configVersion: 3, metrics: nil, activeJobIDs: [])

    /// Live heartbeats, half a minute apart.
    private func beat(_ story: inout Story, _ numbers: [UInt64], session: SessionID = Story.session) {
        for number in numbers {
            story.pass(.seconds(30))
            story.hear(.heartbeat(Self.beat), session: session, sequence: number)
        }
    }

    private func keep(_ story: inout Story, _ number: UInt64, session: SessionID) {
        let line = LogLine(writtenAt: story.now, level: 2, job: "", text: "kept", fields: [])
        story.hear(
            .log(line), session: session, sequence: number, sentAt: story.now + .seconds(-60), isReplayed: true)
    }

    @Test(
        "Each kind has a remedy of its own words: one sentence that says what to do", arguments: Anomaly.Kind.allCases)
    func remedies(kind: Anomaly.Kind) {
        #expect(kind.remedy.hasSuffix(".") && kind.remedy.split(separator: ".").count == 1)
        #expect(kind.remedy.utf8.count > 40)
    }

    @Test("A message that another overtook is told of once a connection, and is not lost")
    func reordered() {
        var story = Story.ready()
        beat(&story, [2, 5, 4, 3, 6])
        #expect(story.anomalies() == [.messageReordered: 1])
        story.disconnect()
        story.connect(session: "ses_2", sequence: 7)
        beat(&story, [8, 9, 10], session: "ses_2")
        #expect(story.anomalies() == [.messageReordered: 1])
    }

    @Test("A number that is missing on one connection and does not come on the next is a lost message")
    func lost() {
        var story = Story.ready()
        beat(&story, [2, 5])
        story.disconnect()
        story.connect(session: "ses_2", sequence: 9)  // 6 to 8 may have been attempts to register
        keep(&story, 4, session: "ses_2")
        beat(&story, [10], session: "ses_2")
        #expect(story.anomalies() == [:])
        beat(&story, [11, 12], session: "ses_2")
        #expect(story.anomalies() == [.messageLost: 1])
        let details = story.entries.compactMap {
            if case .noted(let anomaly) = $0.message { anomaly.detail } else { nil }
        }
        #expect(details == ["1 of a former connection, with the numbers 3"])
    }

    @Test("A message that was kept and comes on the next connection, also to a new process, is not lost")
    func kept() {
        for restarts in [false, true] {
            var story = Story.ready()
            beat(&story, [3, 4])
            story.disconnect()
            story.connect(session: "ses_2", sequence: restarts ? 1 : 5)
            keep(&story, 2, session: "ses_2")
            beat(&story, restarts ? [2, 3, 4] : [6, 7, 8], session: "ses_2")
            #expect(story.anomalies() == (restarts ? [.processRestart: 1] : [:]))
        }
    }

    @Test("What could not be read is told as such, and not as lost too")
    func unreadable() {
        var story = Story.ready()
        beat(&story, [2])
        story.tell(
            .unreadable(
                Story.agent, UnreadableFrame(isFromAgent: true, byteCount: 1, start: [9], problem: "no envelope")))
        beat(&story, [4])
        story.disconnect()
        story.connect(session: "ses_2", sequence: 5)
        beat(&story, [6, 7, 8], session: "ses_2")
        #expect(story.anomalies() == [.unreadableFrame: 1])
    }

    @Test("A run that is reported as interrupted was cut off")
    func cutOff() {
        var story = Story.running()
        story.disconnect()
        story.connect(session: "ses_2", sequence: 5)
        story.update(.failed, failure: .disconnect)
        #expect(story.anomalies() == [.runCutOff: 1])
        var other = Story.running()
        other.update(.failed, failure: .source)
        #expect(other.anomalies() == [:])
    }

    @Test("A run without a report: the process that had it is gone, or the report is lost, or nobody knows yet")
    func withoutReport() {
        let ends: [(reconnects: Bool, sequence: UInt64, anomalies: [Anomaly.Kind: UInt64])] = [
            (true, 9, [.messageLost: 1]), (true, 1, [.processRestart: 1, .runCutOff: 1]), (false, 0, [:]),
        ]
        for end in ends {
            var story = Story.running()
            story.hear(.heartbeat(Self.beat), sequence: 2)
            story.disconnect()
            if end.reconnects {
                story.connect(session: "ses_2", sequence: end.sequence)
                for number in 1...5 {
                    story.pass(.seconds(30))
                    story.hear(
                        .heartbeat(Self.beat), session: "ses_2", sequence: end.sequence + UInt64(number))
                }
            } else {
                story.pass(.seconds(150))
            }
            story.observe(.missing)
            #expect(story.anomalies() == end.anomalies)
        }
    }

    @Test("So is one whose process ended before the outcome of its sending was on the log")
    func cutOffWhileSent() {
        var story = Story.ready()
        story.hear(.heartbeat(Self.beat), sequence: 2)
        story.ask(.runJob(Story.run, Story.job))
        story.disconnect()
        story.connect(session: "ses_2", sequence: 1)
        story.send()
        for number in UInt64(2)...6 {
            story.pass(.seconds(30))
            story.hear(.heartbeat(Self.beat), session: "ses_2", sequence: number)
        }
        story.observe(.missing)
        #expect(story.anomalies() == [.processRestart: 1, .runCutOff: 1])
    }

    @Test("A configuration that heartbeats do not name 90 s after it was sent is told of once, and not before")
    func configurationNotApplied() {
        var story = Story.ready()
        story.deliversConfigurations = false
        let version = story.state.agents[Story.agent]?.configVersion ?? 0
        func beat(_ version: UInt64) {
            story.pass(.seconds(30))
            story.hear(.heartbeat(Heartbeat(configVersion: version, metrics: nil, activeJobIDs: [])))
        }
        beat(version)
        story.ask(.changeJob(Story.job, [.cron("0 3 * * *")]))
        for _ in 0..<4 { beat(version) }
        #expect(story.anomalies() == [:], "it was not sent")
        story.carryOut { if case .configure = $0 { .done } else { nil } }
        for _ in 0..<2 { beat(version) }
        #expect(story.anomalies() == [:])
        #expect(story.state.agents[Story.agent]?.isConfigurationApplied == false)
        for _ in 0..<3 { beat(version) }
        #expect(story.anomalies() == [.configNotApplied: 1])
        beat(version + 1)
        #expect(story.state.agents[Story.agent]?.isConfigurationApplied == true)
    }

    @Test("A sending of which nobody knows, and of which the agent never speaks, is unconfirmed")
    func unconfirmed() {
        var story = Story.ready()
        story.ask(.runJob(Story.run, Story.job))
        story.carryOut { if case .dispatch = $0 { .unknown } else { nil } }
        story.pass(.seconds(151))
        #expect(story.anomalies()[.unconfirmedCommand] == 1)
    }
}
