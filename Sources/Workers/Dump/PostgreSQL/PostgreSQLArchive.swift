/// Reads along a custom-format archive of `pg_dump` as it passes by, and knows whether it is whole.
///
/// The archive has no end mark and `pg_restore --list` reads its table of contents only, so an archive that was cut off
/// looks well to both. The table of contents says which entries have data; here each of them must come, once, with its
/// end. Memory is bounded by the number of those entries. Source: PostgreSQL's `pg_backup_archiver.c` (`WriteHead`,
/// `WriteToc`) and `pg_backup_custom.c`, archive versions 1.12 (PostgreSQL 9.0) to 1.16 (PostgreSQL 17 and 18).
struct PostgreSQLArchive {
    /// Why it is none, or not whole.
    struct Flaw: Error, Hashable, CustomStringConvertible {
        var description: String
    }

    /// The most entries a table of contents may have.
    static let maximumEntryCount: Int64 = 10_000_000
    /// Bytes kept of a text that is looked at.
    private static let keptByteCount: Int64 = 256

    /// Of the server that was dumped, such as `15.18 (Debian 15.18-0+deb12u1)`.
    private(set) var serverVersion = ""
    /// Of `pg_dump`.
    private(set) var toolVersion = ""
    /// Entries in the table of contents.
    private(set) var entryCount: Int64 = 0
    /// Those of them that have data.
    private(set) var dataEntryCount = 0
    /// Bytes seen.
    private(set) var byteCount: UInt64 = 0

    /// Entries whose data is still to come.
    private var awaited: Set<Int64> = []
    private var minor: UInt8 = 0
    private var integerByteCount = 4
    private var offsetByteCount: Int64 = 8

    /// A part of the grammar: what the token that is being read means.
    private enum Place {
        case prologue(Int)
        case compression, time(Int), databaseName, serverVersion, toolVersion, entryCount
        case dumpID, field(Int), dependency, dataState, dataOffset
        case block, blockID(isLarge: Bool), objectID, chunkLength(isLarge: Bool), chunk(isLarge: Bool)
    }

    /// What is being read.
    private enum Token {
        case byte
        case integer
        /// The bytes of a text after its length.
        case text(left: Int64)
        case skip(left: Int64)
    }

    private enum Field { case integer, text }

    private var place = Place.prologue(0)
    private var token = Token.byte
    private var isLengthOfText = false
    private var integerSeen = 0
    private var isNegative = false
    private var magnitude: UInt64 = 0
    private var kept: [UInt8] = []
    private var fields: [Field] = []
    private var entriesLeft: Int64 = 0
    private var currentID: Int64 = 0

    /// Percent of the entries with data that have passed.
    var percent: Int { dataEntryCount == 0 ? 0 : (dataEntryCount - awaited.count) * 100 / dataEntryCount }

    /// Reads on.
    mutating func take(_ bytes: UnsafeRawBufferPointer) throws(Flaw) {
        var index = 0
        while index < bytes.count {
            switch token {
            case .byte:
                let byte = bytes[index]
                index += 1
                byteCount &+= 1
                try took(byte: byte)
            case .integer:
                let byte = bytes[index]
                index += 1
                byteCount &+= 1
                if integerSeen == 0 {
                    isNegative = byte != 0
                    magnitude = 0
                } else if integerSeen <= 4 {
                    magnitude |= UInt64(byte) << UInt64(8 * (integerSeen - 1))
                } else if byte != 0 {
                    throw flaw("an integer of more than 32 bits")
                }
                integerSeen += 1
                guard integerSeen > integerByteCount else { continue }
                let value = isNegative ? -Int64(magnitude) : Int64(magnitude)
                isLengthOfText ? try tookLength(value) : try took(integer: value)
            case .text(let left):
                let count = min(left, Int64(bytes.count - index))
                let room = max(0, min(count, Self.keptByteCount - Int64(kept.count)))
                kept.append(contentsOf: bytes[index..<(index + Int(room))])
                index += Int(count)
                byteCount &+= UInt64(count)
                if count == left {
                    try took(text: kept)
                } else {
                    token = .text(left: left - count)
                }
            case .skip(let left):
                let count = min(left, Int64(bytes.count - index))
                index += Int(count)
                byteCount &+= UInt64(count)
                if count == left {
                    try tookSkip()
                } else {
                    token = .skip(left: left - count)
                }
            }
        }
    }

    /// Says that nothing more comes.
    func finish() throws(Flaw) {
        guard case .block = place else { throw flaw("it ends within \(placeName)") }
        guard awaited.isEmpty else {
            throw flaw("it ends before the data of \(awaited.count) of \(dataEntryCount) entries")
        }
    }

    private var placeName: String {
        switch place {
        case .prologue, .compression, .time, .databaseName, .serverVersion, .toolVersion: "its head"
        case .entryCount, .dumpID, .field, .dependency, .dataState, .dataOffset: "its table of contents"
        case .block, .blockID, .objectID, .chunkLength, .chunk: "the data of an entry"
        }
    }

    private func flaw(_ problem: String) -> Flaw {
        Flaw(description: "the archive is damaged or incomplete at byte \(byteCount): \(problem)")
    }

    // MARK: - Tokens

    private mutating func expectByte(_ place: Place) {
        self.place = place
        token = .byte
    }

    private mutating func expectInteger(_ place: Place) {
        self.place = place
        token = .integer
        isLengthOfText = false
        integerSeen = 0
    }

    private mutating func expectText(_ place: Place) {
        expectInteger(place)
        isLengthOfText = true
    }

