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
    // All encodings, one behind the other: what is hashed, and what a log lends to its disk without copying.
    private var encodings: [UInt8] = []
    private let previousLink: Digest

    /// What stands in for a link before the first commit: 32 zero bytes.
    public static let linkBeforeFirst = Digest([UInt8](repeating: 0, count: Digest.byteCount))!

    /// An empty batch behind the commit that has this link; ``linkBeforeFirst`` for the first one.
    public init(after link: Digest) { previousLink = link }

    /// Whether nothing waits in it.
    public var isEmpty: Bool { entries.isEmpty }

    /// Encoded size of all entries so far.
    public var byteCount: Int { encodings.count }

    /// Adds the entry at the end.
    public mutating func append(_ entry: EncodedEntry) {
        let start = encodings.count
        entry.encode(into: &encodings)
        checksums.append(
            encodings.withUnsafeBytes { CRC32C.checksum(of: UnsafeRawBufferPointer(rebasing: $0[start...])) })
        entries.append(entry)
    }

    /// The link of the commit that these entries make. Hashes all of them: ask once.
    public func link() -> Digest {
        var hash = SHA256()
        previousLink.withUnsafeBytes { hash.update($0) }
        hash.update(encodings)
        return hash.finalize()
    }

    /// One entry's fields in its encoding, valid only while they are lent.
    public struct Lent {
        /// The first 32 bytes as numbers.
        public let position, recordedAt, revision, cause: UInt64
        /// UTF-8, UTF-8, and the message as its codec wrote it.
        public let stream, kind, body: UnsafeRawBufferPointer
        /// The CRC-32C of the encoding.
        public let checksum: UInt32
    }

    /// Lends out the entries one by one, in order, until the body answers false. Nothing is copied or counted.
    public func lendEach(_ body: (Lent) -> Bool) {
        encodings.withUnsafeBytes { bytes in
            var offset = 0
            func number() -> UInt64 {
                defer { offset += 8 }
                return UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
            }
            func field() -> UnsafeRawBufferPointer {
                let count = Int(UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self)))
                defer { offset += 4 + count }
                return UnsafeRawBufferPointer(rebasing: bytes[offset + 4..<offset + 4 + count])
            }
            for checksum in checksums {
                let (position, recordedAt, revision, cause) = (number(), number(), number(), number())
                let lent = Lent(
                    position: position, recordedAt: recordedAt, revision: revision, cause: cause, stream: field(),
                    kind: field(), body: field(), checksum: checksum)
                guard body(lent) else { return }
            }
        }
    }
}
