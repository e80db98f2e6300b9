import HTTPTypes
import NIOCore
import Synchronization

/// Where a connection comes from, as far as one party can be told from another: an address of version 4, or the first 64
/// bits of one of version 6, since whoever has one of these has Array(all[..<8]) of them.
struct NetworkAddress: Hashable, Sendable {
    private let bytes: [UInt8]

    /// Nil for what is no internet address.
    init?(_ address: SocketAddress) {
        switch address {
        case .v4(let address):
            // sockaddr_in: family, port, then the address. Source: Linux manual pages, ip(7).
            bytes = withUnsafeBytes(of: address.address) { Array($0[4..<8]) }
        case .v6(let address):
            // sockaddr_in6: family, port, flow, then the address. Source: Linux manual pages, ipv6(7).
            let all = withUnsafeBytes(of: address.address) { Array($0[8..<24]) }
            // ::ffff:a.b.c.d is one of version 4.
            let isMapped = all.prefix(10).allSatisfy { $0 == 0 } && all[10] == 0xFF && all[11] == 0xFF
            bytes = isMapped ? Array(all[12...]) : all
        case .unixDomainSocket:
            return nil
        }
    }
}

/// Counts wrong keys and tokens by where they come from, and says when it is enough. Right ones are never counted, so
/// that one broken client does not lock out others behind the same address.
public final class WrongKeys: Sendable {
    /// What an address may get wrong. A reference agent with a wrong key dials seven times in its first minute.
    public static let limit = RateLimit(perSecond: 1, burst: 100)
    /// How many addresses are told apart at a time; all others share one count.
    static let capacity = 4_096

    private struct State {
        var buckets: [NetworkAddress?: TokenBucket] = [:]
        var sweptAt: UInt64 = 0
    }

    private let limit: RateLimit
    private let state = Mutex(State())

    /// A count of nothing.
    public convenience init() { self.init(limit: Self.limit) }

    init(limit: RateLimit) { self.limit = limit }

    /// Counts one wrong key. Nil when it may be told so; else after how many seconds the next one may come.
    ///
    /// - Parameter nanoseconds: of any steady clock, the same in every call.
    func count(_ address: NetworkAddress?, nanoseconds: UInt64) -> Int? {
        state.withLock { state in
            var key = address
            if state.buckets[key] == nil, state.buckets.count >= Self.capacity {
                // At most once a second, or each new address would cost a walk through all.
                if nanoseconds >= state.sweptAt &+ 1_000_000_000 {
                    state.sweptAt = nanoseconds
                    state.buckets = state.buckets.filter { !$0.value.isFull(nanoseconds: nanoseconds) }
                }
                if state.buckets.count >= Self.capacity { key = nil }
            }
            return state.buckets[key, default: TokenBucket(limit, nanoseconds: nanoseconds)].take(
                nanoseconds: nanoseconds)
        }
    }

    /// How many addresses are told apart now.
    var addressCount: Int { state.withLock { $0.buckets.count } }
}

extension RESTError {
    static func tooManyWrongKeys(_ seconds: Int) -> RESTError {
        RESTError(
            .rateLimited, "too many wrong keys from this address; a right one is still let in",
            headers: [.retryAfter: String(seconds)])
    }
}
