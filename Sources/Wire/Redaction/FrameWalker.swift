/// Something to be called with each piece of content of a frame, in ascending order and without overlap.
///
/// A visitor may overwrite the bytes of the range it is given and no others: all of them are content, so neither tags
/// nor lengths can be hit and the frame stays as readable as it was.
protocol FrameVisitor {
    mutating func visit(_ content: FrameContent, _ range: Range<Int>, in frame: inout [UInt8])
}

/// Finds the contents of an envelope's fields without decoding it.
///
/// Total: any bytes give an answer, no bytes trap. It accepts whatever SwiftProtobuf accepts, and a little more (it
/// does not check that strings are UTF-8). That direction matters: a frame that decodes must never be taken for a
/// malformed one, since those are redacted without regard for their structure. So groups, which no schema here has,
/// are stepped through rather than refused: SwiftProtobuf keeps them as unknown fields.
struct FrameWalker<Visitor: FrameVisitor> {
    private var visitor: Visitor
    private var position = 0

    /// Groups inside groups; SwiftProtobuf gives up at 100 levels of messages and groups together.
    private static var maximumGroupDepth: Int { 100 }

    private init(_ visitor: Visitor) {
        self.visitor = visitor
    }

    /// Shows every piece of content to the visitor.
    ///
    /// - Returns: Whether the frame is well formed. If it is not, the visitor has seen what lay before the fault, and
    ///   of a data key or password that the frame's end cuts off, what there is.
    static func walk(_ frame: inout [UInt8], with visitor: inout Visitor) -> Bool {
        var walker = FrameWalker(visitor)
        let isWellFormed = walker.message(.envelope, to: frame.count, in: &frame)
        visitor = walker.visitor
        return isWellFormed
    }

    /// Recursion is bounded by the schema, whose messages nest five deep.
    private mutating func message(_ message: FrameMessage, to end: Int, in frame: inout [UInt8]) -> Bool {
        while position < end {
            guard let (number, wireType) = tag(to: end, in: frame) else { return false }
            let isWellFormed =
                wireType == 3
                ? group(number, depth: 1, to: end, in: &frame)
                : field(number, wireType, of: message, to: end, in: &frame)
            if !isWellFormed { return false }
        }
        return true
    }

    private mutating func group(_ outer: UInt32, depth: Int, to end: Int, in frame: inout [UInt8]) -> Bool {
        guard depth <= Self.maximumGroupDepth else { return false }
        while let (number, wireType) = tag(to: end, in: frame) {
            switch wireType {
            case 4: return number == outer
            case 3: if !group(number, depth: depth + 1, to: end, in: &frame) { return false }
            default: if !field(number, wireType, of: .plain, to: end, in: &frame) { return false }
            }
        }
        return false
    }

    private mutating func field(
        _ number: UInt32, _ wireType: UInt8, of message: FrameMessage, to end: Int, in frame: inout [UInt8]
    ) -> Bool {
        switch wireType {
        case 0: return varint(to: end, in: frame) != nil
        case 1: return fixed(byteCount: 8, to: end, in: &frame)
        case 5: return fixed(byteCount: 4, to: end, in: &frame)
        case 2: break
        default: return false
        }
        guard let length = varint(to: end, in: frame) else { return false }
        let start = position
        let isComplete = length <= UInt64(end - start)
        let stop = isComplete ? start + Int(length) : end
        switch message.content(ofField: number) {
        case .message(let inner):
            // Also walked if cut off, for the secrets before the cut.
            return self.message(inner, to: stop, in: &frame) && isComplete
        case .plain where !isComplete, .freeText where !isComplete, .url where !isComplete:
            return false
        case let content:
            position = stop
            visitor.visit(content, start..<stop, in: &frame)
            return isComplete
        }
    }

    private mutating func fixed(byteCount: Int, to end: Int, in frame: inout [UInt8]) -> Bool {
        guard end - position >= byteCount else { return false }
        let start = position
        position += byteCount
        visitor.visit(.plain, start..<position, in: &frame)
        return true
    }

    private mutating func tag(to end: Int, in frame: [UInt8]) -> (number: UInt32, wireType: UInt8)? {
        guard let value = varint(to: end, in: frame), value < UInt64(UInt32.max), value >= 8 else { return nil }
        return (UInt32(value >> 3), UInt8(value & 7))
    }

    /// Up to ten bytes; bits beyond the 64th are dropped, as SwiftProtobuf does.
    private mutating func varint(to end: Int, in frame: [UInt8]) -> UInt64? {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while position < end, shift <= 63 {
            let byte = frame[position]
            position += 1
            value |= UInt64(byte & 0x7F) << shift
            if byte & 0x80 == 0 { return value }
            shift += 7
        }
        return nil
    }
}
