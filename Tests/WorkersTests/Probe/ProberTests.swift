import Core
import Foundation
import NIOCore
import NIOSSL
import Testing

@testable import Workers

/// Against real servers on loopback.
@Suite("The prober")
struct ProberTests {
    private static let moment = Timestamp(milliseconds: 1_800_000_000_000)

    private func prober(allowsLocal: Bool = true, trusts: Bool = false) throws -> Prober {
        guard trusts else { return try Prober(allowsLocal: allowsLocal, now: { Self.moment }) }
        let file = NSTemporaryDirectory() + "backupy-authority-\(UUID()).pem"
        try ProbeCertificates.authority.write(toFile: file, atomically: true, encoding: .utf8)
        defer { try? FileManager.default.removeItem(atPath: file) }
        return try Prober(allowsLocal: allowsLocal, trustedCertificates: file, now: { Self.moment })
    }

    private func order(
        _ kind: CheckSpec.Kind, _ target: String, timeout: UInt32 = 20, status: UInt32 = 0
    ) -> Prober.Order {
        Prober.Order(
            check: CheckID("chk_1"), kind: kind, target: Text(target), timeoutSeconds: timeout, expectedStatus: status)
    }

    private static let ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"

    @Test("HTTP is asked once, by the name that the target has, and its phases are timed")
    func http() async throws {
        let server = try await ProbedServer(.answering(Self.ok))
        let result = try await prober().probe(order(.http, "http://127.0.0.1:\(server.port)/health?a=b"))
        #expect(result.isHealthy)
        #expect(result.check == CheckID("chk_1"))
        #expect(result.probedAt == Self.moment)
        #expect(result.statusCode == 200)
        #expect(result.errorText == "")
        #expect(result.detail?.failure == nil)
        #expect(result.detail?.resolveMilliseconds != nil)
        #expect(result.detail?.connectMilliseconds != nil)
        #expect(result.detail?.tlsMilliseconds == nil)
        #expect(result.detail?.firstByteMilliseconds != nil)
        let lines = server.requests.split(separator: "\r\n").map(String.init)
        #expect(lines.first == "GET /health?a=b HTTP/1.1")
        #expect(lines.contains { $0.lowercased() == "host: 127.0.0.1:\(server.port)" })
        try await server.close()
    }

    @Test("a redirect is an answer and is not followed; another status than expected is a failure")
    func status() async throws {
        let answer = "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"
        let server = try await ProbedServer(.answering(answer))
        let url = "http://127.0.0.1:\(server.port)/"
        let followed = try await prober().probe(order(.http, url))
        #expect(followed.isHealthy)
        #expect(followed.statusCode == 302)
        let other = try await prober().probe(order(.http, url, status: 200))
        #expect(!other.isHealthy)
        #expect(other.statusCode == 302)
        #expect(other.detail?.failure == .status)
        #expect(other.errorText == "the status is 302")
        #expect(try await prober().probe(order(.http, url, status: 302)).isHealthy)
        try await server.close()
        let broken = try await ProbedServer(.answering("HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"))
        let failed = try await prober().probe(order(.http, "http://127.0.0.1:\(broken.port)/"))
        #expect(failed.detail?.failure == .status)
        try await broken.close()
    }

    @Test("a port where nobody listens refuses")
    func refused() async throws {
        let server = try await ProbedServer(.silent)
        let port = server.port
        try await server.close()
        for (kind, target) in [
            (CheckSpec.Kind.tcp, "127.0.0.1:\(port)"), (.http, "http://127.0.0.1:\(port)/"),
            (.https, "https://127.0.0.1:\(port)/"),
        ] {
            let result = try await prober().probe(order(kind, target))
            #expect(!result.isHealthy)
            #expect(result.detail?.failure == .refused, "\(target): \(result.errorText)")
        }
    }

    @Test("TCP is well once it is connected")
    func tcp() async throws {
        let server = try await ProbedServer(.silent)
        let result = try await prober().probe(order(.tcp, "127.0.0.1:\(server.port)"))
        #expect(result.isHealthy)
        #expect(result.statusCode == 0)
        #expect(result.detail?.connectMilliseconds != nil)
        #expect(server.requests == "")
        try await server.close()
    }

    @Test("a server that says nothing, or never ends what it says, has no time for ever", arguments: [true, false])
    func timeout(isSilent: Bool) async throws {
        let server = try await ProbedServer(isSilent ? .silent : .halting)
        let result = try await prober().probe(order(.http, "http://127.0.0.1:\(server.port)/", timeout: 1))
        #expect(!result.isHealthy)
        #expect(result.detail?.failure == .timeout)
        #expect(result.latencyMilliseconds >= 1_000)
        #expect((result.detail?.firstByteMilliseconds == nil) == isSilent)
        try await server.close()
    }

    @Test("no more than 64 KiB of a head are read, nonsense is no HTTP, and a cut connection is told apart")
    func answers() async throws {
        for (habit, failure) in [
            (ProbedServer.Habit.flooding, ProbeFailure.other), (.answering("SSH-2.0-x\r\n\r\n"), .other),
            (.cutting, .reset),
        ] {
            let server = try await ProbedServer(habit)
            let result = try await prober().probe(order(.http, "http://127.0.0.1:\(server.port)/"))
            #expect(!result.isHealthy)
            #expect(result.detail?.failure == failure, "\(habit): \(result.errorText)")
            try await server.close()
        }
    }

