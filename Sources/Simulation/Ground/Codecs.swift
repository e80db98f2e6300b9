public import Core
public import Engine
import Synchronization

/// Stores messages by their place in a table: costs nothing, and lives as long as the world.
public final class TableCodec<Message: Hashable & Sendable>: Codec {
    private let messages = Mutex<[Message]>([])

    /// An empty table.
    public init() {}

    /// The place, 8 bytes big-endian.
    public func encode(_ message: Message) -> [UInt8] {
        let place = messages.withLock { messages in
            messages.append(message)
            return UInt64(messages.count - 1)
        }
        return withUnsafeBytes(of: place.bigEndian) { Array($0) }
    }

    /// The message at that place.
    public func decode(_ body: [UInt8], kind: Text) throws(CodecError) -> Message {
        let place = body.reduce(0 as UInt64) { $0 << 8 | UInt64($1) }
        let message = messages.withLock { place < UInt64($0.count) ? $0[Int(place)] : nil }
        guard let message else { throw CodecError(kind: kind, problem: "nothing stands at place \(place)") }
        return message
    }
}

/// How a world stores what its two machines say.
public struct Codecs: Sendable {
    /// For the control plane's log.
    public var fleet: any Codec<Fleet.Message>
    /// For the agent's log.
    public var station: any Codec<Station.Message>

    /// The codecs to store with.
    public init(fleet: any Codec<Fleet.Message>, station: any Codec<Station.Message>) {
        self.fleet = fleet
        self.station = station
    }

    /// Tables in memory.
    public static func tables() -> Codecs { Codecs(fleet: TableCodec(), station: TableCodec()) }
}

/// Hides which codec it is, so that a world need not be generic.
struct AnyCodec<Message: Hashable & Sendable>: Codec {
    let base: any Codec<Message>

    func encode(_ message: Message) -> [UInt8] { base.encode(message) }
    func decode(_ body: [UInt8], kind: Text) throws(CodecError) -> Message { try base.decode(body, kind: kind) }
}

typealias FleetKernel = Kernel<Fleet, MemoryLog, AnyCodec<Fleet.Message>>
typealias StationKernel = Kernel<Station, MemoryLog, AnyCodec<Station.Message>>
