import Core
import Engine
import SQLiteLog

/// Durable turns through the kernel (append, fold, decide, commit), as many and in such batches as `limits/append.c`
/// appends payloads. A turn is one entry with a body of 150 bytes in one of 1 000 streams.
enum Turns {
    static let body = [UInt8](repeating: 0x42, count: 150)

    static func run(directory: String, batch: Int, count: Int) throws -> Double {
        var kernel = try Kernel<Counter, SQLiteEventLog, BodyCodec>(
            log: SQLiteEventLog(directory: directory), codec: BodyCodec())
        let start = seconds()
        var done = 0
        while done < count {
            for _ in 0..<min(batch, count - done) {
                done += 1
                _ = try kernel.turn(message(done), at: Timestamp(milliseconds: 1_700_000_000_000 + Int64(done)))
            }
            _ = try kernel.commit()
        }
        return Double(count) / (seconds() - start)
    }

    static func message(_ number: Int) -> Counter.Message {
        Counter.Message(place: number &* 7_919 % Counter.streams.count, body: body)
    }
}
