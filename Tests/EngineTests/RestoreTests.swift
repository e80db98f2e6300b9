import Engine
import Testing

@testable import Core

@Suite("What is restored is what was encoded")
struct RestoreTests {
    /// Both samples survive the way there and back, and differ in every member.
    private func check<Value: Restorable & Equatable>(_ full: Value, _ empty: Value, without: [String] = []) throws {
        for value in [full, empty] {
            let bytes = SnapshotBytes.fields(of: value)
            let restored: Value = try SnapshotDecoder.value(of: bytes[...])
            #expect(SnapshotBytes.fields(of: restored) == bytes)
            if without.isEmpty { #expect(restored == value) }
        }
        for (left, right) in zip(Mirror(reflecting: full).children, Mirror(reflecting: empty).children)
        where !without.contains(left.label ?? "") {
            #expect(
                String(reflecting: left.value) != String(reflecting: right.value),
                "fill in “\(left.label ?? "")” of \(Value.self), or a loss of it goes unnoticed")
        }
    }

    @Test("every field of every part of a fleet")
    func fleetParts() throws {
        try check(Samples.fullRegistration, Samples.emptyRegistration)
        try check(Samples.fullSession, Samples.emptySession)
        try check(Samples.fullContainer, Samples.emptyContainer)
        try check(Samples.fullMetrics, Samples.emptyMetrics)
        try check(Samples.fullAgent.settings, AgentSettings())
        try check(Samples.fullTarget, Samples.emptyTarget)
        try check(Samples.fullJob, Samples.emptyJob)
        try check(Samples.fullRun, Samples.emptyRun)
        try check(Samples.fullObject, Samples.emptyObject)
        try check(Samples.fullLock, Samples.emptyLock)
        try check(Samples.fullDeletion, Samples.emptyDeletion)
        try check(Samples.fullRule, RetentionRule())
        try check(Samples.fullCheck, Samples.emptyCheck)
        try check(Samples.fullCheck.spec, Samples.emptyCheck.spec)
        try check(Samples.fullCheck.uptime, Samples.emptyCheck.uptime)
        try check(Samples.fullDetail, ProbeDetail())
        // Whose result it is, stands in the id of the check.
        try check(Samples.fullResult, Samples.emptyResult, without: ["check"])
        try check(Samples.fullAnswer, Samples.emptyAnswer)
        try check(Samples.fullToken, Samples.emptyToken)
        try check(Samples.fullPolicy, FleetPolicy())
        try check(Samples.fullBudget, StartBudget())
        try check(Samples.fullClaim, Samples.emptyClaim)
        try check(Samples.fullConflict, Samples.emptyConflict)
        try check(Samples.fullAlert, Samples.emptyAlert)
        try check(Samples.fullSchedule, Schedule())
        try check(Samples.fullZone, Zone())
        // What belongs to an agent, stands in the tables.
        try check(Samples.fullAgent, Samples.emptyAgent, without: ["targets", "jobs", "checks"])
    }

    @Test("every field of a specification, one by one")
    func specifications() {
        for (full, empty) in [
            (Mirror(reflecting: Samples.fullTarget.spec), Mirror(reflecting: TargetSpec())),
            (Mirror(reflecting: Samples.fullJob.spec), Mirror(reflecting: JobSpec())),
            (Mirror(reflecting: Samples.fullRun.order), Mirror(reflecting: Samples.emptyRun.order)),
            (Mirror(reflecting: Samples.fullCheck.spec), Mirror(reflecting: Samples.emptyCheck.spec)),
            (Mirror(reflecting: Samples.fullStationRun.order), Mirror(reflecting: Samples.emptyStationRun.order)),
        ] {
            for (left, right) in zip(full.children, empty.children) {
                #expect(String(reflecting: left.value) != String(reflecting: right.value), "\(left.label ?? "")")
            }
        }
    }

    @Test("every phase", arguments: Samples.phases)
    func phases(phase: Run.Phase) throws {
        #expect(try SnapshotDecoder.value(of: SnapshotBytes.fields(of: phase)[...]) == phase)
    }

    @Test("every field and phase of a run at the agent")
    func station() throws {
        try check(Samples.fullStationRun, Samples.emptyStationRun)
        for phase in Samples.stationPhases {
            var run = Samples.fullStationRun
            run.phase = phase
            #expect(try SnapshotDecoder.value(of: SnapshotBytes.fields(of: run)[...]) == run)
        }
        let restored: Station.State = try SnapshotDecoder.value(of: SnapshotBytes.fields(of: Samples.station)[...])
        try same(restored.runs, Samples.station.runs)
        #expect(restored.waiting == Samples.station.waiting)
        try same(restored.timers, Samples.station.timers)
        #expect(StateDigest(of: restored) == StateDigest(of: Samples.station))
        try everyMemberIsFilled(Samples.station, Station.initial)
    }

