import Foundation

/// A store that takes every connection and reads nothing, as a machine does that has stopped.
final class DeafStore: Sendable {
    let port: Int
    private let descriptor: Int32

    /// The system completes connections for it; nobody ever asks for them.
    init() throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard let port = bindToLoopback(descriptor), listen(descriptor, 8) == 0 else {
            throw POSIXError(.EADDRNOTAVAIL)
        }
        self.port = port
    }

    deinit { close(descriptor) }
}

/// A port of this host that refuses connections for as long as this lives: taken, and not listened on.
final class UnusedPort: Sendable {
    let number: Int
    private let descriptor: Int32

    init() throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard let port = bindToLoopback(descriptor) else { throw POSIXError(.EADDRNOTAVAIL) }
        number = port
    }

    deinit { close(descriptor) }
}

/// The port that a socket got; nil when it got none.
private func bindToLoopback(_ descriptor: Int32) -> Int? {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let code = withUnsafeMutablePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
            bind(descriptor, address, length) | getsockname(descriptor, address, &length)
        }
    }
    return code == 0 ? Int(UInt16(bigEndian: address.sin_port)) : nil
}
