import Core
import Engine
import Testing

@testable import Simulation

/// What the simulation's checks hold against each start, and take for a reason to wait.
struct OpenRunsTests {
    private let first = RunID("run_1")
    private let second = RunID("run_2")
    private static let journal = [ProtocolExtension.journal]

    private func list(_ attempts: [WireRunID]) -> Report {
        .heartbeat(Heartbeat(configVersion: 1, metrics: nil, activeJobIDs: attempts.map(\.text)))
    }

    /// A journaling agent is back whose run was given up meanwhile, and has listed nothing yet.
    private func givenUp(parallelRunLimit: UInt32) throws -> FleetRig {
        var rig = try FleetRig(parallelRunLimit: parallelRunLimit)
        try rig.connect(SessionID("ses_1"), extensions: Self.journal)
        try rig.receive(list([]), on: SessionID("ses_1"))
        try rig.ask(.runJob(first, FleetRig.job))
        try rig.answer(.done, to: FleetRig.dispatch(first, .first))
        try rig.record(.sessionClosed(FleetRig.agent, SessionID("ses_1"), .closed))
        try rig.wait(.seconds(150))
        try rig.answer(.missing, to: FleetRig.observe(first, .first))
        try rig.connect(SessionID("ses_2"), extensions: Self.journal)
        return rig
    }

    @Test("An attempt that was given up and is listed is in the way of its target, until it is over")
    func target() throws {
        var rig = try givenUp(parallelRunLimit: 2)
        try rig.receive(list([WireRunID(first, .first)]), on: SessionID("ses_2"))
        try rig.ask(.runJob(second, FleetRig.job))
        #expect(rig.obstacle(to: second) == "its target is busy with run_1")
        // What a start of it would be held against
        let run = try #require(rig.state.runs[second])
        let work = rig.openRuns.work(of: FleetRig.agent, in: rig.state)
        #expect(rig.openRuns.rival(of: run, among: work) == first)
        // A list of a former connection is none
        try rig.receive(list([]), on: SessionID("ses_1"))
        #expect(rig.obstacle(to: second) == "its target is busy with run_1")
        let update = JobUpdate(
            job: FleetRig.job, run: WireRunID(first, .first), status: .cancelled, progressPercent: 0, step: "",
            errorText: "")
        try rig.receive(.jobUpdate(update), on: SessionID("ses_2"))
        #expect(rig.openRuns.work(of: FleetRig.agent, in: rig.state).map(\.id) == [second])
    }

    @Test("It is one of those that an agent may do at a time")
    func slot() throws {
        var rig = try givenUp(parallelRunLimit: 1)
        try rig.receive(list([WireRunID(first, .first)]), on: SessionID("ses_2"))
        try rig.ask(.runJob(second, FleetRig.otherJob))
        #expect(rig.obstacle(to: second) == "its agent does as much as it may")
        try rig.receive(list([]), on: SessionID("ses_2"))
        #expect(rig.openRuns.work(of: FleetRig.agent, in: rig.state).map(\.id) == [second])
    }

    @Test("A first list that is still to come is waited for, but not for ever")
    func notListed() throws {
        var rig = try givenUp(parallelRunLimit: 1)
        try rig.ask(.runJob(second, FleetRig.job))
        #expect(rig.obstacle(to: second) == "its agent has not said what it works on")
        try rig.wait(.minutes(1))
        try rig.receive(.acknowledgement(accepted: true, reason: ""), on: SessionID("ses_2"))
        try rig.wait(.minutes(1))
        #expect(rig.obstacle(to: second) == nil)
    }

    @Test("So is the outcome of sending a configuration", arguments: [true, false])
    func notConfigured(isSent: Bool) throws {
        var rig = try FleetRig(parallelRunLimit: 1)
        try rig.connect(SessionID("ses_1"))
        try rig.ask(.configureAgent(FleetRig.agent, [.maxParallelJobs(2)]))
        try rig.ask(.runJob(second, FleetRig.job))
        #expect(rig.obstacle(to: second) == "its agent was not sent its configuration")
        if isSent {
            try rig.answer(.done) { if case .configure = $0 { true } else { false } }
            #expect(rig.state.runs[second]?.phase == .sending(.first))
        } else {
            try rig.wait(.minutes(1))
            try rig.receive(.acknowledgement(accepted: true, reason: ""), on: SessionID("ses_1"))
            try rig.wait(.minutes(1))
            #expect(rig.obstacle(to: second) == nil)
        }
    }
}
