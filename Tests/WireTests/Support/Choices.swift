/// A source of arbitrary but repeatable choices, so that a failing case can be run again. SplitMix64.
struct Choices: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    mutating func bytes(_ count: Int) -> [UInt8] {
        (0..<count).map { _ in UInt8.random(in: 0...255, using: &self) }
    }

    /// Changes one to four places of the bytes: flips, inserts, removes, cuts, repeats.
    mutating func mutate(_ bytes: [UInt8]) -> [UInt8] {
        var result = bytes
        for _ in 0..<Int.random(in: 1...4, using: &self) where !result.isEmpty {
            let index = Int.random(in: result.indices, using: &self)
            switch Int.random(in: 0..<7, using: &self) {
            case 0: result[index] ^= 1 << UInt8.random(in: 0..<8, using: &self)
            case 1: result[index] = [0, 0x7F, 0x80, 0xFF].randomElement(using: &self) ?? 0
            case 2: result.insert(UInt8.random(in: 0...255, using: &self), at: index)
            case 3: result.remove(at: index)
            case 4: result.removeSubrange(index...)
            case 5: result.insert(contentsOf: [UInt8](repeating: 0xFF, count: 9), at: index)
            default: result.append(contentsOf: result[index...])
            }
        }
        return result
    }
}
