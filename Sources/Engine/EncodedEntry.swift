public import Core
public import Digests

/// An entry as it is stored, hashed and carried: everything but the body is readable without a codec.
public struct EncodedEntry: Hashable, Sendable {
    /// Its place in the log.
    public var position: Position
    /// When the engine recorded it.
    public var recordedAt: Timestamp
    /// The thing it is about.
    public var stream: Stream
    /// Its place in that stream.
    public var revision: Revision
    /// The entry it follows from; nil when it came from outside.
    public var cause: Position?
    /// The kind of its message.
    public var kind: Text
    /// The message, as its codec writes it.
    public var body: [UInt8]

    /// An entry with all its parts.
    public init(
        position: Position, recordedAt: Timestamp, stream: Stream, revision: Revision, cause: Position?, kind: Text,
        body: [UInt8]
    ) {
        self.position = position
        self.recordedAt = recordedAt
        self.stream = stream
        self.revision = revision
        self.cause = cause
        self.kind = kind
        self.body = body
    }

    /// Appends the one encoding of the entry, as `docs/log-format.md` describes it: position, recordedAt, revision and
    /// cause (0 when absent) as 8 bytes big-endian each, then stream, kind and body, each behind its length in 4 bytes
    /// big-endian.
    public func encode(into bytes: inout [UInt8]) {
        bytes.reserveCapacity(bytes.count + 44 + stream.name.byteCount + kind.byteCount + body.count)
        Self.append(position.number, to: &bytes)
        Self.append(UInt64(bitPattern: recordedAt.milliseconds), to: &bytes)
        Self.append(revision.number, to: &bytes)
        Self.append(cause?.number ?? 0, to: &bytes)
        Self.append(UInt32(clamping: stream.name.byteCount), to: &bytes)
        bytes.append(contentsOf: stream.name.string.utf8)
        Self.append(UInt32(clamping: kind.byteCount), to: &bytes)
        bytes.append(contentsOf: kind.string.utf8)
        Self.append(UInt32(clamping: body.count), to: &bytes)
        bytes.append(contentsOf: body)
    }

    private static func append<Number: FixedWidthInteger>(_ number: Number, to bytes: inout [UInt8]) {
        withUnsafeBytes(of: number.bigEndian) { bytes.append(contentsOf: $0) }
    }
}

/// Whole turns that are committed together, and the link that chains them to all that came before.
///
/// The link is SHA-256 over the previous link and the entries' encodings: it shows what was dropped, swapped or added.
/// Each entry also has a CRC-32C, which names a damaged position.
public struct Batch: Sendable {
    /// The entries, in order of position.
    public private(set) var entries: [EncodedEntry] = []
    /// The CRC-32C of each entry's encoding.
    public private(set) var checksums: [UInt32] = []
    /// Encoded size of all entries so far.
    public private(set) var byteCount = 0
    private var hash: SHA256
    private var scratch: [UInt8] = []

    /// What stands in for a link before the first commit: 32 zero bytes.
    public static let linkBeforeFirst = Digest([UInt8](repeating: 0, count: Digest.byteCount))!

    /// An empty batch behind the commit that has this link; ``linkBeforeFirst`` for the first one.
    public init(after link: Digest) {
        hash = SHA256()
        hash.update(link.bytes)
    }

    /// Whether nothing waits in it.
    public var isEmpty: Bool { entries.isEmpty }

    /// Adds the entry at the end.
    public mutating func append(_ entry: EncodedEntry) {
        scratch.removeAll(keepingCapacity: true)
        entry.encode(into: &scratch)
        checksums.append(CRC32C.checksum(of: scratch))
        hash.update(scratch)
        byteCount += scratch.count
        entries.append(entry)
    }

    /// The link of the commit that these entries make.
    public func link() -> Digest {
        hash.finalize()
    }
}
