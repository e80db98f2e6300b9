import Core
import Engine
import SQLiteLog

/// Durable turns through the kernel (append, fold, decide, commit), as many and in such batches as `limits/append.c`
/// appends payloads. A turn is one entry with a body of 150 bytes in one of 1 000 streams.
public struct Turns: Part {
    private static let body = [UInt8](repeating: 0x42, count: 150)

    private var kernel: Kernel<Counter, SQLiteEventLog, BodyCodec>
    private let batch: Int
    private var done = 0

    /// Turns into the log of a directory, which is made where there is none.
    ///
    /// - Parameter batch: How many turns a commit makes durable.
    /// - Throws: `LogError` when there can be no log.
    public init(directory: String, batch: Int) throws {
        kernel = try Kernel(log: SQLiteEventLog(directory: directory), codec: BodyCodec())
        self.batch = batch
    }

    /// Takes that many turns, and commits them all.
    public mutating func work(_ count: Int) throws {
        let end = done + count
        while done < end {
            for _ in 0..<min(batch, end - done) {
                done += 1
                _ = try kernel.turn(Self.message(done), at: Timestamp(milliseconds: 1_700_000_000_000 + Int64(done)))
            }
            _ = try kernel.commit()
        }
    }

    static func message(_ number: Int) -> Counter.Message {
        Counter.Message(place: number &* 7_919 % Counter.streams.count, body: body)
    }
}
