import NIOWebSocket

/// Puts WebSocket messages together from their frames. A value without I/O.
struct MessageAssembler {
    /// What a frame completed.
    enum Outcome: Equatable {
        /// Nothing yet, or a text message, which no agent sends.
        case nothing
        /// A binary message.
        case binary([UInt8])
        /// A message over the limit: what there is of it.
        case tooLarge([UInt8])
        /// Frames in an order that the protocol forbids.
        case fault
    }

    /// The longest message. Source: the limit of reference agents, both ways.
    static let limit = 4_194_304

    private var parts: [UInt8] = []
    private var isBinary = false
    private var isUnderWay = false

    /// Adds a data frame.
    mutating func add(_ opcode: WebSocketOpcode, isLast: Bool, _ bytes: [UInt8]) -> Outcome {
        switch opcode {
        case .binary, .text:
            guard !isUnderWay else { return .fault }
            isBinary = opcode == .binary
            parts = bytes
        case .continuation:
            guard isUnderWay else { return .fault }
            parts += bytes
        default:
            return .fault
        }
        isUnderWay = !isLast
        guard parts.count <= Self.limit else { return .tooLarge(parts) }
        guard isLast else { return .nothing }
        defer { parts = [] }
        return isBinary ? .binary(parts) : .nothing
    }
}
