import Digests
import Engine

/// Makes and checks the addresses of the embedded store:
///
///     BASE/objects/NAME?expires=MS&max=BYTES&signature=HEX
///
/// The signature is HMAC-SHA-256 over method, name, expiry (unix milliseconds, wall clock) and maximum (bytes; 0 in an
/// address for reading).
public struct ObjectURLSigner: ObjectURLs, Sendable {
    /// What an address allows.
    public struct Grant: Hashable, Sendable {
        /// The object.
        public var name: ObjectName
        /// Unix milliseconds from which on it allows nothing.
        public var expiresAtMilliseconds: UInt64
        /// The most bytes that may be uploaded.
        public var maximumByteCount: UInt64

        /// A grant as given.
        public init(name: ObjectName, expiresAtMilliseconds: UInt64, maximumByteCount: UInt64) {
            self.name = name
            self.expiresAtMilliseconds = expiresAtMilliseconds
            self.maximumByteCount = maximumByteCount
        }
    }

    /// What became of checking an address.
    public enum Verdict: Hashable, Sendable {
        /// Genuine and in time.
        case valid(Grant)
        /// Genuine and too late.
        case expired
        /// Not made by this signer for this method, or changed since.
        case invalid
    }

    /// Where the server is reached, without a slash at its end.
    public let base: String
    private let key: [UInt8]
    /// Under which paths of the host objects lie, each with a slash at its end: a proxy may or may not pass on the base's own
    /// path.
    public let prefixes: [String]

    /// A signer.
    ///
    /// - Parameters:
    ///   - key: 32 secret bytes of its own.
    ///   - base: scheme, host and perhaps a path, such as `https://backup.example:8443`.
    public init(key: [UInt8], base: String) {
        var trimmed = base[...]
        while trimmed.hasSuffix("/") { trimmed = trimmed.dropLast() }
        self.key = key
        self.base = String(trimmed)
        let afterScheme = trimmed.split(separator: "://", maxSplits: 1).last ?? ""
        let path = afterScheme.firstIndex(of: "/").map { String(afterScheme[$0...]) } ?? ""
        prefixes = path.isEmpty ? ["/objects/"] : [path + "/objects/", "/objects/"]
    }

    /// See ``ObjectURLs``.
    public func uploadURL(for name: ObjectName, maximumByteCount: UInt64, expiresAtMilliseconds: UInt64) -> String {
        url("PUT", Grant(name: name, expiresAtMilliseconds: expiresAtMilliseconds, maximumByteCount: maximumByteCount))
    }

    /// See ``ObjectURLs``.
    public func downloadURL(for name: ObjectName, expiresAtMilliseconds: UInt64) -> String {
        url("GET", Grant(name: name, expiresAtMilliseconds: expiresAtMilliseconds, maximumByteCount: 0))
    }

    /// Checks a request. Total over any input, and in constant time where it compares the signature.
    ///
    /// - Parameters:
    ///   - method: as in the request; `HEAD` needs an address for `GET`.
    ///   - target: path and query as in the request line.
    ///   - nowMilliseconds: the wall clock as unix milliseconds.
    public func verify(method: String, target: String, nowMilliseconds: UInt64) -> Verdict {
        guard target.utf8.count <= 4_096, let (grant, signature) = parse(target) else { return .invalid }
        let expected = self.signature(method == "HEAD" ? "GET" : method, grant)
        guard constantTimeEqual(signature, expected.bytes) else { return .invalid }
        return nowMilliseconds < grant.expiresAtMilliseconds ? .valid(grant) : .expired
    }

    private func url(_ method: String, _ grant: Grant) -> String {
        """
        \(base)/objects/\(grant.name.text)?expires=\(grant.expiresAtMilliseconds)&max=\(grant.maximumByteCount)\
        &signature=\(signature(method, grant).hex)
        """
    }

    /// No field can hold a newline but the method, which comes first and of which there are only two.
    private func signature(_ method: String, _ grant: Grant) -> Digest {
        let text = "\(method)\n\(grant.name.text)\n\(grant.expiresAtMilliseconds)\n\(grant.maximumByteCount)"
        return HMACSHA256.code(of: Array(text.utf8), key: key)
    }

    private func parse(_ target: String) -> (Grant, signature: [UInt8])? {
        let halves = target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        guard halves.count == 2, let prefix = prefixes.first(where: { halves[0].hasPrefix($0) }),
            let name = ObjectName(String(halves[0].dropFirst(prefix.count)))
        else { return nil }
        var expires: UInt64?
        var maximum: UInt64?
        var signature: [UInt8]?
        for parameter in halves[1].split(separator: "&", omittingEmptySubsequences: false) {
            let pair = parameter.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard pair.count == 2 else { return nil }
            switch pair[0] {
            case "expires" where expires == nil: expires = Self.number(pair[1])
            case "max" where maximum == nil: maximum = Self.number(pair[1])
            case "signature" where signature == nil: signature = Hex.decode(String(pair[1]))
            default: return nil
            }
        }
        guard let expires, let maximum, let signature else { return nil }
        return (Grant(name: name, expiresAtMilliseconds: expires, maximumByteCount: maximum), signature)
    }

    /// Only the one way of writing a number that this signer uses.
    private static func number(_ text: Substring) -> UInt64? {
        guard let number = UInt64(text), String(number) == text else { return nil }
        return number
    }
}
