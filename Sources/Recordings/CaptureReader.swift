public import Core
import Digests
import Foundation

/// One message as the recorder of a capture saw it.
public struct CaptureRecord: Hashable, Sendable {
    /// When it was received or sent, by the recorder's clock.
    public var recordedAt: Timestamp
    /// Whether the agent sent it (else the server).
    public var isFromAgent: Bool
    /// The binary WebSocket message, byte for byte: not redacted.
    public var frame: [UInt8]
}

/// A `.frames` file: recorded traffic of one agent.
///
/// Records follow each other without header or padding: time in unix milliseconds (8 bytes big-endian), direction (1
/// byte; 0 agent to server, 1 server to agent), length (4 bytes big-endian), message.
public struct Capture: Sendable {
    /// A file beyond this is refused rather than read into memory.
    public static let maximumByteCount = 1 << 30
    /// A message of a capture: the wire's limit and some more, since recorders may have known no limit.
    public static let maximumFrameByteCount = 4_194_304 + 65_536
    private static let headerByteCount = 13
    /// The end of the year 9999: a time beyond it is no time but a damaged file.
    private static let latestMilliseconds: UInt64 = 253_402_300_799_999

    /// What was recorded, in the order of the file.
    public let records: [CaptureRecord]
    /// SHA-256 of the file's bytes. From it come the agent's id and the log's seed.
    public let digest: [UInt8]

    /// Reads a file.
    public init(contentsOf path: String) throws(CaptureError) {
        let bytes: [UInt8]
        do {
            let size = try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int
            guard let size, size <= Self.maximumByteCount else {
                throw CaptureError(path: path, problem: .tooLarge)
            }
            bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
        } catch let error as CaptureError {
            throw error
        } catch {
            throw CaptureError(path: path, problem: .unreadable)
        }
        try self.init(bytes: bytes, path: path)
    }

    /// Reads bytes.
    ///
    /// - Parameter path: What errors name.
    public init(bytes: [UInt8], path: String = "capture") throws(CaptureError) {
        guard !bytes.isEmpty else { throw CaptureError(path: path, problem: .empty) }
        var records: [CaptureRecord] = []
        var offset = 0
        while offset < bytes.count {
            guard bytes.count - offset >= Self.headerByteCount else {
                throw CaptureError(
                    path: path,
                    problem: .cutOff(
                        offset: offset, missingByteCount: Self.headerByteCount - (bytes.count - offset)))
            }
            let time = Self.number(bytes[offset..<(offset + 8)])
            let length = Int(Self.number(bytes[(offset + 9)..<(offset + Self.headerByteCount)]))
            guard time <= Self.latestMilliseconds else {
                throw CaptureError(path: path, problem: .badTime(offset: offset, milliseconds: time))
            }
            guard bytes[offset + 8] <= 1 else {
                throw CaptureError(path: path, problem: .badDirection(offset: offset, bytes[offset + 8]))
            }
            guard length <= Self.maximumFrameByteCount else {
                throw CaptureError(path: path, problem: .frameTooLong(offset: offset, byteCount: length))
            }
            let start = offset + Self.headerByteCount
            guard bytes.count - start >= length else {
                throw CaptureError(
                    path: path, problem: .cutOff(offset: offset, missingByteCount: length - (bytes.count - start)))
            }
            records.append(
                CaptureRecord(
                    recordedAt: Timestamp(clamping: time), isFromAgent: bytes[offset + 8] == 0,
                    frame: Array(bytes[start..<(start + length)])))
            offset = start + length
        }
        self.records = records
        digest = SHA256.digest(of: bytes).bytes
    }

    /// The agent whose traffic this is: the first 64 bits of the file's digest.
    public var agent: AgentID { AgentID(bits: Self.number(digest[0..<8])) }

    /// From which the log's decisions make ids: the second 64 bits of the file's digest.
    public var seed: UInt64 { Self.number(digest[8..<16]) }

    private static func number(_ bytes: ArraySlice<UInt8>) -> UInt64 { bytes.reduce(0) { $0 << 8 | UInt64($1) } }
}

/// Why a file is no capture.
public struct CaptureError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What is wrong. Offsets are those of the record's first byte.
    public enum Problem: Hashable, Sendable {
        /// It cannot be opened or read.
        case unreadable
        /// It has no bytes.
        case empty
        /// It is over 1 GiB.
        case tooLarge
        /// It ends within a record.
        case cutOff(offset: Int, missingByteCount: Int)
        /// A record claims a length that no frame has.
        case frameTooLong(offset: Int, byteCount: Int)
        /// A record's direction is neither 0 nor 1.
        case badDirection(offset: Int, UInt8)
        /// A record's time is beyond the year 9999.
        case badTime(offset: Int, milliseconds: UInt64)
    }

    /// The file.
    public var path: String
    /// What is wrong with it.
    public var problem: Problem

    /// What was wrong and what to do.
    public var description: String {
        switch problem {
        case .unreadable: "\(path): cannot be read. Check the path and its permissions."
        case .empty: "\(path): is empty. A capture has at least one record."
        case .tooLarge: "\(path): is over 1 GiB. Cut it between two records and replay the parts."
        case .cutOff(let offset, let missing):
            "\(path): ends within the record at byte \(offset); \(missing) bytes are missing. "
                + "Cut the file at byte \(offset) to replay what is before."
        case .frameTooLong(let offset, let count):
            "\(path): the record at byte \(offset) claims \(count) bytes, more than a frame can have. "
                + "This is no capture, or it is damaged there."
        case .badDirection(let offset, let value):
            "\(path): the record at byte \(offset) has direction \(value), where 0 or 1 is expected. "
                + "This is no capture, or it is damaged there."
        case .badTime(let offset, let milliseconds):
            "\(path): the record at byte \(offset) has the time \(milliseconds) ms, beyond the year 9999. "
                + "This is no capture, or it is damaged there."
        }
    }
}
