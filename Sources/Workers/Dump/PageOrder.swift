import CSQLite

/// Puts the pages that a pager writes into the order of the file.
///
/// Pages come oldest first, so hardly anything ever waits here; that is checked, not assumed.
final class PageOrder {
    /// More than this out of order is a SQLite that behaves unlike any known one.
    static let waitingByteLimit = 16 << 20
    /// The page that starts here is never written and reads as zeros. Source: sqlite.org, "Database File Format", 1.4.
    static let lockOffset: Int64 = 0x4000_0000

    /// What stopped the stream.
    private(set) var failure: (any Error)?
    private let output: (UnsafeRawBufferPointer) throws -> Void
    private let firstPage: [UInt8]
    private var next: Int64 = 0
    private var waiting: [Int64: [UInt8]] = [:]
    private var waitingByteCount = 0

    /// - Parameter firstPage: goes out at once, when the first page of all comes.
    init(firstPage: [UInt8], output: @escaping (UnsafeRawBufferPointer) throws -> Void) {
        self.firstPage = firstPage
        self.output = output
    }

    /// Takes a page; false stops the pager, and ``failure`` says why.
    func accept(_ page: UnsafeRawBufferPointer, at offset: Int64) -> Bool {
        do {
            if next == 0 {
                try firstPage.withUnsafeBytes { try output($0) }
                next = Int64(firstPage.count)
            }
            try take(page, at: offset)
            return true
        } catch {
            failure = error
            return false
        }
    }

    private func take(_ page: UnsafeRawBufferPointer, at offset: Int64) throws {
        if offset == 0 {
            guard PageOne.isSame(page, firstPage) else { throw Disorder(offset: offset) }
            return
        }
        guard page.count == firstPage.count, offset >= next else { throw Disorder(offset: offset) }
        try passLockPage()
        if offset > next {
            waitingByteCount += page.count
            guard waitingByteCount <= Self.waitingByteLimit else { throw Disorder(offset: offset) }
            waiting[offset] = [UInt8](page)
            return
        }
        try emit(page)
        while !waiting.isEmpty {
            try passLockPage()
            guard let page = waiting.removeValue(forKey: next) else { return }
            waitingByteCount -= page.count
            try page.withUnsafeBytes { try emit($0) }
        }
    }

    private func emit(_ page: UnsafeRawBufferPointer) throws {
        try output(page)
        next += Int64(page.count)
    }

    /// Called when a page is there that is not the lock page, so a database may also end right before it.
    private func passLockPage() throws {
        guard next == Self.lockOffset else { return }
        try [UInt8](repeating: 0, count: firstPage.count).withUnsafeBytes { try emit($0) }
    }

    /// Says that the pager has written everything.
    func finish(byteCount: Int64) throws {
        guard next == byteCount, waiting.isEmpty else { throw Disorder(offset: next) }
    }

    /// The pager did not do what every known SQLite does, or the snapshot was not one.
    struct Disorder: Error, Hashable, CustomStringConvertible {
        var offset: Int64
        var description: String {
            "sqlite \(SQLiteSnapshot.libraryVersion): the copy came out of order at byte \(offset). "
                + "Nothing was stored; please report this version."
        }
    }
}

/// The first page, whose header says what the whole file is. Source: sqlite.org, "Database File Format", 1.3.
enum PageOne {
    private static let writeVersion = 18
    private static let readVersion = 19
    private static let changeCounter = 24
    private static let pageCount = 28
    private static let versionValidFor = 92
    private static let headerByteCount = 100

    /// Makes the image a plain database: rollback mode, since its WAL does not come along, and a size that is valid.
    static func settle(_ page: inout [UInt8], pageCount count: UInt32) {
        guard page.count >= headerByteCount else { return }
        page[writeVersion] = 1
        page[readVersion] = 1
        for (index, shift) in [24, 16, 8, 0].enumerated() {
            page[pageCount + index] = UInt8(truncatingIfNeeded: count >> UInt32(shift))
            // The size counts only where the two counters agree.
            page[versionValidFor + index] = page[changeCounter + index]
        }
    }

    /// Whether everything behind the header is the same.
    static func isSame(_ page: UnsafeRawBufferPointer, _ known: [UInt8]) -> Bool {
        page.count == known.count && page.dropFirst(headerByteCount).elementsEqual(known.dropFirst(headerByteCount))
    }
}
