/// Puts WebSocket messages together from their frames. A value without I/O.
struct MessageAssembler {
    /// What a frame completed.
    enum Outcome: Equatable {
        /// Nothing yet, or a text message, which no agent sends.
        case nothing
        /// A binary message.
        case binary([UInt8])
        /// A message over the limit: how it starts, and how much there was of it. Nothing comes after this.
        case tooLarge(start: [UInt8], byteCount: Int)
        /// Frames in an order that the protocol forbids.
        case fault
    }

    /// What a data frame is.
    enum Piece {
        /// Starts a message.
        case binary, text
        /// Goes on with it.
        case continuation
        /// No data frame that the protocol knows.
        case unknown
    }

    /// The longest message. Source: the limit of reference agents, both ways.
    static let limit = 4_194_304

    /// How much of a message over the limit is recorded.
    static let recordedByteCount = 4_096
    /// How much of it is handed out: with the longest form of a secret behind what is recorded, so that one across the
    /// cut is found. That is a password of the greatest length, percent-encoded.
    static let startByteCount = recordedByteCount + 3 * Body.textByteLimit

    private var parts: [UInt8] = []
    private var isBinary = false
    private var isUnderWay = false
    private var isOver = false

    /// Adds a data frame.
    mutating func add(_ piece: Piece, isLast: Bool, _ bytes: [UInt8]) -> Outcome {
        guard !isOver else { return .nothing }
        switch piece {
        case .binary, .text:
            guard !isUnderWay else { return .fault }
            isBinary = piece == .binary
            parts = bytes
        case .continuation:
            guard isUnderWay else { return .fault }
            parts += bytes
        case .unknown:
            return .fault
        }
        isUnderWay = !isLast
        guard parts.count <= Self.limit else {
            defer {
                parts = []
                isOver = true
            }
            return .tooLarge(start: Array(parts.prefix(Self.startByteCount)), byteCount: parts.count)
        }
        guard isLast else { return .nothing }
        defer { parts = [] }
        return isBinary ? .binary(parts) : .nothing
    }
}
