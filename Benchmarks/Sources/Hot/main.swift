import Core
import Engine
import Glibc
import SQLiteLog

// Durable turns through the kernel (append, fold, decide, commit), as many and in such batches as `limits/append.c`
// appends payloads.
//
//     TurnsBenchmark DIRECTORY BATCH COUNT     prints turns per second
//
// A turn here is one entry with a body of 150 bytes in one of 1 000 streams.

func leave(_ status: Int32, _ text: String) -> Never {
    let line = Array((text + "\n").utf8)
    _ = write(STDERR_FILENO, line, line.count)
    exit(status)
}

let arguments = CommandLine.arguments
guard arguments.count == 4, let batchCount = Int(arguments[2]), let total = Int(arguments[3]), batchCount > 0 else {
    leave(2, "usage: TurnsBenchmark DIRECTORY BATCH COUNT")
}

func run() throws -> Double {
    var kernel = try Kernel<Counter, SQLiteEventLog, BodyCodec>(
        log: SQLiteEventLog(directory: arguments[1]), codec: BodyCodec())
    let body = [UInt8](repeating: 0x42, count: 150)
    var done = 0
    var start = timespec()
    clock_gettime(CLOCK_MONOTONIC, &start)
    while done < total {
        for _ in 0..<min(batchCount, total - done) {
            done += 1
            let message = Counter.Message(place: done &* 7_919 % Counter.streams.count, body: body)
            _ = try kernel.turn(message, at: Timestamp(milliseconds: 1_700_000_000_000 + Int64(done)))
        }
        _ = try kernel.commit()
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
