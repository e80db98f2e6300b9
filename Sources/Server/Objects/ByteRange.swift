import HTTPTypes

/// Which bytes of an object are asked for. Source: RFC 9110, section 14.
struct ByteRange: Hashable, Sendable {
    /// The first byte.
    let start: UInt64
    /// Behind the last byte.
    let end: UInt64
    /// Whether less than all was asked for in a way that is understood.
    let isPartial: Bool
    private let total: UInt64

    /// How many bytes.
    var byteCount: UInt64 { end - start }

    /// The header `Content-Range`.
    var header: String { "bytes \(start)-\(end - 1)/\(total)" }

    /// Reads the header `Range`. Several ranges at once, other units and nonsense are passed over, as the RFC allows:
    /// the answer is then the whole.
    init(_ header: String?, byteCount: UInt64) throws(RESTError) {
        total = byteCount
        let (first, last) = header.flatMap(Self.parse) ?? (nil, nil)
        switch (first, last) {
        case (nil, nil):
            (start, end, isPartial) = (0, byteCount, false)
        case (nil, let suffix?):
            guard suffix > 0, byteCount > 0 else { throw Self.unsatisfiable(byteCount) }
            (start, end, isPartial) = (byteCount - min(suffix, byteCount), byteCount, true)
        case (let first?, let last):
            guard first < byteCount else { throw Self.unsatisfiable(byteCount) }
            (start, end, isPartial) = (first, min(last ?? .max, byteCount - 1) + 1, true)
        }
    }

    private static func parse(_ header: String) -> (UInt64?, UInt64?)? {
        guard header.hasPrefix("bytes=") else { return nil }
        let ends = header.dropFirst(6).split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
        guard ends.count == 2 else { return nil }
        let numbers = ends.map(number)
        for (text, number) in zip(ends, numbers) where !text.isEmpty && number == nil { return nil }
        if let first = numbers[0], let last = numbers[1], first > last { return nil }
        return (numbers[0], numbers[1])
    }

    /// Nil for what is no number; one beyond 64 bits lies behind the end of every object.
    private static func number(_ text: Substring) -> UInt64? {
        guard !text.isEmpty, text.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) else { return nil }
        return UInt64(text) ?? .max
    }

    private static func unsatisfiable(_ byteCount: UInt64) -> RESTError {
        RESTError(
            .validation, "the range lies outside of the object's \(byteCount) bytes", status: .rangeNotSatisfiable,
            headers: [.contentRange: "bytes */\(byteCount)"])
    }
}
