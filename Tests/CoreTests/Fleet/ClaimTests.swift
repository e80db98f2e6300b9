import Core
import Testing

@Suite("One key on two machines")
struct ClaimTests {
    private let twin: SessionID = "ses_2"

    /// Another host dials with the agent's key.
    @discardableResult
    private func dial(
        _ story: inout Story, host: Text = "elsewhere", session: SessionID = "ses_2", registers: Bool = true
    ) -> [Fleet.Message] {
        var said = story.tell(
            .sessionOpened(
                Story.agent,
                SessionOpening(session: session, remoteAddress: "192.0.2.9:1", extensions: [], hostname: host)))
        guard registers else { return said }
        said += story.hear(
            .register(
                Registration(
                    agentVersion: "v0.1.0", hostname: host, os: "linux", arch: "amd64", dockerVersion: "",
                    capabilities: [], lastKnownConfigVersion: 0)), session: session, sequence: 1)
        return said
    }

    private func beat(_ story: inout Story, session: SessionID = Story.session) -> [Fleet.Message] {
        story.hear(
            .heartbeat(Heartbeat(configVersion: 3, metrics: nil, activeJobIDs: [])), session: session, sequence: 2)
    }

    private var current: (Story) -> SessionID? { { $0.state.agents[Story.agent]?.session?.id } }

    @Test("The newcomer waits, the older connection is asked, and once it speaks the newcomer is refused and told of")
    func refuses() {
        var story = Story.ready()
        let said = dial(&story)
        #expect(said.contains(.command(.probe(Story.agent, Story.session))))
        #expect(!said.contains(.command(.welcome(Story.agent, twin))))
        #expect(current(story) == Story.session && story.state.claims.count == 1)
        let verdict = beat(&story)
        #expect(verdict.contains(.command(.refuse(Story.agent, twin))))
        #expect(current(story) == Story.session && story.state.claims.isEmpty)
        #expect(story.anomalies() == [.identityConflict: 1])
        let conflict = story.state.conflicts[Story.agent]
        #expect(conflict?.hostname == "elsewhere" && conflict?.remoteAddress == "192.0.2.9:1" && conflict?.count == 1)
        #expect(story.state.agents[Story.agent]?.registration?.hostname == "host")
        let detail = verdict.compactMap { if case .noted(let anomaly) = $0 { anomaly.detail.string } else { nil } }
        #expect(detail.first?.contains("host at") == true && detail.first?.contains("elsewhere at") == true)
        story.tell(.sessionClosed(Story.agent, twin, .ended))
        story.pass(.seconds(60))
        #expect(current(story) == Story.session && story.state.agents[Story.agent]?.status == .online)
    }

    @Test("An older connection that says nothing gives way after 8 s, and the newcomer is welcomed")
    func givesWay() {
        var story = Story.ready()
        dial(&story)
        story.pass(.seconds(7))
        #expect(current(story) == Story.session)
        story.pass(.seconds(1))
        #expect(current(story) == twin && story.state.claims.isEmpty && story.state.conflicts.isEmpty)
        #expect(story.pending.contains { $0.1 == .disconnect(Story.agent, Story.session) })
        #expect(story.pending.contains { $0.1 == .welcome(Story.agent, twin) })
        #expect(story.state.agents[Story.agent]?.registration?.hostname == "elsewhere")
        #expect(story.anomalies()[.identityConflict] == nil)
        #expect(story.state.agents[Story.agent]?.status == .online)
    }

    @Test("When the older connection ends, the newcomer need not wait any longer")
    func takesOver() {
        var story = Story.ready()
        dial(&story)
        story.disconnect()
        #expect(current(story) == twin && story.pending.contains { $0.1 == .welcome(Story.agent, twin) })
        var silent = Story.ready()
        dial(&silent, registers: false)
        silent.disconnect()
        #expect(current(silent) == twin && !silent.pending.contains { $0.1 == .welcome(Story.agent, twin) })
    }

    @Test("A reconnect from the same host replaces at once, as does one from a host without a name")
    func sameHost() {
        for host: Text in ["host", ""] {
            var story = Story.ready()
            dial(&story, host: host)
            #expect(current(story) == twin && story.state.claims.isEmpty)
        }
    }

