import Core
import Testing

@testable import Engine

@Suite("Engine and time")
struct EngineTimeTests {
    private let clock = HandClock()

    @Test("a deadline passes by itself, when nothing else happens")
    func passes() async throws {
        let rig = EngineRig(clock: RealClock())
        let engine = try rig.start()
        try await engine.submit(.heard("a", within: 20))
        var commits = rig.commits.makeAsyncIterator()
        while let kinds = await commits.next(), kinds != ["silent"] {}
        #expect(try await rig.messages(engine) == [.heard("a", within: 20), .silent("a")])
    }

    @Test("before it begins no time counts: it records nothing, and what is submitted waits")
    func beforeItBegins() async throws {
        let voice = EngineVoice<Watch.Message>(started: { _ in .heard("start", within: 10_000) })
        let rig = EngineRig(clock: clock, voice: voice)
        let earlier = try rig.start()
        try await earlier.submit(.heard("a", within: 10_000))
        await earlier.shutdown()
        let engine = try rig.fold()
        let submitted = Task { try await engine.submit(.heard("b", within: 10_000)) }
        while engine.waitingCount == 0 { await Task.yield() }
        clock.advance(seconds: 60)
        engine.begin()
        _ = try await submitted.value
        // It is heard by the engine's first entry that time goes on, and only then is a deadline looked at.
        #expect(
            try await rig.messages(engine) == [
                .heard("start", within: 10_000), .heard("a", within: 10_000), .heard("start", within: 10_000),
                .heard("b", within: 10_000), .silent("a"),
            ])
    }

    @Test("what was folded and never began is let go of, and what waited is told")
    func neverBegun() async throws {
        let rig = EngineRig(clock: clock)
        let engine = try rig.fold()
        let submitted = Task { try await engine.submit(.heard("b", within: 10_000)) }
        while engine.waitingCount == 0 { await Task.yield() }
        await engine.shutdown()
        await #expect(throws: SubmitError.stopped) { try await submitted.value }
        // It opens only because nobody holds it any more.
        #expect(try MemoryLog(disk: rig.disk).lastPosition() == .start)
    }

    @Test("what had arrived when a deadline was due comes before it")
    func order() async throws {
        let rig = EngineRig(clock: clock)
        let engine = try rig.start()
        rig.holdAfterCommit()
        engine.submit(.heard("a", within: 10_000)) { _ in }
        var commits = rig.commits.makeAsyncIterator()
        _ = await commits.next()
        clock.advance(seconds: 60)
        engine.submit(.heard("a", within: 10_000)) { _ in }
        rig.release()
        _ = await commits.next()
        #expect(try await rig.messages(engine) == [.heard("a", within: 10_000), .heard("a", within: 10_000)])
    }

    @Test("after a stall, what waits in sockets may arrive before deadlines pass")
    func stall() async throws {
        let rig = EngineRig(clock: clock)
        let engine = try rig.start()
        try await engine.submit(.heard("a", within: 10_000))
        try await engine.submit(.heard("b", within: 10_000))
        rig.stall(bringing: .heard("a", within: 10_000))
        clock.advance(seconds: 60)
        try await engine.submit(.heard("c", within: 10_000))
        let silent = try await rig.messages(engine).filter { if case .silent = $0 { true } else { false } }
        #expect(silent == [.silent("b")])
    }

    @Test("many deadlines at once are many commits")
    func limit() async throws {
        let rig = EngineRig(clock: clock)
        let engine = try rig.start()
        for number in 1..<2_000 { engine.submit(.heard(Text("\(number)"), within: 10_000)) { _ in } }
        try await engine.submit(.heard("0", within: 10_000))
        clock.advance(seconds: 60)
        engine.submit(.heard("last", within: 10_000)) { _ in }
        var silentCounts: [Int] = []
        for await kinds in rig.commits {
            let count = kinds.count { $0 == "silent" }
            if count > 0 { silentCounts.append(count) }
            if silentCounts.reduce(0, +) == 2_000 { break }
        }
        #expect(silentCounts.allSatisfy { $0 <= WatchEngine.deadlineLimit })
        await engine.shutdown()
    }

    @Test("a deadline that does not go away is a fault, not a trap, and the engine goes on")
    func stuck() async throws {
        let rig = EngineRig(clock: clock)
        let engine = try rig.start()
        try await engine.submit(.heard(Watch.stubborn, within: 1_000))
        clock.advance(seconds: 2)
        for number in 0..<5 { try await engine.submit(.heard(Text("\(number)"), within: 60_000)) }
        let messages = try await rig.messages(engine)
        #expect(messages.count { $0 == .silent(Watch.stubborn) } == 1)
        #expect(messages.count { if case .faulted = $0 { true } else { false } } == 1)
        #expect(messages.count == 8)
    }

    @Test("a kernel stages as many deadlines as it is told, and says whether more are due")
    func kernelLimit() throws {
        var kernel = try Kernel<Watch, MemoryLog, JSONCodec<Watch.Message>>(log: MemoryLog(), codec: JSONCodec())
        let noon = clock.wallTime()
        for number in 0..<10 { _ = try kernel.turn(.heard(Text("\(number)"), within: 10), at: noon) }
        _ = try kernel.commit()
        #expect(try kernel.passDeadlines(at: noon + Milliseconds(10), limit: 7) == .more)
        #expect(kernel.staged.count == 7)
        #expect(try kernel.passDeadlines(at: noon + Milliseconds(10), limit: 7) == .all)
        #expect(kernel.staged.count == 10)
    }
}