    @Test("a certificate that is trusted is read to its end")
    func certificate() async throws {
        let server = try await ProbedServer(.answering(Self.ok), tls: ProbeCertificates.context())
        for host in ["127.0.0.1", "localhost"] {
            let result = try await prober(trusts: true).probe(order(.https, "https://\(host):\(server.port)/"))
            #expect(result.isHealthy, "\(result.errorText)")
            #expect(result.detail?.certificateExpiresAt?.milliseconds == ProbeCertificates.end)
            #expect(result.detail?.tlsMilliseconds != nil)
        }
        try await server.close()
    }

    @Test("a certificate of nobody trusted, for another host, or that has ended is not good")
    func badCertificates() async throws {
        let server = try await ProbedServer(.answering(Self.ok), tls: ProbeCertificates.context(), host: "0.0.0.0")
        let expired = try await ProbedServer(.answering(Self.ok), tls: ProbeCertificates.context(isExpired: true))
        let plain = try await ProbedServer(.answering(Self.ok))
        for (prober, target) in [
            (try prober(), "https://127.0.0.1:\(server.port)/"),
            (try prober(trusts: true), "https://127.0.0.2:\(server.port)/"),
            (try prober(trusts: true), "https://127.0.0.1:\(expired.port)/"),
            (try prober(trusts: true), "https://127.0.0.1:\(plain.port)/"),
        ] {
            let result = try await prober.probe(order(.https, target))
            #expect(!result.isHealthy)
            #expect(result.detail?.failure == .tls, "\(target): \(result.errorText)")
            #expect(result.statusCode == 0)
        }
        #expect(!server.requests.contains("GET"))
        for server in [server, expired, plain] { try await server.close() }
    }

    @Test("this host is not probed where it is not allowed, whatever its address is called")
    func forbidden() async throws {
        let server = try await ProbedServer(.answering(Self.ok))
        let prober = try prober(allowsLocal: false)
        for host in ["127.0.0.1", "localhost", "[::1]", "0.0.0.0", "127.1", "[::ffff:127.0.0.1]", "169.254.169.254"] {
            let result = try await prober.probe(order(.http, "http://\(host):\(server.port)/", timeout: 3))
            #expect(!result.isHealthy)
            #expect(result.detail?.failure == .forbidden, "\(host): \(result.errorText)")
        }
        #expect(server.requests == "")
        try await server.close()
    }

    @Test("a name without an address is told apart")
    func names() async throws {
        let result = try await prober().probe(order(.http, "http://no-such-host.invalid/", timeout: 5))
        #expect(!result.isHealthy)
        #expect(result.detail?.failure == .dns, "\(result.errorText)")
    }

    @Test("a probe that is called off ends at once")
    func cancellation() async throws {
        let server = try await ProbedServer(.silent)
        let prober = try prober()
        let order = order(.http, "http://127.0.0.1:\(server.port)/", timeout: 300)
        let task = Task { try await prober.probe(order) }
        while server.requests.isEmpty { await Task.yield() }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        try await server.close()
    }

    @Test("a probe that is called off while a name is looked up ends at once", .timeLimit(.minutes(1)))
    func cancelledLookUp() async throws {
        let hold = DispatchSemaphore(value: 0)
        let (begun, begins) = AsyncStream.makeStream(of: Void.self)
        var held = try prober()
        held.resolve = { _, _ in
            begins.yield()
            hold.wait()
            return []
        }
        let order = order(.http, "http://held.invalid/", timeout: 300)
        let task = Task { [held] in try await held.probe(order) }
        for await _ in begun { break }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        hold.signal()
    }

    @Test(
        "which addresses are local",
        arguments: [
            ("127.0.0.1", true), ("127.255.0.1", true), ("0.0.0.0", true), ("169.254.1.1", true), ("224.0.0.1", true),
            ("255.255.255.255", true), ("100.100.100.200", true), ("10.0.0.1", false), ("192.168.0.1", false),
            ("93.184.216.34", false), ("128.0.0.1", false), ("::1", true), ("::", true), ("fe80::1", true),
            ("febf::1", true), ("ff02::1", true), ("::ffff:127.0.0.1", true), ("::ffff:10.0.0.1", false),
            ("64:ff9b::7f00:1", true), ("64:ff9b::808:808", false), ("2002:7f00:1::", true), ("fd00:ec2::254", true),
            ("fd00::1", false), ("2001:db8::1", false),
            // As if this host had them.
            ("198.51.100.7", true), ("::ffff:198.51.100.7", true), ("198.51.100.8", false), ("2001:db8::7", true),
        ])
    func addresses(_ text: String, _ isLocal: Bool) throws {
        let own: Set<[UInt8]> = [[198, 51, 100, 7], [0x20, 0x01, 0x0D, 0xB8] + Array(repeating: 0, count: 11) + [7]]
        #expect(ProbeAddresses.isLocal(try SocketAddress(ipAddress: text, port: 80), own: own) == isLocal)
    }

    @Test("each address of this host's interfaces is its own")
    func ownAddresses() throws {
        let own = ProbeAddresses.own()
        #expect(own.contains([127, 0, 0, 1]))
        for device in try System.enumerateDevices() {
            guard let text = device.address?.ipAddress else { continue }
            #expect(ProbeAddresses.isLocal(try SocketAddress(ipAddress: text, port: 80), own: own), "\(text)")
        }
    }
}

@Suite("The turnstile of probes")
struct ProbeTurnstileTests {
    @Test("lets so many in, the rest in the order they came, and forgets who gives up")
    func order() async throws {
        let turnstile = ProbeTurnstile(limit: 1)
        try await turnstile.enter()
        let impatient = Task { try await turnstile.enter() }
        impatient.cancel()
        await #expect(throws: CancellationError.self) { try await impatient.value }
        let next = Task { try await turnstile.enter() }
        turnstile.leave()
        try await next.value
        turnstile.leave()
        try await turnstile.enter()
    }
}
