import Core
import Testing

@Suite("Station, every message in every phase")
struct StationTotalityTests {
    /// One rig for each phase a run can be in, "r" being the run; absent first.
    static func rigs() -> [Rig] {
        var rigs = [Rig()]
        func add(_ steps: (inout Rig) -> Void) {
            var rig = Rig()
            steps(&rig)
            rigs.append(rig)
        }
        func queued(_ rig: inout Rig) {
            rig.record(.configured(version: 1, parallelRunLimit: 1))
            rig.record(.told("first", Station.Order(job: "job_2", object: "o", isManual: false)))
            rig.record(.told("r", Rig.order))
        }
        add(queued)
        add { $0.record(.told("r", Rig.order)) }
        add {
            $0.record(.told("r", Rig.order))
            $0.record(.cancelTold(job: "job_1"))
        }
        add {
            // Staged but not yet commanded: the decisions of the turn are left out.
            $0.record(.told("r", Rig.order))
            let entry = $0.makeEntry(.outcome("r", of: $0.command(of: "r"), .staged(Rig.staged)))
            _ = Station.fold(entry, into: &$0.state)
        }
        add {
            $0.record(.told("r", Rig.order))
            $0.finish("r", .staged(Rig.staged))
        }
        add {
            $0.record(.told("r", Rig.order))
            let entry = $0.makeEntry(.outcome("r", of: $0.command(of: "r"), .failed("x")))
            _ = Station.fold(entry, into: &$0.state)
        }
        add {
            $0.record(.told("r", Rig.order))
            $0.finish("r", .failed("x"))
        }
        add {
            $0.record(.told("r", Rig.order))
            $0.finish("r", .failed("x"))
            $0.finish("r", .delivered(isAcknowledged: true))
        }
        return rigs
    }

    static func messages(_ rig: Rig) -> [Station.Message] {
        let outcomes: [Station.Outcome] = [
            .staged(Rig.staged), .uploaded, .failed("y"), .interrupted, .delivered(isAcknowledged: false), .withdrawn,
            .done,
        ]
        return [
            .started(build: "b", rules: 1), .connected(session: "s", extensions: ["journal"]),
            .disconnected(reason: "d"), .configured(version: 2, parallelRunLimit: 3), .told("r", Rig.order),
            .cancelTold(job: "job_1"), .cancelTold(job: "nobody's"),
            .progressed("r", Station.Progress(step: "dump", percent: 5)), .announce("r"), .dump("r"), .upload("r"),
            .stop("r"), .discard("r"), .report("r"), .forget("r"), .reportExpired("r"), .journalExpired("r"),
        ] + outcomes.map { .outcome("r", of: rig.command(of: "r"), $0) }
            + outcomes.map { .outcome("r", of: Position(9_999), $0) }
    }

    @Test("Nothing traps, slots and queue agree with the phases, and what is owed stays armed")
    func everything() {
        for rig in Self.rigs() {
            for first in Self.messages(rig) {
                var once = rig
                once.record(first)
                check(once, "after \(first)")
                for second in Self.messages(once) {
                    var twice = once
                    twice.record(second)
                    check(twice, "after \(first), \(second)")
                }
            }
        }
    }

    private func check(_ rig: Rig, _ comment: Comment) {
        let runs = rig.state.runs.idsByCreation.compactMap { rig.state.runs[$0] }
        #expect(rig.state.activeCount == runs.count { $0.holdsSlot }, comment)
        #expect(rig.state.waiting.count == runs.count { $0.phase == .queued }, comment)
        #expect(runs.allSatisfy { ($0.ending == nil) == ($0.keptUntil == nil) }, comment)
        #expect((Station.nextDeadline(in: rig.state) != nil) == runs.contains { $0.ending != nil }, comment)
    }
}

@Suite("Progress of a station's run")
struct StationProgressTests {
    @Test("never goes back from one step to the next")
    func grows() {
        let steps: [Text] = ["validate", "pre_hooks", "dump", "upload"]
        let figures = steps.flatMap { step in
            (0...100 as ClosedRange<UInt32>).map { Station.Progress(step: step, percentOfStep: $0).percent }
        }
        #expect(figures == figures.sorted())
        #expect(figures.last == 100)
        #expect(Station.Progress(step: "dump", percentOfStep: .max).percent == 70)
    }
}
