/// Where a server listens: a host name or address, and a port.
public struct ListenAddress: Hashable, Sendable, CustomStringConvertible {
    /// A name or an address, without brackets.
    public var host: String
    /// 0 lets the system choose.
    public var port: Int

    /// An address with both parts.
    public init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    /// Reads `HOST:PORT`; addresses of version 6 stand in brackets, as `[::1]:8080`.
    ///
    /// - Throws: ``StartError/badListenAddress(_:)``.
    public init(_ text: String) throws(StartError) {
        guard let colon = text.lastIndex(of: ":") else { throw .badListenAddress(text) }
        var host = text[..<colon]
        let digits = text[text.index(after: colon)...]
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
        } else if host.contains(":") {
            throw .badListenAddress(text)
        }
        guard !host.isEmpty, !digits.isEmpty, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            let port = UInt16(digits)
        else { throw .badListenAddress(text) }
        self.init(host: String(host), port: Int(port))
    }

    /// Whether only this machine can reach it.
    public var isLoopback: Bool {
        host == "localhost" || host == "::1" || isIPv4(startingWith: "127")
    }

    /// Whether it stands for all addresses of the machine.
    public var isWildcard: Bool { host == "0.0.0.0" || host == "::" || host == "*" }

    private func isIPv4(startingWith first: String) -> Bool {
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts[0] == first && parts.allSatisfy { UInt8($0) != nil }
    }

    /// `HOST:PORT`, with brackets around an address of version 6.
    public var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}
