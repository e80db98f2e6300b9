import Core
import Engine
import Synchronization

/// Stores messages by their place in a table: costs nothing, and lives as long as the world.
final class TableCodec<Message: Hashable & Sendable>: Codec {
    private let messages = Mutex<[Message]>([])

    /// An empty table.
    init() {}

    /// The place, 8 bytes big-endian.
    func encode(_ message: Message) -> [UInt8] {
        let place = messages.withLock { messages in
            messages.append(message)
            return UInt64(messages.count - 1)
        }
        return withUnsafeBytes(of: place.bigEndian) { Array($0) }
    }

    /// The message at that place.
    func decode(_ body: [UInt8], kind: Text) throws(CodecError) -> Message {
        let place = body.reduce(0 as UInt64) { $0 << 8 | UInt64($1) }
        let message = messages.withLock { place < UInt64($0.count) ? $0[Int(place)] : nil }
        guard let message else { throw CodecError(kind: kind, problem: "nothing stands at place \(place)") }
        return message
    }
}
