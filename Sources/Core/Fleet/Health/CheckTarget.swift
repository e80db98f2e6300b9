/// Where a check's target leads, read from its text: an `http://` or `https://` URL, or `host:port`.
public struct CheckTarget: Hashable, Sendable {
    /// A name or an address; of IPv6 without brackets.
    public var host: Text
    /// From 1.
    public var port: UInt16
    /// Path and query of a URL, never empty there; empty for `host:port`.
    public var path: Text

    /// Reads a target.
    ///
    /// - Returns: nil when ``problem(of:_:)`` says why not.
    public init?(_ text: Text, _ kind: CheckSpec.Kind) {
        guard case .success(let target) = Self.read(text, kind) else { return nil }
        self = target
    }

    /// What is wrong with a target; nil when nothing is. User info is refused, since a target is not kept secret.
    public static func problem(of text: Text, _ kind: CheckSpec.Kind) -> Text? {
        if case .failure(let problem) = read(text, kind) { problem.text } else { nil }
    }

    private struct Problem: Error { var text: Text }

    private static func read(_ text: Text, _ kind: CheckSpec.Kind) -> Result<CheckTarget, Problem> {
        func failure(_ text: Text) -> Result<CheckTarget, Problem> { .failure(Problem(text: text)) }
        let bytes = Array(text.string.utf8)
        guard (1...2_048).contains(bytes.count) else { return failure("must have 1 to 2048 bytes") }
        guard bytes.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            return failure("must be ASCII without spaces; write other characters as percent-encoding or punycode")
        }
        var rest = bytes[...]
        if kind != .tcp {
            let scheme = Array("\(kind.word)://".utf8)
            guard rest.count > scheme.count, rest.prefix(scheme.count).map(lowercased) == scheme else {
                return failure(Text("must begin with \(kind.word)://"))
            }
            rest = rest.dropFirst(scheme.count)
        }
        let end = kind == .tcp ? rest.endIndex : rest.firstIndex { "/?#".utf8.contains($0) } ?? rest.endIndex
        let authority = rest[..<end]
        if authority.contains(UInt8(ascii: "@")) {
            return failure("must not name a user or a password: targets are shown to everybody who may read")
        }
        guard let (host, digits) = split(authority) else {
            return failure("must name a host; an IPv6 address stands in brackets")
        }
        let port: UInt16
        if let digits {
            guard digits.count <= 5, digits.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }),
                let number = UInt16(String(decoding: digits, as: UTF8.self)), number > 0
            else { return failure("must have a port from 1 to 65535") }
            port = number
        } else {
            guard kind != .tcp else { return failure("must be host:port") }
            port = kind == .https ? 443 : 80
        }
        var path = rest[end...].prefix { $0 != UInt8(ascii: "#") }
        if kind != .tcp, path.first != UInt8(ascii: "/") { path = [UInt8(ascii: "/")] + path }
        return .success(
            CheckTarget(
                host: Text(String(decoding: host, as: UTF8.self)), port: port,
                path: Text(String(decoding: path, as: UTF8.self))))
    }

    private init(host: Text, port: UInt16, path: Text) {
        self.host = host
        self.port = port
        self.path = path
    }

    /// Host and digits of the port; nil without a host of allowed characters.
    private static func split(_ authority: ArraySlice<UInt8>) -> (host: ArraySlice<UInt8>, port: ArraySlice<UInt8>?)? {
        var rest = authority
        let host: ArraySlice<UInt8>
        if rest.first == UInt8(ascii: "[") {
            guard let close = rest.firstIndex(of: UInt8(ascii: "]")) else { return nil }
            host = rest[(rest.startIndex + 1)..<close]
            rest = rest[(close + 1)...]
            guard host.contains(UInt8(ascii: ":")), host.allSatisfy({ isHexadecimal($0) || ":.".utf8.contains($0) })
            else { return nil }
        } else {
            host = rest.prefix { $0 != UInt8(ascii: ":") }
            rest = rest[host.endIndex...]
            guard !host.isEmpty, host.count <= 253, host.allSatisfy(isNameByte), host.first != UInt8(ascii: "-")
            else { return nil }
        }
        if rest.isEmpty { return (host, nil) }
        return rest.first == UInt8(ascii: ":") ? (host, rest.dropFirst()) : nil
    }

    private static func lowercased(_ byte: UInt8) -> UInt8 {
        byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z") ? byte | 0x20 : byte
    }

    private static func isHexadecimal(_ byte: UInt8) -> Bool {
        byte >= 0x30 && byte <= 0x39 || lowercased(byte) >= UInt8(ascii: "a") && lowercased(byte) <= UInt8(ascii: "f")
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        let low = lowercased(byte)
        return byte >= 0x30 && byte <= 0x39 || low >= UInt8(ascii: "a") && low <= UInt8(ascii: "z")
            || "-._".utf8.contains(byte)
    }
}
