public import Core

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
        Self.encodeHead(position, recordedAt, stream, revision, cause: cause, kind: kind, into: &bytes)
        Self.append(field: body, to: &bytes)
    }

    /// Appends all of an encoding that stands before the body.
    static func encodeHead(
        _ position: Position, _ recordedAt: Timestamp, _ stream: Stream, _ revision: Revision, cause: Position?,
        kind: Text, into bytes: inout [UInt8]
    ) {
        var (stream, kind) = (stream.name.string, kind.string)
        stream.withUTF8 { stream in
            kind.withUTF8 { kind in
                // Put together beside the buffer, which then grows once.
                let count = 40 + stream.count + kind.count
                withUnsafeTemporaryAllocation(of: UInt8.self, capacity: count) { head in
                    let raw = UnsafeMutableRawBufferPointer(head)
                    raw.storeBytes(of: position.number.bigEndian, toByteOffset: 0, as: UInt64.self)
                    raw.storeBytes(of: recordedAt.milliseconds.bigEndian, toByteOffset: 8, as: Int64.self)
                    raw.storeBytes(of: revision.number.bigEndian, toByteOffset: 16, as: UInt64.self)
                    raw.storeBytes(of: (cause?.number ?? 0).bigEndian, toByteOffset: 24, as: UInt64.self)
                    store(stream, at: 32, in: raw)
                    store(kind, at: 36 + stream.count, in: raw)
                    bytes.append(contentsOf: UnsafeBufferPointer(head))
                }
            }
        }
    }

    private static func store(
        _ field: UnsafeBufferPointer<UInt8>, at offset: Int, in bytes: UnsafeMutableRawBufferPointer
    ) {
        bytes.storeBytes(of: UInt32(clamping: field.count).bigEndian, toByteOffset: offset, as: UInt32.self)
        UnsafeMutableRawBufferPointer(rebasing: bytes[(offset + 4)...]).copyMemory(from: UnsafeRawBufferPointer(field))
    }

    /// Appends bytes behind their length.
    static func append(field: [UInt8], to bytes: inout [UInt8]) {
        append(length: field.count, to: &bytes)
        bytes.append(contentsOf: field)
    }

    private static func append(length: Int, to bytes: inout [UInt8]) {
        withUnsafeBytes(of: UInt32(clamping: length).bigEndian) { bytes.append(contentsOf: $0) }
    }
}
