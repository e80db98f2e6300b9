import CSQLite
import Glibc

/// The file `log.sqlite-wal`, in which commits are durable before they reach `log.sqlite`: what SQLite does not do for it.
enum WriteAheadLog {
    /// Writes what the file holds once more, unchanged, and synchronizes it.
    ///
    /// A process that ended because a sync had failed leaves pages that read well and that no later sync will write,
    /// since the system took them for clean. Whoever goes on behind them would lose all that follows with the next
    /// power failure. Source: the discussion of PostgreSQL's “fsyncgate”, and Linux since 4.13.
    static func renew(_ connection: Connection) throws(SQLiteFailure) {
        // Within a write transaction nobody else writes the file or begins it anew.
        try connection.execute("begin", "BEGIN IMMEDIATE")
        defer { connection.rollback() }
        var pointer: UnsafeMutablePointer<sqlite3_file>?
        guard sqlite3_file_control(connection.handle, "main", SQLITE_FCNTL_JOURNAL_POINTER, &pointer) == SQLITE_OK,
            let file = pointer, let methods = file.pointee.pMethods?.pointee
        else { return }
        func check(_ code: Int32?) throws(SQLiteFailure) {
            let code = code ?? SQLITE_MISUSE
            guard code != SQLITE_OK else { return }
            throw SQLiteFailure(
                code: code, systemCode: 0, operation: "write the write-ahead log once more",
                message: String(cString: sqlite3_errstr(code)))
        }
        var byteCount: sqlite3_int64 = 0
        try check(methods.xFileSize?(file, &byteCount))
        guard byteCount > 0 else { return }
        // SQLite's files take less than 128 KiB at a time.
        var piece = [UInt8](repeating: 0, count: 1 << 16)
        var offset: sqlite3_int64 = 0
        while offset < byteCount {
            let count = Int32(min(byteCount - offset, sqlite3_int64(piece.count)))
            try check(methods.xRead?(file, &piece, count, offset))
            try check(methods.xWrite?(file, piece, count, offset))
            offset += sqlite3_int64(count)
        }
        try check(methods.xSync?(file, SQLITE_SYNC_NORMAL))
    }

    /// Why commits that were answered cannot be read from the file beside a log; nil when there is no sign of that.
    ///
    /// SQLite takes the first frame that does not fit its checksum for the end, since a power failure may leave the
    /// last transaction in parts. But a commit begins only after the one before was synchronized: two whole commits
    /// behind a bad frame show that it was good once. Damage to the last two commits looks like a power failure.
    /// Beside a writer, a frame may seem bad while it is being written, so it is looked at again.
    static func damage(beside path: String) -> String? {
        var former: String?
        for _ in 0..<3 {
            guard let found = inspect(path + "-wal") else { return nil }
            if found == former { return found }
            former = found
        }
        return former
    }

    private static let headerByteCount = 32
    private static let frameHeaderByteCount = 24

    /// Format: SQLite documentation, “Database File Format”, 4.
    private static func inspect(_ path: String) -> String? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var header: [UInt8] = []
        guard read(descriptor, headerByteCount, at: 0, into: &header), header.contains(where: { $0 != 0 }) else {
            return nil
        }
        // The magic number says in which order checksums take their bytes. Where it is what was damaged, either may be right.
        let isBigEndian = header[3] & 1 == 1
        if isSound(header, isBigEndian: isBigEndian) {
            return inspect(descriptor, header, isSound: true, isBigEndian: isBigEndian)
        }
        return inspect(descriptor, header, isSound: false, isBigEndian: isBigEndian)
            ?? inspect(descriptor, header, isSound: false, isBigEndian: !isBigEndian)
    }

    private static func read(_ descriptor: Int32, _ byteCount: Int, at offset: Int, into bytes: inout [UInt8]) -> Bool {
        if bytes.count != byteCount { bytes = [UInt8](repeating: 0, count: byteCount) }
        return pread(descriptor, &bytes, byteCount, off_t(offset)) == byteCount
    }

    private static func isSound(_ header: [UInt8], isBigEndian: Bool) -> Bool {
        var sum = Sum()
        sum.add(header[..<24], isBigEndian: isBigEndian)
        return Sum(stored: header[24...]) == sum && header[...2] == [0x37, 0x7F, 0x06] && header[3] & 0xFE == 0x82
    }

    private static func inspect(
        _ descriptor: Int32, _ header: [UInt8], isSound isHeaderSound: Bool, isBigEndian: Bool
    ) -> String? {
        var sum = Sum()
        sum.add(header[..<24], isBigEndian: isBigEndian)
        var isSound = isHeaderSound
        // Pages of the log have 8 KiB, whatever a damaged header says.
        let pageByteCount = 8_192
        let frameByteCount = frameHeaderByteCount + pageByteCount
        var frame: [UInt8] = []
        var number = 0
        var badFrame = isSound ? nil : 0
        var commitCount = 0
        var salts = header[16..<24]
        while read(descriptor, frameByteCount, at: headerByteCount + number * frameByteCount, into: &frame) {
            number += 1
            if badFrame == 0, number == 1 { salts = frame[8..<16] }
            var next = sum
            next.add(frame[..<8], isBigEndian: isBigEndian)
            next.add(frame[frameHeaderByteCount...], isBigEndian: isBigEndian)
            // What a frame's checksum begins with is in the header of the frame before, sound or not.
            sum = Sum(stored: frame[16..<24])
            isSound = frame[8..<16].elementsEqual(salts) && next == sum
            if !isSound {
                badFrame = badFrame ?? number
                // Only commits that follow each other show that the first was synchronized: what an earlier process left
                // behind its own torn end may hold one of another time.
                commitCount = 0
            }
            if isSound, badFrame != nil, frame[4..<8].contains(where: { $0 != 0 }) { commitCount += 1 }
            if let badFrame, commitCount == 2 {
                return badFrame == 0
                    ? "the header of its write-ahead log is damaged, and commits behind it are lost"
                    : "frame \(badFrame) of its write-ahead log is damaged, and commits behind it are lost"
            }
        }
        return nil
    }

    /// SQLite's checksum of a write-ahead log.
    private struct Sum: Equatable {
        var first: UInt32 = 0
        var second: UInt32 = 0

        init() {}

        init(stored bytes: ArraySlice<UInt8>) {
            first = Self.word(bytes.prefix(4))
            second = Self.word(bytes.dropFirst(4).prefix(4))
        }

        mutating func add(_ bytes: ArraySlice<UInt8>, isBigEndian: Bool) {
            let (first, second) = bytes.withUnsafeBytes { bytes in
                var (first, second) = (self.first, self.second)
                var offset = 0
                while offset + 8 <= bytes.count {
                    var one = bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self)
                    var two = bytes.loadUnaligned(fromByteOffset: offset + 4, as: UInt32.self)
                    one = isBigEndian ? UInt32(bigEndian: one) : UInt32(littleEndian: one)
                    two = isBigEndian ? UInt32(bigEndian: two) : UInt32(littleEndian: two)
                    first = first &+ one &+ second
                    second = second &+ two &+ first
                    offset += 8
                }
                return (first, second)
            }
            (self.first, self.second) = (first, second)
        }

        private static func word(_ bytes: ArraySlice<UInt8>) -> UInt32 { bytes.reduce(0) { $0 << 8 | UInt32($1) } }
    }
}
