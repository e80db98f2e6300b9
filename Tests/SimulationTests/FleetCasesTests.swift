import Core
import Simulation
import Testing

/// Cases that worlds have found in `Fleet`.
struct FleetCasesTests {
    private let first = RunID("run_1")
    private let second = RunID("run_2")

    @Test("A replaced attempt waits for a free slot (found by seed 11 of 100 runs: invariant 8)")
    func replacementWaits() throws {
        // Given one slot, and a run whose sending is unknown
        var rig = try FleetRig(parallelRunLimit: 1)
        try rig.connect(SessionID("ses_1"))
        try rig.ask(.runJob(first, FleetRig.job))
        try rig.ask(.runJob(second, FleetRig.job))
        try rig.answer(.unknown, to: FleetRig.dispatch(first, .first))
        // When its grace has passed, the other run takes the slot, and the store has nothing
        try rig.wait(.seconds(80))
        try rig.receive(.acknowledgement(accepted: true, reason: ""), on: SessionID("ses_1"))
        try rig.wait(.seconds(80))
        #expect(rig.state.runs[first]?.phase == .reconciling(.first, .unknown))
        try rig.ask(.runJob(RunID("run_3"), FleetRig.job))
        #expect(rig.state.runs[second]?.phase == .sending(.first))
        try rig.answer(.missing, to: FleetRig.observe(first, .first))
        // Then it waits in the queue, and is started once the slot is free
        #expect(rig.state.runs[first]?.phase == .queued)
        #expect(rig.state.runs[first]?.replacementCount == 1)
        try rig.answer(.unknown, to: FleetRig.dispatch(second, .first))
        #expect(rig.state.agents[FleetRig.agent]?.inFlightCount == 1)
    }

    @Test("An answer that did not come about an older attempt leaves the present one in peace")
    func olderObservationLeavesPresentAttempt() throws {
        // Given a second attempt under way, in place of a first one whose sending was unknown
        var rig = try FleetRig(parallelRunLimit: 1)
        let session = SessionID("ses_1")
        try rig.connect(session)
        try rig.ask(.runJob(first, FleetRig.job))
        try rig.answer(.unknown, to: FleetRig.dispatch(first, .first))
        try rig.wait(.seconds(80))
        try rig.receive(.acknowledgement(accepted: true, reason: ""), on: session)
        try rig.wait(.seconds(80))
        try rig.answer(.missing, to: FleetRig.observe(first, .first))
        try rig.answer(.done, to: FleetRig.dispatch(first, Attempt(2)))
        let before = rig.state.runs[first]
        // When the first one is reported after all, and the store gives no answer
        try rig.receive(.completed(completion(of: .first)), on: session)
        try rig.answer(.undone("out"), to: FleetRig.observe(first, .first))
        // Then the second one keeps its phase and its times
        #expect(rig.state.runs[first]?.phase == .running(Attempt(2)))
        #expect(rig.state.runs[first]?.grace == before?.grace)
        #expect(rig.state.runs[first]?.deadline == before?.deadline)
    }

    @Test("A higher limit starts what waits as soon as the agent was told of it")
    func higherLimitStartsRuns() throws {
        // Given one slot, taken
        var rig = try FleetRig(parallelRunLimit: 1)
        try rig.connect(SessionID("ses_1"))
        try rig.ask(.runJob(first, FleetRig.job))
        try rig.ask(.runJob(second, FleetRig.otherJob))
        #expect(rig.state.runs[second]?.phase == .queued)
        // When there are two
        try rig.ask(.configureAgent(FleetRig.agent, [.maxParallelJobs(2)]))
        #expect(rig.state.runs[second]?.phase == .queued)
        try rig.answer(.done) { if case .configure = $0 { true } else { false } }
        // Then
        #expect(rig.state.runs[second]?.phase == .sending(.first))
    }

    private func completion(of attempt: Attempt) -> Completion {
        Completion(
            job: FleetRig.job, run: WireRunID(first, attempt), objectName: "o", byteCount: 1, digest: [1],
            durationMilliseconds: 1, compression: "zstd", databaseVersion: "")
    }
}
