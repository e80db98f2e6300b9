import Core
import Testing

@Suite("Station")
struct StationTests {
    @Test("A run goes from told to confirmed and is remembered for seven days")
    func success() throws {
        var rig = Rig()
        #expect(rig.record(.told("r", Rig.order)) == [.dump("r")])
        rig.now = Timestamp(milliseconds: 1_000_100)
        #expect(rig.finish("r", .staged(Rig.staged)) == [.upload("r")])
        rig.now = Timestamp(milliseconds: 1_002_500)
        #expect(rig.finish("r", .uploaded) == [.discard("r"), .report("r")])
        #expect(rig.state.runs["r"]?.durationMilliseconds == 2_500)
        #expect(rig.state.runs["r"]?.staged == Rig.staged)
        #expect(rig.state.activeCount == 0)
        #expect(rig.finish("r", .delivered(isAcknowledged: true)) == [.forget("r")])
        let deadline = try #require(Station.nextDeadline(in: rig.state))
        #expect(deadline.message == .journalExpired("r"))
        #expect(deadline.due == rig.now + Station.Limits.retention)
        rig.now = deadline.due
        #expect(rig.record(deadline.message) == [])
        #expect(rig.state.runs.isEmpty)
        #expect(Station.nextDeadline(in: rig.state) == nil)
    }

    @Test("A run id in the journal is never run again")
    func repeated() {
        var rig = Rig()
        rig.record(.told("r", Rig.order))
        #expect(rig.record(.told("r", Rig.order)) == [.announce("r")])
        rig.finish("r", .failed("dump: no"))
        #expect(rig.record(.told("r", Rig.order)) == [.announce("r")])
        rig.finish("r", .delivered(isAcknowledged: false))
        #expect(rig.record(.told("r", Rig.order)) == [.report("r")])
        #expect(rig.state.runs["r"]?.ending == .failed("dump: no"))
        #expect(rig.state.runs["r"]?.repeatCount == 3)
    }

    @Test("A lost connection touches no run")
    func disconnect() {
        var rig = Rig()
        rig.record(.connected(session: "s", extensions: ["journal"]))
        rig.record(.told("r", Rig.order))
        let before = rig.state.runs["r"]
        #expect(rig.record(.disconnected(reason: "reset")) == [])
        #expect(rig.state.runs["r"] == before)
        #expect(rig.state.session == nil)
    }

    @Test("What a restarted agent cannot go on with has failed", arguments: [false, true])
    func interrupted(isStaged: Bool) {
        var rig = Rig()
        rig.record(.told("r", Rig.order))
        if isStaged { rig.finish("r", .staged(Rig.staged)) }
        rig.record(.started(build: "2", rules: 1))
        #expect(rig.finish("r", .interrupted) == [.discard("r"), .report("r")])
        let text: Text =
            isStaged
            ? "interrupted: the agent restarted before the upload was finished"
            : "interrupted: the agent restarted during the dump"
        #expect(rig.state.runs["r"]?.ending == .failed(text))
    }

    @Test("A run that only waited while the agent restarted says so")
    func interruptedWhileWaiting() {
        var rig = Rig()
        rig.record(.configured(version: 1, parallelRunLimit: 1))
        rig.record(.told("a", Rig.order))
        rig.record(.told("b", Rig.order))
        rig.record(.started(build: "2", rules: 1))
        #expect(rig.finish("a", .interrupted).contains(.dump("b")))
        rig.finish("b", .interrupted)
        #expect(rig.state.runs["b"]?.ending == .failed("interrupted: the agent restarted before the dump began"))
    }

    @Test("Runs beyond the limit wait in the order they were told")
    func queue() {
        var rig = Rig()
        rig.record(.configured(version: 1, parallelRunLimit: 1))
        #expect(rig.record(.told("a", Rig.order)) == [.dump("a")])
        #expect(rig.record(.told("b", Rig.order)) == [.announce("b")])
        #expect(rig.record(.told("c", Rig.order)) == [.announce("c")])
        #expect(rig.finish("a", .failed("x")) == [.discard("a"), .report("a"), .dump("b")])
        #expect(rig.record(.configured(version: 2, parallelRunLimit: 0)) == [.dump("c")])
        #expect(rig.state.activeCount == 2)
        #expect(rig.record(.configured(version: 3, parallelRunLimit: .max)) == [])
        #expect(rig.state.parallelRunLimit == Station.Limits.maximumParallelRuns)
    }

