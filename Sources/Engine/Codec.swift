public import Core

/// Turns messages into bytes and back.
public protocol Codec<Message>: Sendable, SendableMetatype {
    associatedtype Message: Hashable & Sendable

    /// The body of an entry with this message. Total: every message has bytes.
    func encode(_ message: Message) -> [UInt8]

    /// The message of an entry's body.
    ///
    /// - Throws: ``CodecError`` when the bytes are not what any version of this codec wrote. Never traps.
    func decode(_ body: [UInt8], kind: Text) throws(CodecError) -> Message
}

/// A body that no version of a codec wrote.
public struct CodecError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The kind of the entry.
    public var kind: Text
    /// What was wrong with its body.
    public var problem: String

    /// An error with all its parts.
    public init(kind: Text, problem: String) {
        self.kind = kind
        self.problem = problem
    }

    /// What was wrong and what to do.
    public var description: String {
        "an entry of kind \(kind) cannot be decoded: \(problem). It was written by a newer version, or is damaged: "
            + "run `backupy log verify`."
    }
}

extension Codec {
    /// The whole entry with its message decoded.
    @inlinable
    public func decode(_ entry: EncodedEntry) throws(CodecError) -> Entry<Message> {
        Entry(
            position: entry.position, recordedAt: entry.recordedAt, stream: entry.stream, revision: entry.revision,
            cause: entry.cause, kind: entry.kind, message: try decode(entry.body, kind: entry.kind))
    }

    /// The whole entry with its message encoded.
    @inlinable
    public func encode(_ entry: Entry<Message>) -> EncodedEntry {
        EncodedEntry(
            position: entry.position, recordedAt: entry.recordedAt, stream: entry.stream, revision: entry.revision,
            cause: entry.cause, kind: entry.kind, body: encode(entry.message))
    }
}
