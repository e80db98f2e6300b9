import AsyncHTTPClient
import Core
import Foundation
import NIOHTTP1
import NIOSSL
import Synchronization
import TestCertificates
import Testing

@testable import Workers

@Suite("Upload")
struct UploaderTests {
    /// Uploads 600 000 bytes against a store with these answers.
    ///
    /// - Parameter life: how long the URL works; nil when it does not say.
    private func upload(
        _ answers: [HTTPResponseStatus], life: Duration? = nil, query: String = "?signature=secret"
    ) async throws -> (result: Result<Void, any Error>, requests: [StubStore.Request], waits: [Duration]) {
        let store = try await StubStore(answers: answers)
        let result = try await upload(to: "http://127.0.0.1:\(store.port)/objects/a%20b\(query)", life: life)
        try await store.close()
        return (result.result, store.requests, result.waits)
    }

    private func upload(
        to url: String, life: Duration?, isServerThere: Bool = false, trusting certificate: String? = nil,
        progress: @escaping @Sendable (Int) -> Void = { _ in }
    ) async throws -> (result: Result<Void, any Error>, waits: [Duration]) {
        let folder = try TemporaryFolder()
        let path = folder.file("blob")
        try Data(Self.bytes).write(to: URL(fileURLWithPath: path))
        let waits = Waits()
        let certificateFile = folder.file("certificate.pem")
        try certificate?.write(toFile: certificateFile, atomically: true, encoding: .utf8)
        let client = HTTPClient(
            eventLoopGroupProvider: .singleton,
            configuration: Uploader.clientConfiguration(
                trustedCertificates: certificate == nil ? nil : certificateFile))
        let uploader = Uploader(client: client, sleep: { waits.add($0) })
        let result: Result<Void, any Error>
        do {
            try await uploader.upload(
                file: path, byteCount: UInt64(Self.bytes.count), to: url,
                timeLeft: { life.map { $0 - waits.total } }, isServerThere: { isServerThere }, progress: progress)
            result = .success(())
        } catch {
            result = .failure(error)
        }
        try await client.shutdown()
        return (result, waits.all)
    }

    private static let bytes = (0..<600_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }

    private func text(_ result: Result<Void, any Error>) -> String {
        if case .failure(let error) = result { return "\(error)" }
        return "success"
    }

    @Test("One PUT with the exact length, the type and the bytes")
    func success() async throws {
        let (result, requests, waits) = try await upload([.ok])
        #expect(text(result) == "success")
        #expect(requests.count == 1)
        #expect(requests.first?.head.method == .PUT)
        #expect(requests.first?.head.uri == "/objects/a%20b?signature=secret")
        #expect(requests.first?.head.headers["Content-Length"] == ["600000"])
        #expect(requests.first?.head.headers["Content-Type"] == ["application/octet-stream"])
        #expect(requests.first?.head.headers.contains(name: "Transfer-Encoding") == false)
        #expect(requests.first?.body == Self.bytes)
        #expect(waits.isEmpty)
    }

    @Test("A server error is tried again with the same bytes, with growing pauses")
    func retry() async throws {
        let (result, requests, waits) = try await upload([.internalServerError, .serviceUnavailable, .created])
        #expect(text(result) == "success")
        #expect(requests.map(\.body) == Array(repeating: Self.bytes, count: 3))
        #expect(waits == [.seconds(1), .seconds(2)])
    }

    @Test("Errors that last end the run", arguments: [HTTPResponseStatus.internalServerError])
    func lasting(status: HTTPResponseStatus) async throws {
        let (result, requests, waits) = try await upload(Array(repeating: status, count: 9))
        #expect(text(result) == "upload: pipeline: upload non-2xx: HTTP 500")
        #expect(waits.count == Uploader.maximumTries - 1)
        #expect(requests.count == Uploader.maximumTries)
    }

    @Test("A refusal or a redirect is final", arguments: [HTTPResponseStatus.forbidden, .temporaryRedirect, .notFound])
    func final(status: HTTPResponseStatus) async throws {
        let (result, requests, _) = try await upload([status, .ok])
        #expect(text(result) == "upload: pipeline: upload non-2xx: HTTP \(status.code)")
        #expect(requests.count == 1)
    }

    @Test("A refused connection is tried again; the text holds no query")
    func refused() async throws {
        let store = try await StubStore(answers: [])
        let port = store.port
        try await store.close()
        let (result, waits) = try await upload(to: "http://u:p@127.0.0.1:\(port)/x?signature=secret", life: nil)
        #expect(text(result).hasPrefix("upload: pipeline: PUT http://127.0.0.1:\(port)/x: "))
        #expect(!text(result).contains("secret"))
        #expect(waits.count == Uploader.maximumTries - 1)
    }

