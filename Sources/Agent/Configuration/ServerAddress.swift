import Foundation

/// Where the agent dials, made from a base URL by the rules of reference agents.
public struct ServerAddress: Hashable, Sendable, CustomStringConvertible {
    /// The end of every agent endpoint.
    static let endpoint = "/v1/agents/connect"

    /// Name or address, without brackets.
    public let host: String
    /// TCP port.
    public let port: Int
    /// Whether TLS is spoken.
    public let isSecure: Bool
    /// Path and query of the upgrade request.
    public let target: String

    /// The address that a base URL stands for.
    ///
    /// - Parameter allowsInsecure: whether `http://` is accepted.
    public init(_ url: String, allowsInsecure: Bool) throws(AgentConfigurationError) {
        guard let parts = URLComponents(string: url), let scheme = parts.scheme?.lowercased() else {
            throw .badServerURL(url: Self.shown(url), problem: "it is not a URL")
        }
        guard scheme == "https" || scheme == "http" else {
            throw .badServerURL(url: Self.shown(url), problem: "its scheme must be https, not \(scheme)")
        }
        guard scheme == "https" || allowsInsecure else {
            throw .badServerURL(
                url: Self.shown(url), problem: "http needs --allow-insecure (BACKUP_DEV_ALLOW_INSECURE=true)")
        }
        guard parts.user == nil, parts.password == nil else {
            throw .badServerURL(url: Self.shown(url), problem: "it must not hold a user or password")
        }
        guard var host = parts.host, !host.isEmpty else {
            throw .badServerURL(url: Self.shown(url), problem: "it names no host")
        }
        if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
        isSecure = scheme == "https"
        port = parts.port ?? (isSecure ? 443 : 80)
        guard (1...65_535).contains(port) else {
            throw .badServerURL(url: Self.shown(url), problem: "its port is not in 1 to 65535")
        }
        self.host = host
        var path = parts.percentEncodedPath
        while path.hasSuffix("/") { path.removeLast() }
        if !path.hasSuffix(Self.endpoint) { path += Self.endpoint }
        target = path + (parts.percentEncodedQuery.map { "?\($0)" } ?? "")
    }

    /// The value of the Host header.
    var authority: String {
        let name = host.contains(":") ? "[\(host)]" : host
        return port == (isSecure ? 443 : 80) ? name : "\(name):\(port)"
    }

    /// The URL without its query, which may hold what somebody calls a secret.
    public var description: String {
        "\(isSecure ? "https" : "http")://\(authority)\(target.prefix { $0 != "?" })"
    }

    private static func shown(_ url: String) -> String {
        guard var parts = URLComponents(string: url) else { return "(unreadable)" }
        parts.user = nil
        parts.password = nil
        parts.query = nil
        return parts.string ?? "(unreadable)"
    }
}