    @Test("A cancelled job ends all its open runs, and none of another job")
    func cancel() {
        var rig = Rig()
        rig.record(.configured(version: 1, parallelRunLimit: 1))
        rig.record(.told("a", Rig.order))
        rig.record(.told("b", Rig.order))
        rig.record(.told("other", Station.Order(job: "job_2", object: "o", isManual: true)))
        #expect(rig.record(.cancelTold(job: "job_1")) == [.stop("a"), .report("b")])
        #expect(rig.record(.cancelTold(job: "job_1")) == [])
        #expect(rig.finish("a", .failed("killed")) == [.discard("a"), .report("a"), .dump("other")])
        #expect(rig.state.runs["a"]?.ending == .cancelled)
        #expect(rig.state.runs["b"]?.ending == .cancelled)
        #expect(rig.state.runs["other"]?.isCancelled == false)
    }

    @Test("A dump that ends while it is cancelled is not uploaded; an upload that ends counts")
    func cancelRaces() {
        var rig = Rig()
        rig.record(.told("a", Rig.order))
        rig.record(.cancelTold(job: "job_1"))
        #expect(rig.finish("a", .staged(Rig.staged)) == [.discard("a"), .report("a")])
        #expect(rig.state.runs["a"]?.ending == .cancelled)
        rig.record(.told("b", Rig.order))
        rig.finish("b", .staged(Rig.staged))
        rig.record(.cancelTold(job: "job_1"))
        rig.finish("b", .uploaded)
        #expect(rig.state.runs["b"]?.ending == .completed)
    }

    @Test("A run that was to be stopped is cancelled, also when the agent restarted before it had stopped")
    func cancelledAndInterrupted() {
        var rig = Rig()
        rig.record(.told("a", Rig.order))
        rig.record(.cancelTold(job: "job_1"))
        rig.finish("a", .interrupted)
        #expect(rig.state.runs["a"]?.ending == .cancelled)
    }

    @Test("A report that nobody took in seven days is withdrawn, then forgotten")
    func expiry() throws {
        var rig = Rig()
        rig.record(.told("r", Rig.order))
        rig.finish("r", .failed("x"))
        let first = try #require(Station.nextDeadline(in: rig.state))
        #expect(first.message == .reportExpired("r"))
        let command = rig.command(of: "r")
        rig.now = first.due
        #expect(rig.record(first.message) == [.forget("r")])
        #expect(rig.record(.outcome("r", of: command, .withdrawn)) == [])
        let second = try #require(Station.nextDeadline(in: rig.state))
        #expect(second.message == .journalExpired("r"))
        #expect(second.due == first.due + Station.Limits.retention)
    }

    @Test("No server makes the state grow without end")
    func flood() {
        var rig = Rig()
        for number in 0..<Station.Limits.maximumOpenRuns { rig.record(.told(Text("r\(number)"), Rig.order)) }
        #expect(rig.record(.told("one more", Rig.order)) == [.report("one more")])
        #expect(rig.state.openCount == Station.Limits.maximumOpenRuns)
    }

    @Test("An outcome of another command than the present one changes nothing")
    func stale() {
        var rig = Rig()
        rig.record(.told("r", Rig.order))
        #expect(rig.record(.outcome("r", of: Position(99), .staged(Rig.staged))) == [])
        #expect(rig.state.staleCount == 1)
    }

    @Test("Error texts are cut, not refused")
    func longError() {
        var rig = Rig()
        rig.record(.told("r", Rig.order))
        rig.finish("r", .failed(Text(String(repeating: "ä", count: 10_000))))
        let ending = rig.state.runs["r"]?.ending
        guard case .failed(let text) = ending else {
            Issue.record("not failed")
            return
        }
        #expect(text.byteCount == Station.Limits.maximumErrorByteCount)
    }
}