    @Test("A store that is away is waited for as long as the URL lives, once a minute at last")
    func outage() async throws {
        let away = Array(repeating: HTTPResponseStatus.serviceUnavailable, count: 20)
        let (result, requests, waits) = try await upload(away + [.ok], life: .seconds(3_600))
        #expect(text(result) == "success")
        #expect(requests.count == 21)
        #expect(waits == ([1, 2, 4, 8, 16, 32] + Array(repeating: 60, count: 14)).map { .seconds($0) })

        let store = try await StubStore(answers: [])
        let port = store.port
        try await store.close()
        let gone = try await upload(to: "http://127.0.0.1:\(port)/x", life: .seconds(600))
        #expect(text(gone.result).hasSuffix(", and the upload URL expires"))
        #expect(gone.waits.total > .seconds(500) && gone.waits.total < .seconds(600))
    }

    @Test(
        "A store that is out of reach from the start, while the agent's server is not, is tried for a quarter of an hour"
    )
    func unreachable() async throws {
        let store = try await StubStore(answers: [])
        let port = store.port
        try await store.close()
        let (result, waits) = try await upload(
            to: "http://127.0.0.1:\(port)/x", life: .seconds(43_200), isServerThere: true)
        #expect(text(result).hasPrefix("upload: pipeline: PUT http://127.0.0.1:\(port)/x: Connection refused"))
        #expect(text(result).hasSuffix("while the server itself was there: is its public URL right?"))
        #expect(waits.count == Uploader.maximumVainTries - 1 && waits.total == .seconds(63 + 60 * 13))
    }

    @Test("One that answered once is waited for, though the agent's server be there")
    func reached() async throws {
        let away = Array(repeating: HTTPResponseStatus.serviceUnavailable, count: 30)
        let store = try await StubStore(answers: away + [.ok])
        let (result, _) = try await upload(
            to: "http://127.0.0.1:\(store.port)/x", life: .seconds(43_200), isServerThere: true)
        try await store.close()
        #expect(text(result) == "success" && store.requests.count == 31)
    }

    @Test("Progress never goes back, whatever is tried again")
    func progress() async throws {
        let store = try await StubStore(answers: [.serviceUnavailable, .ok])
        let seen = Mutex<[Int]>([])
        let (result, _) = try await upload(to: "http://127.0.0.1:\(store.port)/x", life: .seconds(600)) { percent in
            seen.withLock { $0.append(percent) }
        }
        try await store.close()
        #expect(text(result) == "success" && store.requests.count == 2)
        let percents = seen.withLock { $0 }
        #expect(percents.last == 100 && zip(percents, percents.dropFirst()).allSatisfy { $0 < $1 })
    }

    @Test("A certificate that nobody trusts fails five tries, a trusted one is taken, and never below TLS 1.2")
    func certificates() async throws {
        let store = try await StubStore(answers: [.ok], isSecure: true)
        let url = "https://localhost:\(store.port)/x"
        let (refused, waits) = try await upload(to: url, life: .seconds(43_200), isServerThere: true)
        #expect(text(refused).hasPrefix("upload: pipeline: PUT \(url): "))
        #expect(waits.count == Uploader.maximumTries - 1 && store.requests.isEmpty)
        let trusted = try await upload(to: url, life: .seconds(600), trusting: TestCertificate.certificate)
        #expect(text(trusted.result) == "success")
        try await store.close()
        #expect(Uploader.clientConfiguration().tlsConfiguration?.minimumTLSVersion == .tlsv12)
    }

    @Test("A server that fails is tried five times, however long the URL lives")
    func faults() async throws {
        let full = HTTPResponseStatus.insufficientStorage
        let (result, requests, _) = try await upload(
            [.badGateway, full, full, .badGateway, full, full, full, .ok], life: .seconds(3_600))
        #expect(text(result) == "upload: pipeline: upload non-2xx: HTTP 507")
        #expect(requests.count == 7)
    }

    @Test("No upload waits for the connection of another one")
    func connections() {
        let pool = Uploader.clientConfiguration().connectionPool
        #expect(pool.concurrentHTTP1ConnectionsPerHostSoftLimit >= Int(Station.Limits.maximumParallelRuns))
    }

    @Test("An expired URL is not used, and no pause goes beyond its end")
    func expiry() async throws {
        let late = try await upload([.ok], life: .zero)
        #expect(text(late.result).contains("expired"))
        #expect(late.requests.isEmpty)
        let soon = try await upload([.badGateway, .ok], life: .milliseconds(500))
        #expect(text(soon.result).contains("HTTP 502"))
        #expect(soon.requests.count == 1)
    }

    @Test("Only http and https URLs are used")
    func schemes() async throws {
        for url in ["ftp://x/y", "", "http://", "\u{0}", "file:///etc/passwd"] {
            #expect(Uploader.shown(url) == nil)
        }
    }
}

private final class Waits: Sendable {
    private let list = Mutex<[Duration]>([])
    var all: [Duration] { list.withLock { $0 } }
    var total: Duration { all.total }
    func add(_ wait: Duration) { list.withLock { $0.append(wait) } }
}

extension [Duration] {
    fileprivate var total: Duration { reduce(.zero, +) }
}
