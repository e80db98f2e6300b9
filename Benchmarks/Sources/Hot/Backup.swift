import Glibc
import Objects

/// The stream of a backup: a dump, already in the page cache, through zstd, AES-256-GCM and SHA-256 into a staging file.
enum Backup {
    static let key = [UInt8](repeating: 7, count: 32)

    /// - Returns: Megabytes (10⁶ bytes) of the dump per second, and the peak of resident memory in MiB.
    static func run(file: String, output: String) throws -> (megabytes: Double, peak: Int) {
        let input = open(file, O_RDONLY)
        let staging = open(output, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        guard input >= 0, staging >= 0 else { throw Complaint(description: "\(file) or \(output) cannot be opened") }
        defer {
            close(input)
            close(staging)
        }
        let start = seconds()
        let writer = try BlobWriter(dataKey: key, isOverlapped: true) { bytes in
            guard write(staging, bytes.baseAddress, bytes.count) == bytes.count else {
                throw Complaint(description: "\(output): cannot be written")
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
