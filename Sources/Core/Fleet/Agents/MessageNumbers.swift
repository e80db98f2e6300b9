/// Which numbers of an agent's messages are missing. Numbers prove nothing about a run; a gap that nothing has filled
/// by the time when all that was kept must have come proves that a message was lost.
///
/// A reference agent gives a number to each message of its process, in one sequence. On one connection a number can be
/// missing because a later message overtook it, because the message is kept on disk and comes on the next connection, or
/// because it is lost. So a gap between two messages of one connection waits until the next one has been up for a while.
/// Numbers between two connections say nothing: each attempt to register takes one.
struct MessageNumbers: Hashable, Sendable {
    /// More at once are a jump of the counter and not messages.
    static let limit = 64

    /// Missing on the present connection.
    private(set) var missing: [UInt64] = []
    /// Missing on former ones; they come again now, or never.
    private(set) var awaited: [UInt64] = []
    /// Heartbeats on the present connection, up to 2: by the second one all that was kept has come.
    private(set) var heartbeatCount: UInt32 = 0
    /// A message could not be read, so the next gap is known.
    private(set) var hasGap = false
    /// Whether an overtaken message has been told of on this connection.
    private(set) var isReorderingNoted = false

    init() {}

    init(
        missing: [UInt64], awaited: [UInt64], heartbeatCount: UInt32, hasGap: Bool, isReorderingNoted: Bool
    ) {
        self.missing = missing
        self.awaited = awaited
        self.heartbeatCount = heartbeatCount
        self.hasGap = hasGap
        self.isReorderingNoted = isReorderingNoted
    }

    /// A connection begins.
    mutating func connect() {
        awaited = Array((awaited + missing).suffix(Self.limit))
        missing = []
        heartbeatCount = 0
        hasGap = false
        isReorderingNoted = false
    }

    /// What came is no message, and had a number all the same.
    mutating func skip() { hasGap = true }

    /// A message that the agent had kept.
    mutating func replayed(_ number: UInt64) {
        if let place = awaited.firstIndex(of: number) { awaited.remove(at: place) }
        if let place = missing.firstIndex(of: number) { missing.remove(at: place) }
    }

    /// A message that was made on this connection.
    ///
    /// - Parameter highest: The highest number before it, that of Register included.
    /// - Returns: Whether it was overtaken, for the first time on this connection.
    mutating func live(_ number: UInt64, after highest: UInt64) -> Bool {
        guard number > 0 else { return false }
        if number > highest {
            defer { hasGap = false }
            let gap = number - highest - 1
            guard !hasGap, gap > 0, gap <= UInt64(Self.limit - min(missing.count, Self.limit)) else { return false }
            missing += (highest + 1)..<number
            return false
        }
        guard let place = missing.firstIndex(of: number) else { return false }
        missing.remove(at: place)
        defer { isReorderingNoted = true }
        return !isReorderingNoted
    }

    /// A heartbeat that was made on this connection.
    ///
    /// - Returns: The numbers that are lost: told once.
    mutating func beat() -> [UInt64] {
        heartbeatCount = min(heartbeatCount, 1) + 1
        guard heartbeatCount == 2 else { return [] }
        defer { awaited = [] }
        return awaited
    }
}

extension MessageNumbers: Restorable {
    /// Writes every field.
    func encode<Encoder: CanonicalEncoder>(into encoder: inout Encoder) {
        encoder.encode("missing", list: missing.map { CanonicalText(Text(String($0))) })
        encoder.encode("awaited", list: awaited.map { CanonicalText(Text(String($0))) })
        encoder.encode("heartbeat_count", heartbeatCount)
        encoder.encode("has_gap", hasGap)
        encoder.encode("is_reordering_noted", isReorderingNoted)
    }

    /// Reads every field.
    init<Decoder: CanonicalDecoder>(from decoder: inout Decoder) throws(CanonicalError) {
        missing = try Self.numbers(try decoder.decode("missing"))
        awaited = try Self.numbers(try decoder.decode("awaited"))
        heartbeatCount = try decoder.decode("heartbeat_count")
        hasGap = try decoder.decode("has_gap")
        isReorderingNoted = try decoder.decode("is_reordering_noted")
    }

    private static func numbers(_ texts: [Text]) throws(CanonicalError) -> [UInt64] {
        var numbers: [UInt64] = []
        for text in texts {
            guard let number = UInt64(text.string) else {
                throw CanonicalError(field: "missing", problem: "holds a text that is no number")
            }
            numbers.append(number)
        }
        return numbers
    }
}
