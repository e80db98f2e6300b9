import Benchmark
import Foundation
import HotParts

/// Processor time in nanoseconds. The library's own comes in steps of 10 ms, which is about what a thousand units take.
private let processorTime = BenchmarkMetric.custom("Time (processor, ns)")

/// Registers what the library measures: a thousand units at a time, which it shows for one, or a whole replay.
let benchmarks: @Sendable () -> Void = {
    let captures = URL(filePath: "../../../../Replays/captures", relativeTo: URL(filePath: #filePath))
        .path(percentEncoded: false)
    Benchmark.defaultConfiguration = Benchmark.Configuration(
        metrics: [.wallClock, processorTime, .instructions, .throughput, .peakMemoryResident],
        timeUnits: .nanoseconds, units: [processorTime: .count], scalingFactor: .kilo, maxDuration: .seconds(2))
    measure("turn, in batches of 1 000") { try Turns(directory: $0, batch: 1_000) }
    measure("entry") { directory in
        var turns = try Turns(directory: directory, batch: 1_000)
        try turns.work(10_000)
        return try Entries(directory: directory)
    }
    measure("frame") { _ in try Frames(captures: captures) }
    measure("heartbeat, of 1 000 agents") { _ in try Heartbeats(captures: captures) }
    measure("chunk of 64 KiB") { _ in Chunks() }
    measure("replay of 20 000 entries", .one) { directory in
        try Replays.record(directory: directory, captures: captures, count: 20_000)
        return try Replays(directory: directory)
    }
}

/// Has the library measure a part. What prepares the part may use a directory that is there for as long as the part.
///
/// The library reports what a benchmark throws and still ends well, so here that ends the process.
func measure<P: Part>(
    _ name: String, _ scaling: BenchmarkScalingFactor = Benchmark.defaultConfiguration.scalingFactor,
    prepare: @escaping (String) throws -> P
) {
    let directory = FileManager.default.temporaryDirectory.appending(path: "backupy-parts.\(UUID())")
    var part: P?
    func orLeave(_ body: () throws -> Void) {
        do {
            try body()
        } catch {
            try? FileManager.default.removeItem(at: directory)
            leave(1, "\(name): \(error)")
        }
    }
    var configuration = Benchmark.defaultConfiguration
    configuration.scalingFactor = scaling
    Benchmark(
        name, configuration: configuration,
        closure: { benchmark in
            let before = clock()
            orLeave { try part?.work(scaling.rawValue) }
            benchmark.measurement(processorTime, Int(clock() - before) * (1_000_000_000 / Int(CLOCKS_PER_SEC)))
        },
        setup: {
            orLeave {
                try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
                part = try prepare(directory.path(percentEncoded: false))
            }
        },
        teardown: {
            part = nil
            orLeave { try FileManager.default.removeItem(at: directory) }
        })
}
