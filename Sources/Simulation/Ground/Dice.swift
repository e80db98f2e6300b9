import Core

/// The one source of chance of a world: all that differs between two seeds comes from here.
struct Dice: Sendable {
    private let seed: UInt64
    private var counter: UInt64 = 0

    init(seed: UInt64) { self.seed = seed }

    /// 64 drawn bits.
    mutating func bits() -> UInt64 {
        counter &+= 1
        return Mix.bits(seed: seed, counter: counter)
    }

    /// A number of the range. The small bias of the remainder does not matter here.
    mutating func number(_ range: ClosedRange<Int64>) -> Int64 {
        range.lowerBound + Int64(bits() % UInt64(range.upperBound - range.lowerBound + 1))
    }

    /// A span between the two ends.
    mutating func span(_ range: ClosedRange<Int64>) -> Milliseconds { Milliseconds(number(range)) }

    /// True once in so many throws.
    mutating func chance(in many: Int64) -> Bool { number(1...many) == 1 }

    /// So many drawn bytes.
    mutating func bytes(_ count: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count + 7)
        while bytes.count < count { withUnsafeBytes(of: bits().bigEndian) { bytes.append(contentsOf: $0) } }
        bytes.removeLast(bytes.count - count)
        return bytes
    }

    /// One of the elements; nil of none.
    mutating func pick<Element>(_ elements: [Element]) -> Element? {
        elements.isEmpty ? nil : elements[Int(number(0...Int64(elements.count - 1)))]
    }
}
