public import Core
public import Digests

/// Whole turns that are committed together, and the link that chains them to all that came before.
///
/// The link is SHA-256 over the previous link and the entries' encodings: it shows what was dropped, swapped or added.
/// Each entry also has a CRC-32C, which names a damaged position. Entries are encoded once, into one buffer that the next
/// batch uses again; that buffer is what is checksummed, hashed, and lent to the disk.
public struct Batch: Sendable {
    /// What a log keeps of an entry beside its bytes.
    public struct Place: Hashable, Sendable {
        /// The thing that the entry is about.
        public let stream: Stream
        /// The entry's place in that stream.
        public let revision: Revision

        @usableFromInline
        init(stream: Stream, revision: Revision) {
            self.stream = stream
            self.revision = revision
        }
    }

    /// Stream and revision of each entry, in order of position.
    public private(set) var places: [Place] = []
    /// The CRC-32C of each entry's encoding.
    public private(set) var checksums: [UInt32] = []
    /// The first entry's position; nil in an empty batch.
    public private(set) var first: Position?
    /// The last entry's position and the time it was recorded; nil in an empty batch.
    public private(set) var last: (position: Position, recordedAt: Timestamp)?
    // All encodings, one behind the other.
    private var encodings: [UInt8] = []
    private var previousLink: Digest

    /// What stands in for a link before the first commit: 32 zero bytes.
    public static let linkBeforeFirst = Digest([UInt8](repeating: 0, count: Digest.byteCount))!

    /// An empty batch behind the commit that has this link; ``linkBeforeFirst`` for the first one.
    public init(after link: Digest) { previousLink = link }

    /// Empties the batch and puts it behind another commit. Its memory stays, for the next one.
    public mutating func restart(after link: Digest) {
        places.removeAll(keepingCapacity: true)
        checksums.removeAll(keepingCapacity: true)
        // One commit of many megabytes must not hold on to them.
        encodings.removeAll(keepingCapacity: encodings.count <= Self.keptByteCount)
        first = nil
        last = nil
        previousLink = link
    }

    /// A buffer up to this size is used again.
    private static let keptByteCount = 4 << 20

    /// Whether nothing waits in it.
    public var isEmpty: Bool { checksums.isEmpty }

    /// How many entries wait in it.
    public var count: Int { checksums.count }

    /// Encoded size of all entries so far.
    public var byteCount: Int { encodings.count }

    /// Adds the entry at the end.
    public mutating func append(_ entry: EncodedEntry) {
        let start = begin(
            entry.position, entry.recordedAt, entry.stream, entry.revision, cause: entry.cause, kind: entry.kind)
        append(body: entry.body)
        end(from: start)
    }

    /// Adds the entry at the end, its message encoded in place.
    @inlinable
    public mutating func append<MessageCodec: Codec>(_ entry: Entry<MessageCodec.Message>, by codec: MessageCodec) {
        let start = begin(
            entry.position, entry.recordedAt, entry.stream, entry.revision, cause: entry.cause, kind: entry.kind)
        append(body: codec.encode(entry.message))
        end(from: start)
    }

    /// Writes all before the body; gives where the encoding begins.
    @usableFromInline
    mutating func begin(
        _ position: Position, _ recordedAt: Timestamp, _ stream: Stream, _ revision: Revision, cause: Position?,
        kind: Text
    ) -> Int {
        let start = encodings.count
        if first == nil { first = position }
        last = (position, recordedAt)
        places.append(Place(stream: stream, revision: revision))
        EncodedEntry.encodeHead(
            position, recordedAt, stream, revision, cause: cause, kind: kind, into: &encodings)
        return start
    }

    @usableFromInline
    mutating func append(body: [UInt8]) { EncodedEntry.append(field: body, to: &encodings) }

    @usableFromInline
    mutating func end(from start: Int) {
        checksums.append(
            encodings.withUnsafeBytes { CRC32C.checksum(of: UnsafeRawBufferPointer(rebasing: $0[start...])) })
    }

    /// The link of the commit that these entries make. Hashes all of them: ask once.
    public func link() -> Digest {
        var hash = SHA256()
        previousLink.withUnsafeBytes { hash.update($0) }
        hash.update(encodings)
        return hash.finalize()
    }

    /// Lends out all encodings, one behind the other, and the checksum of each, without copying.
    public func withEncodings<Result>(
        _ body: (_ encodings: UnsafeBufferPointer<UInt8>, _ checksums: UnsafeBufferPointer<UInt32>) -> Result
    ) -> Result {
        encodings.withUnsafeBufferPointer { encodings in
            checksums.withUnsafeBufferPointer { body(encodings, $0) }
        }
    }

    /// The entries, in order of position. Makes all of them anew: for logs that keep them so.
    public var entries: [EncodedEntry] {
        var entries: [EncodedEntry] = []
        entries.reserveCapacity(count)
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
            for place in places {
                let (position, recordedAt, revision, cause) = (number(), number(), number(), number())
                _ = field()
                entries.append(
                    EncodedEntry(
                        position: Position(position),
                        recordedAt: Timestamp(milliseconds: Int64(bitPattern: recordedAt)),
                        stream: place.stream, revision: Revision(revision), cause: cause == 0 ? nil : Position(cause),
                        kind: Text(String(decoding: field(), as: UTF8.self)), body: Array(field())))
            }
        }
        return entries
    }
}
