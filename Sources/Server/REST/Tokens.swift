public import Core
public import Digests
import Synchronization

/// Knows which bearer tokens are good.
public protocol TokenTable: Sendable {
    /// The name of the token with this SHA-256; nil when there is none. Takes a time that does not tell how far a digest
    /// was right.
    func name(of digest: Digest) -> Text?
}

/// Tokens that are known from the start, such as the one in `admin.token`.
public struct FixedTokens: TokenTable {
    private let tokens: [(name: Text, digest: [UInt8])]

    /// A table of names and SHA-256 digests.
    public init(_ tokens: [(name: Text, digest: Digest)]) {
        self.tokens = tokens.map { ($0.name, $0.digest.bytes) }
    }

    /// Compares with every one, also after one was found.
    public func name(of digest: Digest) -> Text? {
        let bytes = digest.bytes
        var found: Text?
        for token in tokens where constantTimeEqual(token.digest, bytes) { found = token.name }
        return found
    }
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
        return Int((Self.one - level) / limit.perSecond / Self.one) + 1
    }
}

/// The buckets of all tokens. There are no more of them than tokens.
final class RateLimiter: Sendable {
    private let limit: RateLimit
    private let buckets = Mutex<[Text: TokenBucket]>([:])

    init(_ limit: RateLimit) { self.limit = limit }

    /// Nil when the token may go on; else after how many seconds it may.
    func take(_ token: Text, nanoseconds: UInt64) -> Int? {
        buckets.withLock { buckets in
            buckets[token, default: TokenBucket(limit, nanoseconds: nanoseconds)].take(nanoseconds: nanoseconds)
        }
    }
}
