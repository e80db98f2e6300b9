/// One parser of bytes from outside, or a few that are alike, with what must hold for any bytes.
struct Target: Sendable {
    /// As the command line has it.
    let name: String
    /// The longest input that is worth a try.
    let maximumByteCount: Int
    /// Inputs to begin with.
    let seeds: @Sendable () throws -> [[UInt8]]
    /// Traps when a promise is broken.
    let run: @Sendable ([UInt8]) -> Void

    /// All of them; `run.sh` asks for this list.
    static let all: [Target] = [
        .envelope, .redaction, .entries, .station, .capture, .replay, .blob, .keys, .addresses, .json, .bodies, .texts,
        .session, .logfile, .decryptor, .listing, .snapshot, .archive,
    ]
}

/// Ends the process where a promise does not hold, so that libFuzzer keeps the input.
func promise(
    _ holds: @autoclosure () -> Bool, _ text: @autoclosure () -> String, file: StaticString = #file, line: UInt = #line
) {
    if !holds() { fatalError("broken: \(text())", file: file, line: line) }
}

/// Takes an input apart into smaller things. Total: at the end there are zeros and nothing.
struct Feed {
    private(set) var rest: ArraySlice<UInt8>

    init(_ bytes: [UInt8]) { rest = bytes[...] }

    var isEmpty: Bool { rest.isEmpty }

    mutating func byte() -> UInt8 { rest.popFirst() ?? 0 }

    /// Up to so many bytes.
    mutating func bytes(_ count: Int) -> [UInt8] {
        let taken = Array(rest.prefix(count))
        rest = rest.dropFirst(count)
        return taken
    }

    /// A piece behind its length in two bytes, cut at the end.
    mutating func piece() -> [UInt8] {
        let count = Int(byte()) << 8 | Int(byte())
        return bytes(count)
    }

    /// A piece behind its length in one byte, cut at the end.
    mutating func shortPiece() -> [UInt8] { bytes(Int(byte())) }

    /// All that is left.
    mutating func remainder() -> [UInt8] { bytes(rest.count) }

    /// What ``piece()`` takes apart.
    static func piece(_ bytes: [UInt8]) -> [UInt8] {
        let cut = bytes.prefix(0xFFFF)
        return [UInt8(cut.count >> 8), UInt8(cut.count & 0xFF)] + cut
    }
}

extension [UInt8] {
    /// Whether these bytes stand anywhere in here.
    func holds(_ needle: [UInt8]) -> Bool {
        guard let first = needle.first, count >= needle.count else { return needle.isEmpty }
        return withUnsafeBufferPointer { hay in
            needle.withUnsafeBufferPointer { needle in
                for start in 0...(hay.count - needle.count) where hay[start] == first {
                    var index = 1
                    while index < needle.count, hay[start + index] == needle[index] { index += 1 }
                    if index == needle.count { return true }
                }
                return false
            }
        }
    }
}
