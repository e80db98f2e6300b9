import Core
import Dispatch
import Testing

@testable import Engine

@Suite("Engine and failures")
struct EngineFailureTests {
    private let clock = HandClock()
    private let full = LogError.full(path: "disk")

    @Test("an engine that was never started, or could not be, stops at once", arguments: [false, true])
    func neverStarted(tries: Bool) async throws {
        let rig = EngineRig(clock: clock)
        let engine = rig.make()
        if tries {
            let log = try ScriptedLog(rig.disk, rig.script)
            var batch = Batch(after: log.head.link)
            batch.append(
                EncodedEntry(
                    position: Position(1), recordedAt: clock.wallTime(), stream: .engine, revision: Revision(1),
                    cause: nil, kind: "heard", body: [1]))
            try log.commit(batch)
            do {
                try engine.start(log: log, codec: JSONCodec())
                Issue.record("it starts")
            } catch {
                #expect(error is CodecError)
            }
        }
        await engine.shutdown()
        await #expect(throws: SubmitError.stopped) { try await engine.submit(.heard("a", within: 1)) }
    }

    @Test("while the disk is full nothing is folded again; then our absence is told first, and deadlines wait")
    func shortage() async throws {
        let rig = EngineRig(clock: clock, voice: EngineVoice(absent: { .away($0.count) }))
        let engine = try rig.start()
        try await engine.submit(.heard("a", within: 10_000))
        rig.script.fail(with: full)
        await #expect(throws: SubmitError.log(full)) { try await engine.submit(.heard("b", within: 10_000)) }
        clock.advance(seconds: 60)
        for _ in 0..<20 {
            await #expect(throws: SubmitError.log(full)) { try await engine.submit(.heard("b", within: 10_000)) }
        }
        await #expect(throws: SubmitError.log(full)) { try await engine.request(.heard("c", within: 10_000)) }
        var attempts = rig.script.attempts.makeAsyncIterator()
        var refusals = 0
        while refusals < 5, let worked = await attempts.next() { refusals += worked ? 0 : 1 }
        rig.script.fail(with: nil)
        var commits = rig.commits.makeAsyncIterator()
        while let kinds = await commits.next(), kinds != ["away"] {}
        try await engine.submit(.heard("d", within: 10_000))
        // Once to start, and once to forget what had found the disk full.
        #expect(rig.script.foldCount == 2)
        #expect(
            try await rig.messages(engine) == [
                .heard("a", within: 10_000), .away(60_000), .heard("d", within: 10_000),
            ])
        #expect(rig.failureCount == 0)
    }

    @Test("what the wall clock does while the disk is full is told step by step, and is no absence of ours")
    func stepsWithoutRoom() async throws {
        let rig = EngineRig(
            clock: clock,
            voice: EngineVoice(clockStepped: { .stepped($0.count) }, absent: { .away($0.count) }))
        let engine = try rig.start()
        try await engine.submit(.heard("a", within: 10_000))
        rig.script.fail(with: full)
        await #expect(throws: SubmitError.log(full)) { try await engine.submit(.heard("b", within: 10_000)) }
        let leap: Int64 = 400 * 86_400
        for seconds in [leap, -leap] {
            clock.step(seconds: seconds)
            await #expect(throws: SubmitError.log(full)) { try await engine.submit(.heard("b", within: 10_000)) }
        }
        rig.script.fail(with: nil)
        var commits = rig.commits.makeAsyncIterator()
        while let kinds = await commits.next(), !kinds.contains("stepped") {}
        #expect(
            try await rig.messages(engine).prefix(3) == [
                .heard("a", within: 10_000), .stepped(leap * 1_000), .stepped(-leap * 1_000),
            ])
    }

    @Test("between two attempts everyone is refused, and the log is not touched")
    func refusesBetween() async throws {
        let rig = EngineRig(clock: clock, probeInterval: .seconds(86_400))
        let engine = try rig.start()
        rig.script.fail(with: full)
        await #expect(throws: SubmitError.log(full)) { try await engine.submit(.heard("a", within: 10_000)) }
        rig.script.fail(with: nil)
        await #expect(throws: SubmitError.log(full)) { try await engine.submit(.heard("a", within: 10_000)) }
        #expect(try await rig.messages(engine).isEmpty)
    }

    @Test("a commit that failed otherwise ends the engine, is told once, and everyone is answered")
    func failed() async throws {
        let rig = EngineRig(clock: clock)
        let engine = try rig.start()
        rig.holdAfterCommit()
        engine.submit(.heard("a", within: 10_000)) { _ in }
        var commits = rig.commits.makeAsyncIterator()
        _ = await commits.next()
        let error = LogError.failed(path: "disk", code: 10, operation: "fsync")
        rig.script.fail(with: error)
        let (results, continuation) = AsyncStream<SubmitError?>.makeStream()
        for number in 0..<5 {
            engine.submit(.heard(Text("\(number)"), within: 10_000)) { result in
                if case .failure(let error) = result { continuation.yield(error) } else { continuation.yield(nil) }
            }
        }
        rig.release()
        var result = results.makeAsyncIterator()
        for _ in 0..<5 { #expect(await result.next() == .log(error)) }
        await engine.shutdown()
        #expect(rig.failureCount == 1)
        await #expect(throws: SubmitError.stopped) { try await engine.request(.heard("a", within: 1)) }
    }

    @Test("requests beyond the limit are refused as busy, facts are not")
    func busy() async throws {
        let rig = EngineRig(clock: clock)
        let engine = try rig.start()
        rig.holdAfterCommit()
        engine.submit(.heard("a", within: 10_000)) { _ in }
        var commits = rig.commits.makeAsyncIterator()
        _ = await commits.next()
        let refusals = await withTaskGroup(of: SubmitError?.self) { group in
            for _ in 0...WatchEngine.requestLimit {
                group.addTask {
                    do throws(SubmitError) {
                        _ = try await engine.request(.heard("b", within: 10_000))
                        return nil
                    } catch {
                        return error
                    }
                }
            }
            // All others wait for the commit that is held, so the first one back is the one that is refused.
            var refusals = [await group.next() ?? nil]
            engine.submit(.heard("c", within: 10_000)) { _ in }
            rig.release()
            for await refusal in group where refusal != nil { refusals.append(refusal) }
            return refusals
        }
        #expect(refusals == [.busy])
        let messages = try await rig.messages(engine)
        #expect(messages.count == WatchEngine.requestLimit + 2)
        #expect(messages.last == .heard("c", within: 10_000))
    }
}