    private mutating func tookLength(_ length: Int64) throws(Flaw) {
        kept.removeAll(keepingCapacity: true)
        // A negative length is no text at all; it ends a list of dependencies.
        if length < 0 {
            if case .dependency = place { return expectByte(.dataState) }
            return try took(text: [])
        }
        if length == 0 { return try took(text: []) }
        token = .text(left: length)
    }

    // MARK: - Grammar

    private mutating func took(byte: UInt8) throws(Flaw) {
        switch place {
        case .prologue(let index): try tookPrologue(byte, index)
        case .compression: expectInteger(.time(0))
        case .dataState:
            // 1: has data, at an unknown offset; 2: at a known one; 3: none.
            guard (1...3).contains(byte) else { throw flaw("an entry with data state \(byte)") }
            if byte != 3 {
                guard awaited.insert(currentID).inserted else { throw flaw("two entries with id \(currentID)") }
                dataEntryCount += 1
            }
            place = .dataOffset
            token = .skip(left: offsetByteCount)
        case .block:
            // 1: rows; 3: large objects. Source: BLK_DATA, BLK_BLOBS.
            guard byte == 1 || byte == 3 else { throw flaw("a block of type \(byte)") }
            expectInteger(.blockID(isLarge: byte == 3))
        case .time, .databaseName, .serverVersion, .toolVersion, .entryCount, .dumpID, .field, .dependency, .dataOffset,
            .blockID, .objectID, .chunkLength, .chunk:
            throw flaw("a byte out of place")
        }
    }

    private mutating func tookPrologue(_ byte: UInt8, _ index: Int) throws(Flaw) {
        let magic = Array("PGDMP".utf8)
        switch index {
        case 0..<5:
            guard byte == magic[index] else { throw flaw("it does not begin with PGDMP") }
        case 5:
            guard byte == 1 else { throw flaw("unknown archive version \(byte)") }
        case 6:
            guard (12...16).contains(byte) else {
                throw flaw("unknown archive version 1.\(byte); this agent knows 1.12 to 1.16")
            }
            minor = byte
            fields = [
                .integer, .text, .text, .text, .text, .integer, .text, .text, .text, .text, .text,
            ]
            if minor >= 14 { fields.append(.text) }
            if minor >= 16 { fields.append(.integer) }
            fields += [.text, .text]
        case 7: break
        case 8:
            guard (4...8).contains(byte) else { throw flaw("integers of \(byte) bytes") }
            integerByteCount = Int(byte)
        case 9:
            guard (1...16).contains(byte) else { throw flaw("offsets of \(byte) bytes") }
            offsetByteCount = Int64(byte)
        default:
            guard byte == 1 else { throw flaw("format \(byte) is not the custom one") }
            if minor >= 15 { expectByte(.compression) } else { expectInteger(.compression) }
            return
        }
        expectByte(.prologue(index + 1))
    }

    private mutating func took(integer: Int64) throws(Flaw) {
        switch place {
        case .compression: expectInteger(.time(0))
        case .time(let index): index < 6 ? expectInteger(.time(index + 1)) : expectText(.databaseName)
        case .entryCount:
            guard (1...Self.maximumEntryCount).contains(integer) else { throw flaw("a table of \(integer) entries") }
            entryCount = integer
            entriesLeft = integer
            expectInteger(.dumpID)
        case .dumpID:
            currentID = integer
            expectField(0)
        case .field(let index): expectField(index + 1)
        case .blockID(let isLarge):
            guard awaited.contains(integer) else { throw flaw("data of entry \(integer), which is not expected") }
            currentID = integer
            expectInteger(isLarge ? .objectID : .chunkLength(isLarge: false))
        case .objectID:
            // Zero ends the large objects of this entry.
            if integer == 0 { endBlock() } else { expectInteger(.chunkLength(isLarge: true)) }
        case .chunkLength(let isLarge):
            guard integer >= 0 else { throw flaw("a piece of \(integer) bytes") }
            if integer > 0 {
                place = .chunk(isLarge: isLarge)
                token = .skip(left: integer)
            } else if isLarge {
                expectInteger(.objectID)
            } else {
                endBlock()
            }
        case .prologue, .databaseName, .serverVersion, .toolVersion, .dependency, .dataState, .dataOffset, .block,
            .chunk:
            throw flaw("an integer out of place")
        }
    }

    private mutating func expectField(_ index: Int) {
        guard index < fields.count else { return expectText(.dependency) }
        switch fields[index] {
        case .integer: expectInteger(.field(index))
        case .text: expectText(.field(index))
        }
    }

    private mutating func took(text: [UInt8]) throws(Flaw) {
        switch place {
        case .databaseName: expectText(.serverVersion)
        case .serverVersion:
            serverVersion = String(decoding: text, as: UTF8.self)
            expectText(.toolVersion)
        case .toolVersion:
            toolVersion = String(decoding: text, as: UTF8.self)
            expectInteger(.entryCount)
        case .field(let index): expectField(index + 1)
        case .dependency: expectText(.dependency)
        case .prologue, .compression, .time, .entryCount, .dumpID, .dataState, .dataOffset, .block, .blockID, .objectID,
            .chunkLength, .chunk:
            throw flaw("a text out of place")
        }
    }

    private mutating func tookSkip() throws(Flaw) {
        switch place {
        case .dataOffset:
            entriesLeft -= 1
            if entriesLeft > 0 { expectInteger(.dumpID) } else { expectByte(.block) }
        case .chunk(let isLarge): expectInteger(.chunkLength(isLarge: isLarge))
        case .prologue, .compression, .time, .databaseName, .serverVersion, .toolVersion, .entryCount, .dumpID, .field,
            .dependency, .dataState, .block, .blockID, .objectID, .chunkLength:
            throw flaw("bytes out of place")
        }
    }

    private mutating func endBlock() {
        awaited.remove(currentID)
        expectByte(.block)
    }
}
