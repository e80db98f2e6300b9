public import Core
public import Digests
import Synchronization

/// Who comes with a token.
public struct TokenHolder: Hashable, Sendable {
    /// What the log calls the token: its id, or `admin` for the one in `admin.token`.
    public var name: Text
    /// What it may do.
    public var role: Role
    /// From when on it is worth nothing; nil: never.
    public var expiresAt: Timestamp?

    /// A holder with all its parts.
    public init(name: Text, role: Role, expiresAt: Timestamp? = nil) {
        self.name = name
        self.role = role
        self.expiresAt = expiresAt
    }
}

/// Knows which bearer tokens are good.
public protocol TokenTable: Sendable {
    /// Who has the token with this SHA-256; nil when there is none. Whether it has expired is for the caller to look at.
    func holder(of digest: Digest) -> TokenHolder?
    /// A token was used at a moment.
    func used(_ name: Text, at moment: Timestamp)
    /// When a token was used last, as far as this process knows.
    func lastUse(of name: Text) -> Timestamp?
}

/// Tokens that are known from the start. All are administrators'.
public struct FixedTokens: TokenTable {
    private let tokens: [(name: Text, digest: [UInt8])]

    /// A table of names and SHA-256 digests.
    public init(_ tokens: [(name: Text, digest: Digest)]) {
        self.tokens = tokens.map { ($0.name, $0.digest.bytes) }
    }

    /// Compares with every one, also after one was found.
    public func holder(of digest: Digest) -> TokenHolder? {
        let bytes = digest.bytes
        var found: TokenHolder?
        for token in tokens where constantTimeEqual(token.digest, bytes) {
            found = TokenHolder(name: token.name, role: .admin)
        }
        return found
    }

    /// Not kept.
    public func used(_ name: Text, at moment: Timestamp) {}

    /// Not known.
    public func lastUse(of name: Text) -> Timestamp? { nil }
}

/// How many requests a token may make.
public struct RateLimit: Hashable, Sendable {
    /// In the long run.
    public var perSecond: UInt64
    /// At once, after a pause.
    public var burst: UInt64

    /// 50 a second and 200 at once, unless said otherwise. Both at least 1.
    public init(perSecond: UInt64 = 50, burst: UInt64 = 200) {
        self.perSecond = max(1, min(perSecond, 1_000_000))
        self.burst = max(1, min(burst, 1_000_000))
    }
}

/// A bucket that fills steadily and from which every request takes one.
struct TokenBucket: Hashable, Sendable {
    private let limit: RateLimit
    /// In billionths of a request, so that a nanosecond at any rate is a whole number.
    private var level: UInt64
    private var lastNanoseconds: UInt64
    private static let one: UInt64 = 1_000_000_000

    init(_ limit: RateLimit, nanoseconds: UInt64) {
        self.limit = limit
        level = limit.burst * Self.one
        lastNanoseconds = nanoseconds
    }

    /// Whether nothing was taken that has not come back.
    func isFull(nanoseconds: UInt64) -> Bool {
        let elapsed = nanoseconds > lastNanoseconds ? nanoseconds - lastNanoseconds : 0
        let (gain, isOver) = elapsed.multipliedReportingOverflow(by: limit.perSecond)
        return isOver || gain >= limit.burst * Self.one - level
    }

    /// Takes one; else tells after how many seconds there will be one (at least 1).
    mutating func take(nanoseconds: UInt64) -> Int? {
        let capacity = limit.burst * Self.one
        let elapsed = nanoseconds > lastNanoseconds ? nanoseconds - lastNanoseconds : 0
        lastNanoseconds = max(lastNanoseconds, nanoseconds)
        let (gain, isOver) = elapsed.multipliedReportingOverflow(by: limit.perSecond)
        level = isOver || gain >= capacity - level ? capacity : level + gain
        guard level < Self.one else {
            level -= Self.one
            return nil
        }
        let second = limit.perSecond * Self.one
        return Int((Self.one - level + second - 1) / second)
    }
}

/// The buckets of all tokens.
final class RateLimiter: Sendable {
    /// Tokens come and go, and their buckets with them: beyond this many all begin anew.
    private static let capacity = 4 * APIToken.limit
    private let limit: RateLimit
    private let buckets = Mutex<[Text: TokenBucket]>([:])

    init(_ limit: RateLimit) { self.limit = limit }

    /// Nil when the token may go on; else after how many seconds it may.
    func take(_ token: Text, nanoseconds: UInt64) -> Int? {
        buckets.withLock { buckets in
            if buckets.count >= Self.capacity, buckets[token] == nil { buckets = [:] }
            return buckets[token, default: TokenBucket(limit, nanoseconds: nanoseconds)].take(nanoseconds: nanoseconds)
        }
    }
}
