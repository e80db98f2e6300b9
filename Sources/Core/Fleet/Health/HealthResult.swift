/// What a probe found.
public struct HealthResult: Hashable, Sendable {
    /// The check.
    public var check: CheckID
    /// When it was probed, by the prober's clock.
    public var probedAt: Timestamp
    /// Whether it was well.
    public var isHealthy: Bool
    /// How long the answer took.
    public var latencyMilliseconds: UInt32
    /// What was wrong, redacted.
    public var errorText: Text
    /// The HTTP status; 0 for other kinds.
    public var statusCode: UInt32
    /// More than version 1 of the protocol tells; nil from a prober that speaks no more than that.
    public var detail: ProbeDetail?

    /// Whether nothing was probed, since the prober must not reach that address.
    public var isForbidden: Bool { detail?.failure == .forbidden }

    /// A result with all its parts.
    public init(
        check: CheckID, probedAt: Timestamp, isHealthy: Bool, latencyMilliseconds: UInt32, errorText: Text,
        statusCode: UInt32, detail: ProbeDetail? = nil
    ) {
        self.check = check
        self.probedAt = probedAt
        self.isHealthy = isHealthy
        self.latencyMilliseconds = latencyMilliseconds
        self.errorText = errorText
        self.statusCode = statusCode
        self.detail = detail
    }
}

/// Where the time of a probe went, what kind of thing went wrong, and how long the certificate is good. What a probe did
/// not come to is nil.
public struct ProbeDetail: Hashable, Sendable {
    /// Looking up the host's name.
    public var resolveMilliseconds: UInt32?
    /// Connecting to the address.
    public var connectMilliseconds: UInt32?
    /// Agreeing on TLS.
    public var tlsMilliseconds: UInt32?
    /// From the request to the first byte of the answer.
    public var firstByteMilliseconds: UInt32?
    /// When the server's certificate ends.
    public var certificateExpiresAt: Timestamp?
    /// The kind of what went wrong; nil when nothing did.
    public var failure: ProbeFailure?

    /// Nothing known.
    public init() {}
}

/// The kinds of what goes wrong with a probe.
public enum ProbeFailure: UInt8, Hashable, Sendable, CaseIterable {
    /// The host's name has no address.
    case dns = 1
    /// Nobody listens.
    case refused
    /// It took longer than it may.
    case timeout
    /// TLS could not be agreed on, or the certificate is not good.
    case tls
    /// Another HTTP status than expected.
    case status
    /// The connection was cut.
    case reset
    /// An address that this prober must not probe.
    case forbidden
    /// Anything else.
    case other

    /// The word that users see.
    public var word: String {
        switch self {
        case .dns: "dns"
        case .refused: "refused"
        case .timeout: "timeout"
        case .tls: "tls"
        case .status: "status"
        case .reset: "reset"
        case .forbidden: "forbidden"
        case .other: "other"
        }
    }
}
