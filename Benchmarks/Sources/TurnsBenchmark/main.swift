import Core
import Engine
import Glibc
import SQLiteLog

// Durable turns through `SQLiteEventLog.commit`, as many and in such batches as `limits/append.c` appends payloads.
//
//     TurnsBenchmark DIRECTORY BATCH COUNT [STREAMS]     prints turns per second
//
// A turn here is one entry with a body of 150 bytes; making the batch (encoding, CRC, link) counts.

func leave(_ status: Int32, _ text: String) -> Never {
    let line = Array((text + "\n").utf8)
    _ = write(STDERR_FILENO, line, line.count)
    exit(status)
}

let arguments = CommandLine.arguments
guard arguments.count >= 4, let batchCount = Int(arguments[2]), let total = UInt64(arguments[3]), batchCount > 0 else {
    leave(2, "usage: TurnsBenchmark DIRECTORY BATCH COUNT [STREAMS]")
}
let streamCount = arguments.count > 4 ? max(1, Int(arguments[4]) ?? 1_000) : 1_000

func run() throws(LogError) -> Double {
    let log = try SQLiteEventLog(directory: arguments[1])
    let streams = (0..<streamCount).map {
        Stream("agent", Text("agt_" + Base62.text(of: UInt64($0) &* 0x9E37_79B9_7F4A_7C15)))
    }
    var revisions = [UInt64](repeating: 0, count: streamCount)
    let body = [UInt8](repeating: 0x42, count: 150)
    let kind: Text = "frame.heartbeat"
    var position: UInt64 = 0
    var start = timespec()
    clock_gettime(CLOCK_MONOTONIC, &start)
    while position < total {
        var batch = Batch(after: log.head.link)
        for _ in 0..<min(batchCount, Int(total - position)) {
            position += 1
            let place = Int(position &* 7_919 % UInt64(streamCount))
            revisions[place] += 1
            batch.append(
                EncodedEntry(
                    position: Position(position),
                    recordedAt: Timestamp(milliseconds: 1_700_000_000_000 + Int64(position)),
                    stream: streams[place], revision: Revision(revisions[place]), cause: nil, kind: kind, body: body))
        }
        try log.commit(batch)
    }
    var end = timespec()
    clock_gettime(CLOCK_MONOTONIC, &end)
    let seconds = Double(end.tv_sec - start.tv_sec) + Double(end.tv_nsec - start.tv_nsec) / 1e9
    return Double(total) / seconds
}

do {
    print(Int(try run()))
} catch {
    leave(1, "TurnsBenchmark: \(error)")
}
