public import Core
import Foundation

/// The codec of any `Codable` message, for machines of one's own: bodies are JSON with sorted keys.
///
/// Slower than a codec made for its messages, and as stable as the `Codable` conformance is kept.
public struct JSONCodec<Message: Hashable & Sendable & Codable>: Codec {
    /// A codec; it has no settings.
    public init() {}

    /// The message as JSON. A message that JSON cannot hold (such as a number that is none) becomes `null`, which
    /// cannot be decoded.
    public func encode(_ message: Message) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return (try? Array(encoder.encode(message))) ?? Array("null".utf8)
    }

    /// The message of JSON that this codec wrote.
    public func decode(_ body: [UInt8], kind: Text) throws(CodecError) -> Message {
        do {
            return try JSONDecoder().decode(Message.self, from: Data(body))
        } catch {
            throw CodecError(kind: kind, problem: "\(error)")
        }
    }
}