    @Test("A newcomer that leaves is forgotten, and one that dials again puts nothing off")
    func leaves() {
        var story = Story.ready()
        dial(&story)
        story.tell(.sessionClosed(Story.agent, twin, .closed))
        #expect(
            story.state.claims.isEmpty
                && Fleet.nextDeadline(in: story.state)?.message == .deadline(.silence(Story.agent)))
        dial(&story)
        story.pass(.seconds(5))
        let again = dial(&story, session: "ses_3")
        #expect(again.contains(.command(.refuse(Story.agent, twin))))
        story.pass(.seconds(3))
        #expect(current(story) == "ses_3")
    }

    @Test("What a waiting connection says counts for nothing, and neither does a Register of one that is over")
    func countsForNothing() {
        var story = Story.running()
        dial(&story)
        let before = story.phase
        story.hear(
            .completed(
                Completion(
                    job: Story.job, run: WireRunID(Story.run, .first), objectName: "o", byteCount: 10,
                    digest: [UInt8](repeating: 9, count: 32), durationMilliseconds: 5, compression: "zstd",
                    databaseVersion: "")), session: twin, sequence: 3)
        #expect(story.phase == before && story.state.claims.count == 1)
        _ = beat(&story)
        dial(&story, host: "late", session: "ses_9", registers: false)
        _ = beat(&story)
        story.hear(
            .register(
                Registration(
                    agentVersion: "", hostname: "late", os: "", arch: "", dockerVersion: "", capabilities: [],
                    lastKnownConfigVersion: 0)), session: "ses_9", sequence: 1)
        #expect(story.state.agents[Story.agent]?.registration?.hostname == "host")
    }

    @Test("What a refused connection still sends counts for nothing")
    func refusedCountsForNothing() {
        var story = Story.running()
        dial(&story)
        _ = beat(&story)
        #expect(story.state.conflicts[Story.agent]?.session == twin)
        let before = story.state.runs[Story.run]
        story.hear(
            .heartbeat(Heartbeat(configVersion: 777, metrics: nil, activeJobIDs: [])), session: twin, sequence: 9)
        story.hear(
            .jobUpdate(
                JobUpdate(
                    job: Story.job, run: WireRunID(Story.run, .first), status: .failed, progressPercent: 0, step: "",
                    errorText: "")), session: twin, sequence: 10)
        #expect(story.state.runs[Story.run] == before)
        #expect(story.state.agents[Story.agent]?.appliedConfigVersion != 777)
    }

    @Test("A refused host that becomes the agent's own, since it moved, is no conflict any more")
    func moved() {
        var story = Story.ready()
        dial(&story)
        _ = beat(&story)
        #expect(story.state.conflicts.count == 1)
        story.disconnect()
        dial(&story, session: "ses_3")
        #expect(current(story) == "ses_3" && story.state.conflicts.isEmpty)
    }

    @Test("A key that changes ends both connections, and forgets the conflict")
    func rotation() {
        var story = Story.ready()
        dial(&story)
        _ = beat(&story)
        dial(&story, session: "ses_3")
        story.ask(.rotateKey(Story.agent, keyDigest: [UInt8](repeating: 2, count: 32)))
        #expect(story.pending.contains { $0.1 == .disconnect(Story.agent, Story.session) })
        #expect(story.pending.contains { $0.1 == .disconnect(Story.agent, "ses_3") })
        #expect(story.state.claims.isEmpty && story.state.conflicts.isEmpty && current(story) == nil)
    }

    @Test("A start forgets who waited, and a jump of the clock does not decide")
    func absence() {
        var story = Story.ready()
        dial(&story)
        story.now = story.now + .seconds(100)
        story.tell(.clockStepped(.seconds(100)))
        story.pass(.seconds(7))
        #expect(current(story) == Story.session)
        story.tell(.started(EngineStart(build: "", rules: Fleet.rules, seed: 1)))
        #expect(story.state.claims.isEmpty && current(story) == nil)
        story.pass(.seconds(20))
        #expect(current(story) == nil)
    }
}
