import Core
import Engine
import Testing
import Wire

@testable import Server

/// Goal: what a session may say and when, as a value. Method: no socket, no clock; inputs go in, actions are compared.
@Suite("Session state")
struct SessionStateTests {
    private let agent = AgentID("agt_00000000001")
    private let session = SessionID("ses_00000000001")
    private let second: UInt64 = 1_000_000_000

    private func state(_ extensions: [Text] = []) -> SessionState {
        SessionState(
            agent: agent, opening: SessionOpening(session: session, remoteAddress: "", extensions: extensions),
            session: session, at: 0)
    }

    private func frame(_ report: Report, sequence: UInt64 = 1) -> IncomingFrame {
        .received(
            ReceivedFrame(
                session: session, bytes: [1], fingerprint: sequence, sequence: sequence,
                sentAt: Timestamp(milliseconds: 100), isReplayed: false, failure: nil, report: report))
    }

    private var register: IncomingFrame {
        frame(
            .register(
                Registration(
                    agentVersion: "v0.1.0", hostname: "h", os: "linux", arch: "amd64", dockerVersion: "",
                    capabilities: [], lastKnownConfigVersion: 0)))
    }

    private var heartbeat: IncomingFrame {
        frame(.heartbeat(Heartbeat(configVersion: 1, metrics: nil, activeJobIDs: [])), sequence: 2)
    }

    private func completed(_ sequence: UInt64) -> IncomingFrame {
        frame(
            .completed(
                Completion(
                    job: JobID("job_1"), run: WireRunID("run_1-1"), objectName: "", byteCount: 1, digest: nil,
                    durationMilliseconds: 0, compression: "zstd", databaseVersion: "")), sequence: sequence)
    }

    /// A session that was answered at second 0.
    private func welcomed(_ extensions: [Text] = []) -> SessionState {
        var state = state(extensions)
        _ = state.received(register, byteCount: 1)
        _ = state.committed(1, at: 0)
        _ = state.committed(2, at: 0)
        _ = state.willSend(isAddressed: true, at: 0)
        _ = state.didSend(at: 0)
        return state
    }

    @Test("Register opens the session before it is received, and the frames behind it keep their order")
    func registers() {
        var state = state()
        let opening = SessionOpening(session: session, remoteAddress: "", extensions: [], hostname: "h")
        let first = state.received(register, byteCount: 10)
        #expect(first.count == 3)
        #expect(first.first == .announce)
        #expect(first.dropFirst().first == .submit(1, .sessionOpened(agent, opening)))
        guard case .submit(2, .received(_, _))? = first.last else {
            Issue.record("Register is submitted second")
            return
        }
        guard case .submit(3, .received(_, _))? = state.received(heartbeat, byteCount: 10).first else {
            Issue.record("frames are taken before the opening is committed")
            return
        }
        #expect(state.registeredSentAt == Timestamp(milliseconds: 100))
    }

    @Test("What an agent that journals runs says is never taken for replayed, however its clock is set")
    func replay() {
        var state = state([ProtocolExtension.journal])
        _ = state.received(register, byteCount: 10)
        #expect(state.registeredSentAt == nil)
    }

    @Test("Anything but Register first ends the connection, and no session is recorded")
    func refusesOthersFirst() {
        var state = state()
        #expect(
            state.received(heartbeat, byteCount: 1) == [.close(.policy, reason: "the first message must be Register")])
        #expect(state.connectionLost() == [])

