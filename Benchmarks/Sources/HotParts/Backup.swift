import Glibc
import Objects

/// The stream of a backup: a dump, already in the page cache, through zstd, AES-256-GCM and SHA-256 into a staging file.
public enum Backup {
    static let key = [UInt8](repeating: 7, count: 32)

    /// Writes one backup.
    ///
    /// - Returns: Megabytes (10⁶ bytes) of the dump per second, and the peak of resident memory in MiB.
    /// - Throws: ``Complaint`` when a file cannot be opened or written, or `BlobError`.
    public static func run(file: String, output: String) throws -> (megabytes: Double, peak: Int) {
        let input = open(file, O_RDONLY)
        let staging = open(output, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        guard input >= 0, staging >= 0 else { throw Complaint("\(file) or \(output) cannot be opened") }
        defer {
            close(input)
            close(staging)
        }
        let start = seconds()
        let writer = try BlobWriter(dataKey: key, isOverlapped: true) { bytes in
            guard write(staging, bytes.baseAddress, bytes.count) == bytes.count else {
                throw Complaint("\(output): cannot be written")
            }
        }
        let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 16)
        defer { piece.deallocate() }
        while case let count = read(input, piece.baseAddress, piece.count), count > 0 {
            try writer.write(UnsafeRawBufferPointer(rebasing: piece[..<count]))
        }
        let summary = try writer.finish()
        let rate = Double(summary.plaintextByteCount) / (seconds() - start) / 1e6
        return ((rate * 10).rounded() / 10, peakMebibytes())
    }
}

/// Pieces of 64 KiB that zstd finds little in, so that sealing and hashing are what is measured.
public struct Chunks: Part {
    private let piece: [UInt8]

    /// Makes the piece.
    public init() {
        var state: UInt64 = 42
        piece = (0..<65_536).map { _ in
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            return UInt8(truncatingIfNeeded: state)
        }
    }

    /// Writes that many pieces, as a blob of their own.
    public mutating func work(_ count: Int) throws {
        let writer = try BlobWriter(dataKey: Backup.key) { _ in }
        for _ in 0..<count { try writer.write(piece) }
        _ = try writer.finish()
    }
}
