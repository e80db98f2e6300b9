public import Core
public import Digests

/// The file of a snapshot: header, body, checksum, as `docs/log-format.md` describes it.
///
/// | bytes | content |
/// |---|---|
/// | 8 | `BkSnap` and two zero bytes |
/// | 4 | version of this layout, 1 |
/// | 4 | state version: that of the state digest |
/// | 4 | the machine's `rules` |
/// | 8 | position; a commit ends there |
/// | 8 | when that entry was recorded, unix milliseconds |
/// | 32 | the commit's link |
/// | 32 | state digest |
/// | 8 | byte count of the body |
/// | … | body: count of pending commands in 4 bytes, their positions in 8 each, ascending; the state as ``SnapshotBytes`` |
/// | 32 | SHA-256 of all bytes before |
public struct Snapshot: Hashable, Sendable {
    /// Of which state, at which place of which log.
    public struct Header: Hashable, Sendable {
        /// The layout's version.
        public var formatVersion: UInt32 = Snapshot.formatVersion
        /// ``StateDigest/version`` of the build that wrote it.
        public var stateVersion: UInt32
        /// The machine's rules in that build.
        public var rules: UInt32
        /// The commit whose state it holds.
        public var end: CommitEnd
        /// When that commit's last entry was recorded.
        public var recordedAt: Timestamp
        /// The state's digest.
        public var digest: Digest
    }

    static let formatVersion: UInt32 = 1
    static let magic: [UInt8] = Array("BkSnap".utf8) + [0, 0]
    static let headerByteCount = 8 + 4 + 4 + 4 + 8 + 8 + 32 + 32 + 8

    /// Of which state, at which place of which log.
    public var header: Header
    /// Commands without an outcome there, ascending.
    public var pending: [Position]
    /// The state as ``SnapshotBytes``.
    public var state: ArraySlice<UInt8>

    /// The whole file.
    var encoded: [UInt8] {
        var bytes = Self.magic
        bytes.reserveCapacity(Self.headerByteCount + 4 + pending.count * 8 + state.count + 32)
        func append<Number: FixedWidthInteger>(_ number: Number) {
            withUnsafeBytes(of: number.bigEndian) { bytes.append(contentsOf: $0) }
        }
        append(header.formatVersion)
        append(header.stateVersion)
        append(header.rules)
        append(header.end.position.number)
        append(header.recordedAt.milliseconds)
        bytes += header.end.link.bytes
        bytes += header.digest.bytes
        append(UInt64(4 + pending.count * 8 + state.count))
        append(UInt32(clamping: pending.count))
        for position in pending { append(position.number) }
        bytes += state
        bytes += SHA256.digest(of: bytes).bytes
        return bytes
    }

    /// Reads a file.
    ///
    /// - Throws: ``SnapshotError`` when it is damaged or of another layout. Never traps.
    public init(_ bytes: [UInt8]) throws(SnapshotError) {
        let end = bytes.count - 32
        guard end >= Self.headerByteCount + 4, bytes.starts(with: Self.magic) else {
            throw SnapshotError("is no snapshot, or cut off")
        }
        let sum = bytes.withUnsafeBytes { SHA256.digest(of: UnsafeRawBufferPointer(rebasing: $0[..<end])) }
        guard Digest(Array(bytes[end...])) == sum else { throw SnapshotError("does not fit its checksum") }
        var next = Self.magic.count
        func number<Number: FixedWidthInteger>(_ type: Number.Type) -> Number {
            defer { next += MemoryLayout<Number>.size }
            return bytes[next..<next + MemoryLayout<Number>.size].reduce(Number(0)) {
                $0 << 8 | Number(truncatingIfNeeded: $1)
            }
        }
        func digest() -> Digest? {
            defer { next += 32 }
            return Digest(Array(bytes[next..<next + 32]))
        }
        let format = number(UInt32.self)
        guard format == Self.formatVersion else { throw SnapshotError("has layout \(format), which is not known here") }
        let stateVersion = number(UInt32.self)
        let rules = number(UInt32.self)
        let position = Position(number(UInt64.self))
        let recordedAt = Timestamp(milliseconds: Int64(bitPattern: number(UInt64.self)))
        guard let link = digest(), let state = digest() else { throw SnapshotError("has no digests") }
        let byteCount = number(UInt64.self)
        guard byteCount == UInt64(end - Self.headerByteCount) else { throw SnapshotError("has another length") }
        let count = Int(number(UInt32.self))
        guard count <= (end - next) / 8 else { throw SnapshotError("has another count of pending commands") }
        header = Header(
            formatVersion: format, stateVersion: stateVersion, rules: rules,
            end: CommitEnd(position: position, link: link), recordedAt: recordedAt, digest: state)
        pending = (0..<count).map { _ in Position(number(UInt64.self)) }
        self.state = bytes[next..<end]
    }

    /// A snapshot of a fold at the end of a commit.
    init<M: Machine>(of folded: Folded<M>, at end: CommitEnd, state: [UInt8]) {
        header = Header(
            stateVersion: UInt32(StateDigest.version), rules: M.rules, end: end,
            recordedAt: folded.recordedAt ?? Timestamp(milliseconds: 0), digest: StateDigest(of: folded.state).digest)
        pending = folded.outbox.keys.sorted()
        self.state = state[...]
    }
}

/// Why a snapshot cannot be written, or is not used.
public struct SnapshotError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What was wrong with it. Nothing need be done: a start goes back to an older one, or to the log.
    public let description: String

    /// An error in these words.
    public init(_ problem: String) { description = problem }
}

/// Where snapshots are kept, named by their positions.
public protocol SnapshotStore: Sendable {
    /// What is there, the newest first.
    func positions() throws(SnapshotError) -> [Position]
    /// The bytes of one.
    func read(_ position: Position) throws(SnapshotError) -> [UInt8]
    /// Keeps one, whole or not at all, durably; and of the others only the newest one before it.
    func write(_ bytes: [UInt8], at position: Position) throws(SnapshotError)
}