    @Test("a whole fleet: entities, order of creation, what belongs to whom, timers")
    func fleet() throws {
        let state = Samples.fleet
        let restored: Fleet.State = try SnapshotDecoder.value(of: SnapshotBytes.fields(of: state)[...])
        try same(restored.agents, state.agents)
        try same(restored.targets, state.targets)
        try same(restored.jobs, state.jobs)
        try same(restored.runs, state.runs)
        try same(restored.objects, state.objects)
        try same(restored.locks, state.locks)
        try same(restored.deletions, state.deletions)
        try same(restored.shelves, state.shelves)
        try same(restored.schedules, state.schedules)
        try same(restored.zones, state.zones)
        #expect(restored.schedulesSince == state.schedulesSince)
        #expect(restored.clockDoubt == state.clockDoubt)
        #expect(restored.clockLeap == state.clockLeap && restored.clockLead == state.clockLead)
        #expect(restored.recordedAt == state.recordedAt && restored.diskShortage == state.diskShortage)
        #expect(restored.madeCount == state.madeCount)
        try same(restored.checks, state.checks)
        try same(restored.answers, state.answers)
        try same(restored.timers, state.timers)
        #expect(restored.seed == 42 && restored.startCount == 3)
        #expect(StateDigest(of: restored) == StateDigest(of: state))
        try everyMemberIsFilled(state, Fleet.initial)
    }

    @Test("bytes that nobody encoded give an error, never a trap")
    func hostile() throws {
        let bytes = SnapshotBytes.fields(of: Samples.fleet)
        for end in stride(from: 0, to: bytes.count, by: 211) {
            #expect(throws: CanonicalError.self) {
                let _: Fleet.State = try SnapshotDecoder.value(of: bytes[..<end])
            }
        }
        #expect(throws: CanonicalError.self) {
            let _: Fleet.State = try SnapshotDecoder.value(of: (bytes + [0])[...])
        }
        for place in stride(from: 0, to: bytes.count, by: 101) {
            var damaged = bytes
            damaged[place] ^= 0xFF
            _ = try? SnapshotDecoder.value(of: damaged[...]) as Fleet.State
        }
    }

    @Test("a next slot that would come for ever is refused", arguments: ["no plan", "met", "open"])
    func endlessSlot(kind: String) throws {
        var schedule = Samples.fullSchedule
        let slot = try #require(schedule.next?.slot)
        switch kind {
        case "no plan": schedule.plans = []
        case "met": schedule.plans[0].cursor = slot.instant
        default: schedule.open.append(Schedule.OpenSlot(slot: slot, run: RunID("run_2")))
        }
        let error = #expect(throws: CanonicalError.self) {
            let _: Schedule = try SnapshotDecoder.value(of: SnapshotBytes.fields(of: schedule)[...])
        }
        #expect("\(error?.field ?? "")" == "next")
    }

    @Test("times before 1970 are refused in what counts hours and days", arguments: ["counted_to", "hours", "days"])
    func negativeTime(kind: String) throws {
        let full = Samples.fullCheck.uptime
        var (hours, days) = (full.hours, full.days)
        switch kind {
        case "hours": hours.newest = .min
        case "days": days.newest = -1
        default: break
        }
        let uptime = Uptime(countedTo: kind == "counted_to" ? -1 : full.countedTo, hours: hours, days: days)
        #expect(throws: CanonicalError.self) {
            let _: Uptime = try SnapshotDecoder.value(of: SnapshotBytes.fields(of: uptime)[...])
        }
    }

    private func everyMemberIsFilled<State>(_ full: State, _ empty: State) throws {
        for (left, right) in zip(Mirror(reflecting: full).children, Mirror(reflecting: empty).children) {
            #expect(String(reflecting: left.value) != String(reflecting: right.value), "fill in “\(left.label ?? "")”")
        }
    }

    private func same<ID, Value: Equatable>(_ left: Table<ID, Value>, _ right: Table<ID, Value>) throws {
        #expect(left.idsByCreation == right.idsByCreation)
        for id in right.idsByCreation { #expect(left[id] == right[id], "\(id)") }
    }

    private func same<Key>(_ left: Timers<Key>, _ right: Timers<Key>) throws {
        #expect(left.inOrder.map(\.key) == right.inOrder.map(\.key))
        #expect(left.inOrder.map(\.due) == right.inOrder.map(\.due))
        #expect(left.inOrder.map(\.armedBy) == right.inOrder.map(\.armedBy))
    }
}