        var junk = self.state()
        let unreadable = UnreadableFrame(isFromAgent: true, byteCount: 3, start: [1], problem: "malformed")
        #expect(
            junk.received(.unreadable(unreadable), byteCount: 3) == [
                .submit(1, .unreadable(agent, unreadable)),
                .close(.protocolError, reason: "the first message is no envelope"),
            ])
        #expect(junk.received(register, byteCount: 1) == [])
        #expect(junk.connectionLost() == [])
    }

    @Test("The first frame to an agent must be addressed to its session")
    func welcomesFirst() {
        var state = state()
        #expect(state.willSend(isAddressed: true, at: 0) == nil)
        _ = state.received(register, byteCount: 1)
        #expect(state.willSend(isAddressed: false, at: 0) == nil)
        #expect(state.willSend(isAddressed: true, at: 0) == 1)
        #expect(state.willSend(isAddressed: false, at: 0) == 2)
    }

    @Test("A ping goes out when nothing else did for 25 s, and never before RegisterAck")
    func pings() {
        var state = state()
        _ = state.received(register, byteCount: 1)
        #expect(state.timePassed(at: 25 * second) == [])
        #expect(state.timePassed(at: 100 * second) == [])
        #expect(state.willSend(isAddressed: true, at: 101 * second) == 1)
        #expect(state.due == 126 * second)
        #expect(state.timePassed(at: 125 * second) == [])
        #expect(state.timePassed(at: 126 * second) == [.send(.ping(correlationID: "ping-1"), sequence: 2)])
        #expect(state.willSend(isAddressed: false, at: 140 * second) == 3)
        #expect(state.timePassed(at: 151 * second) == [])
        #expect(state.timePassed(at: 165 * second) == [.send(.ping(correlationID: "ping-2"), sequence: 4)])
    }

    @Test("A connection without Register is ended after 15 s")
    func waitsForRegister() {
        var state = state()
        #expect(state.due == 15 * second)
        #expect(state.timePassed(at: 15 * second) == [.close(.policy, reason: "no Register within 15 s")])
    }

    @Test("64 uncommitted frames or 4 MiB stop the reading, and a commit resumes it")
    func holdsBack() {
        var many = welcomed()
        for _ in 0..<63 { _ = many.received(heartbeat, byteCount: 10) }
        #expect(many.mayRead)
        _ = many.received(heartbeat, byteCount: 10)
        #expect(!many.mayRead)
        _ = many.committed(3, at: 0)
        #expect(many.mayRead)

        var large = welcomed()
        _ = large.received(heartbeat, byteCount: 4 << 20)
        #expect(!large.mayRead)
        _ = large.committed(3, at: 0)
        #expect(large.mayRead)
    }

    @Test("Terminal reports are confirmed after their commit, only when negotiated and never before RegisterAck")
    func confirms() {
        var without = welcomed()
        _ = without.received(completed(7), byteCount: 1)
        #expect(without.committed(3, at: 0) == [])

        var with = welcomed([ProtocolExtension.reportAck])
        _ = with.received(completed(7), byteCount: 1)
        _ = with.received(heartbeat, byteCount: 1)
        #expect(
            with.committed(3, at: 0) == [.send(.reportAcknowledged(WireRunID("run_1-1"), sequence: 7), sequence: 2)])
        #expect(with.committed(4, at: 0) == [])

        var early = state([ProtocolExtension.reportAck])
        _ = early.received(register, byteCount: 1)
        _ = early.received(completed(4), byteCount: 1)
        #expect(early.committed(3, at: 0) == [])
        #expect(early.willSend(isAddressed: true, at: 0) == 1)
        #expect(
            early.didSend(at: 0) == [.send(.reportAcknowledged(WireRunID("run_1-1"), sequence: 4), sequence: 2)])
    }

    @Test("A full disk holds frames back in order, without confirmation, while pings go on")
    func survivesFullDisk() {
        var state = welcomed([ProtocolExtension.reportAck])
        _ = state.received(completed(7), byteCount: 1)
        #expect(state.failed(3, .log(.full(path: "log"))) == [.armRetry])
        #expect(state.received(heartbeat, byteCount: 1) == [])
        #expect(state.timePassed(at: 25 * second) == [.send(.ping(correlationID: "ping-1"), sequence: 2)])
        let again = state.retryDue()
        guard again.count == 2, case .submit(3, _) = again[0], case .submit(4, _) = again[1] else {
            Issue.record("both are submitted again, in order: \(again)")
            return
        }
        #expect(state.committed(3, at: 0).count == 1)
    }

    @Test("An opening that finds the disk full lets the agent dial again")
    func opensLater() {
        var state = state()
        _ = state.received(register, byteCount: 1)
        #expect(
            state.failed(1, .log(.full(path: "log"))) == [
                .close(.tryAgainLater, reason: "the server cannot store anything now")
            ])
    }

    @Test("The end is recorded once, with its reason")
    func ends() {
        var lost = welcomed()
        #expect(lost.connectionLost() == [.submitLast(.sessionClosed(agent, session, .closed))])
        #expect(lost.connectionLost() == [])

        var replaced = welcomed()
        #expect(replaced.close(.policy, reason: "newer", as: .replaced) == [.close(.policy, reason: "newer")])
        #expect(replaced.close(.goingAway, reason: "stop", as: .ended) == [])
        #expect(replaced.received(heartbeat, byteCount: 1) == [])
        #expect(replaced.willSend(isAddressed: false, at: 0) == nil)
        #expect(replaced.closeReceived() == [.disconnect])
        #expect(replaced.connectionLost() == [.submitLast(.sessionClosed(agent, session, .replaced))])
    }

    @Test("Close and ping frames are answered")
    func answers() {
        var state = welcomed()
        #expect(state.pinged([1, 2]) == [.pong([1, 2])])
        #expect(state.closeReceived() == [.close(.normal, reason: ""), .disconnect])
        #expect(state.pinged([1]) == [])
    }

    @Test("Asked for a sign of life it pings, but never before the RegisterAck")
    func probed() {
        var early = state()
        #expect(early.probed(at: 1) == [])
        _ = early.received(register, byteCount: 10)
        #expect(early.probed(at: 2) == [])
        var late = welcomed()
        #expect(late.probed(at: 3) == [.send(.ping(correlationID: "ping-1"), sequence: 2)])
        _ = late.close(.normal, reason: "")
        #expect(late.probed(at: 4) == [])
    }
}
