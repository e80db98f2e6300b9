/// The name of an object in a store. Only the server makes names; what comes from outside has to pass here before it can
/// become part of a path.
///
/// One or more parts between slashes. A part has 1 to 240 bytes of `A-Z a-z 0-9 . _ -`, does not start with a dot (so
/// there is no `.`, no `..` and nothing hidden), and does not end like a file that stores keep beside an object
/// (``reservedSuffixes``). At most 512 bytes together.
public struct ObjectName: Hashable, Sendable, Comparable, CustomStringConvertible {
    /// The most bytes of a whole name.
    public static let maximumByteCount = 512
    /// The most bytes of a part: file systems allow 255, and the longest suffix must still fit.
    public static let maximumPartByteCount = 240
    /// What a store appends to a name: sidecar, digest, freeze marker.
    public static let reservedSuffixes = [".key", ".sha256", ".frozen"]

    /// The whole name.
    public let text: String

    /// A name, or `nil` when `text` breaks a rule above.
    public init?(_ text: String) {
        guard (1...Self.maximumByteCount).contains(text.utf8.count) else { return nil }
        let parts = text.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        guard parts.allSatisfy({ Self.isPart($0) }) else { return nil }
        self.text = text
    }

    /// Same as ``text``.
    public var description: String { text }

    /// Orders names by their bytes.
    public static func < (left: ObjectName, right: ObjectName) -> Bool {
        left.text.utf8.lexicographicallyPrecedes(right.text.utf8)
    }

    private static func isPart(_ part: Substring.UTF8View) -> Bool {
        guard (1...maximumPartByteCount).contains(part.count), part.first != UInt8(ascii: ".") else { return false }
        let isAllowed = part.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
                true
            default: false
            }
        }
        return isAllowed && !reservedSuffixes.contains { part.suffix($0.utf8.count).elementsEqual($0.utf8) }
    }
}
