import Core
import Foundation
import NIOCore
import NIOPosix

/// Where a target lies, and which places are not to be probed from everywhere.
enum ProbeAddresses {
    /// Looking up waits for the network, and the threads of tasks are few. It lasts as long as the process.
    private static let pool: NIOThreadPool = {
        let pool = NIOThreadPool(numberOfThreads: 16)
        pool.start()
        return pool
    }()

    /// All addresses of a target, in the order the system prefers. Ends at once when the task is cancelled.
    ///
    /// - Parameter resolve: Finds the addresses of a name, and may wait for the network.
    static func lookUp(
        _ target: CheckTarget, until deadline: NIODeadline,
        resolve: @escaping @Sendable (_ host: String, _ port: Int) throws -> [SocketAddress]
    ) async throws(ProbeProblem) -> [SocketAddress] {
        let (host, port) = (target.host.string, Int(target.port))
        if let address = try? SocketAddress(ipAddress: host, port: port) { return [address] }
        let loop = MultiThreadedEventLoopGroup.singleton.any()
        let promise = loop.makePromise(of: [SocketAddress].self)
        // The system cannot be called off: it may go on behind deadline or cancellation, and nobody waits for it then.
        let timer = loop.scheduleTask(deadline: deadline) {
            promise.fail(ProbeProblem(.dns, "the name was not found in time"))
        }
        pool.runIfActive(eventLoop: loop) { try resolve(host, port) }.whenComplete { result in
            timer.cancel()
            promise.completeWith(result)
        }
        do {
            return try await withTaskCancellationHandler {
                try await promise.futureResult.get()
            } onCancel: {
                timer.cancel()
                promise.fail(ProbeProblem(.other, "the probe was called off"))
            }
        } catch {
            throw ProbeProblem(error)
        }
    }

    /// The addresses of a name as the system has them.
    static func system(_ host: String, _ port: Int) throws(ProbeProblem) -> [SocketAddress] {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var first: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(host, String(port), &hints, &first)
        defer { if let first { freeaddrinfo(first) } }
        guard code == 0 else {
            throw ProbeProblem(
                .dns, code == EAI_AGAIN ? "the name cannot be looked up at present" : "the name has no address")
        }
        var addresses: [SocketAddress] = []
        var next = first
        while let info = next?.pointee {
            switch info.ai_family {
            case AF_INET:
                info.ai_addr.withMemoryRebound(to: sockaddr_in.self, capacity: 1) {
                    addresses.append(SocketAddress($0.pointee))
                }
            case AF_INET6:
                info.ai_addr.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) {
                    addresses.append(SocketAddress($0.pointee))
                }
            default: break
            }
            next = info.ai_next
        }
        guard !addresses.isEmpty else { throw ProbeProblem(.dns, "the name has no address") }
        return addresses
    }

    /// Whether an address is of this host, of its link, for many at once, or of a cloud's metadata service: who may make
    /// checks must not reach through the prober what only this host can.
    ///
    /// - Parameter own: addresses of this host's interfaces, of 4 or 16 bytes each.
    static func isLocal(_ address: SocketAddress, own: Set<[UInt8]>) -> Bool {
        switch bytes(of: address) {
        case let bytes where bytes.count == 4: isLocal4(bytes, own)
        case let bytes where bytes.count == 16: isLocal6(bytes, own)
        default: true
        }
    }

    /// The addresses of this host's interfaces at present; none where the system does not say.
    static func own() -> Set<[UInt8]> {
        Set(((try? System.enumerateDevices()) ?? []).compactMap { $0.address.map(bytes) })
    }

    /// 4 or 16 bytes; none of a socket in the file system.
    private static func bytes(of address: SocketAddress) -> [UInt8] {
        // By their places in `sockaddr_in` and `sockaddr_in6`: family, port, and of the latter the flow, come first.
        switch address {
        case .v4(let address): withUnsafeBytes(of: address.address) { Array($0[4..<8]) }
        case .v6(let address): withUnsafeBytes(of: address.address) { Array($0[8..<24]) }
        case .unixDomainSocket: []
        }
    }

    // Source: RFC 6890, “Special-Purpose IP Address Registries”; the metadata addresses of AWS, Azure, Google (link-local)
    // and Alibaba.
    private static func isLocal4(_ bytes: [UInt8], _ own: Set<[UInt8]>) -> Bool {
        own.contains(bytes) || bytes[0] == 0 || bytes[0] == 127 || bytes[0] >= 224
            || bytes[0] == 169 && bytes[1] == 254 || bytes == [100, 100, 100, 200]
    }

    private static func isLocal6(_ bytes: [UInt8], _ own: Set<[UInt8]>) -> Bool {
        let zeros = [UInt8](repeating: 0, count: 12)
        // Of the unspecified address, loopback, and addresses of version 4 in their two old notations and behind NAT64.
        if bytes.starts(with: zeros) { return true }
        if bytes.starts(with: zeros.prefix(10) + [0xFF, 0xFF]) { return isLocal4(Array(bytes[12...]), own) }
        if bytes.starts(with: [0, 0x64, 0xFF, 0x9B] + zeros.prefix(8)) { return isLocal4(Array(bytes[12...]), own) }
        if bytes.starts(with: [0x20, 0x02]) { return isLocal4(Array(bytes[2..<6]), own) }
        let isLinkLocal = bytes[0] == 0xFE && bytes[1] & 0xC0 == 0x80
        let isMetadata = bytes.starts(with: [0xFD, 0, 0x0E, 0xC2]) && bytes.last == 0x54 && bytes[14] == 0x02
        return own.contains(bytes) || isLinkLocal || bytes[0] == 0xFF || isMetadata
    }
}
