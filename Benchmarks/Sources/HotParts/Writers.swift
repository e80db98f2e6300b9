import Core
import Engine
import Glibc
import Logging
import SQLiteLog
import Synchronization

/// Writers that each wait for their answer before they write again, through the engine and its thread.
public enum Writers {
    /// Writes all of them.
    ///
    /// - Returns: Turns per second, and the 99th percentile of the wait in microseconds.
    /// - Throws: What the engine answers instead of a result.
    public static func run(directory: String, writers: Int, count: Int) async throws -> (rate: Double, latency: Int) {
        let engine = Engine<Counter, SQLiteEventLog, BodyCodec>(
            clock: MachineClock(), voice: EngineVoice(), worker: Idle(),
            logger: Logger(label: "bench") { _ in SwiftLogNoOpLogHandler() },
            onFailure: { leave(1, "Hot: \($0)") })
        try engine.start(log: SQLiteEventLog(directory: directory), codec: BodyCodec())
        let share = max(1, count / writers)
        let start = seconds()
        let waits = try await withThrowingTaskGroup(of: [Double].self) { group in
            for writer in 0..<writers {
                group.addTask {
                    var waits: [Double] = []
                    waits.reserveCapacity(share)
                    for number in 0..<share {
                        let begin = seconds()
                        try await engine.submit(Turns.message(writer &* share &+ number))
                        waits.append(seconds() - begin)
                    }
                    return waits
                }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
        let rate = Double(waits.count) / (seconds() - start)
        await engine.shutdown()
        let latency = waits.sorted()[waits.count * 99 / 100]
        return (rate, Int(latency * 1e6))
    }
}

private struct MachineClock: Clock {
    func wallTime() -> Timestamp {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        return Timestamp(milliseconds: Int64(now.tv_sec) * 1_000 + Int64(now.tv_nsec) / 1_000_000)
    }

    func monotonicNanoseconds() -> UInt64 {
        var now = timespec()
        clock_gettime(CLOCK_MONOTONIC, &now)
        return UInt64(now.tv_sec) * 1_000_000_000 + UInt64(now.tv_nsec)
    }
}

/// The machine here commands nothing.
private struct Idle: Worker {
    func lane(for command: Counter.Message) -> Text? { nil }

    func perform(
        _ delivery: Delivery<Counter.Message>, report: @escaping @Sendable (Counter.Message) -> Void
    ) async throws(CancellationError) -> Counter.Message { delivery.message }
}
