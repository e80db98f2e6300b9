import Core
import Engine
import SQLiteLog

/// A log read as it is.
public enum Reading {
    /// Entries per second of a whole log.
    ///
    /// - Throws: `LogError`.
    public static func read(directory: String) throws -> Double {
        let reader = try SQLiteLogReader(directory: directory)
        let start = seconds()
        var last = Position.start
        while let end = try reader.read(after: last, limit: 1_024).last { last = end.position }
        return Double(last.number) / (seconds() - start)
    }
}

/// Entries of a log, read in batches of 1 000 and checked.
public struct Entries: Part {
    private let reader: SQLiteLogReader
    private let directory: String

    /// Entries of a log that ``Turns`` has written: its first ones, again and again.
    ///
    /// - Throws: `LogError` when there is no log.
    public init(directory: String) throws {
        reader = try SQLiteLogReader(directory: directory)
        self.directory = directory
    }

    /// Reads that many, in batches of 1 000 at most.
    public mutating func work(_ count: Int) throws {
        var left = count
        while left > 0 {
            let entries = try reader.read(after: .start, limit: min(left, 1_000))
            guard !entries.isEmpty else { throw Complaint("\(directory): an empty log") }
            left -= entries.count
        }
    }
}
