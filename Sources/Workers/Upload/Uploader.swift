public import AsyncHTTPClient
import Core
import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import Synchronization

/// Sends a staged object to the store with one PUT of exact length.
///
/// What failed is tried again within the life of the URL: the bytes are the same each time, so repeating is harmless. A store
/// that cannot be reached, or says that it cannot answer now, is waited for as long as the URL lives: it may be a server
/// that is upgraded. Where the agent's own server is there all the while, a store that was never reached is one that never
/// will be, and a quarter of an hour is enough. Other errors of a server are tried a few times. No redirect is followed.
/// Error texts never hold the URL's query, where its signature is.
public struct Uploader: Sendable {
    /// Tries in all that a server may fail; and all tries where the URL does not say how long it lives.
    public static let maximumTries = 5
    /// Tries for which a store may be out of reach from the first one on, while the agent's server is not: 15 minutes.
    static let maximumVainTries = 20
    /// Waits between tries are doubled up to this one.
    static let longestWait = Duration.seconds(60)
    private static let pieceByteCount = 256 << 10

    /// Waits; injected, so that tests need no time.
    public typealias Sleeper = @Sendable (Duration) async throws -> Void

    private let client: HTTPClient
    private let sleep: Sleeper

    /// How the agent's client is set up: no redirects, bounded idle times, one connection attempt of 15 s.
    ///
    /// - Parameter trustedCertificates: a PEM file of certificates to trust beside the system's.
    public static func clientConfiguration(trustedCertificates: String? = nil) -> HTTPClient.Configuration {
        var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow)
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.minimumTLSVersion = .tlsv12
        if let trustedCertificates { tls.additionalTrustRoots = [.file(trustedCertificates)] }
        configuration.tlsConfiguration = tls
        configuration.timeout.connect = .seconds(15)
        // It runs from the last byte that was handed over to the answer: the store's disk, or a proxy that passes the
        // body on only when it has all of it, needs its time. What hangs for good ends with the run.
        configuration.timeout.read = .minutes(5)
        configuration.timeout.write = .seconds(60)
        configuration.httpVersion = .http1Only
        // Else a refused connection is tried again and again inside, until the timeout.
        configuration.connectionPool.retryConnectionEstablishment = false
        // An upload that waited for the connection of another one would fail before that has ended.
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = Int(
            Station.Limits.maximumParallelRuns)
        return configuration
    }

    /// An uploader.
    ///
    /// - Parameter client: made with ``clientConfiguration(trustedCertificates:)``; the caller shuts it down.
    public init(client: HTTPClient, sleep: @escaping Sleeper) {
        self.client = client
        self.sleep = sleep
    }

    /// Sends the file.
    ///
    /// - Parameters:
    ///   - timeLeft: how long the URL still works; nil when nobody knows.
    ///   - isServerThere: whether the agent's own server is connected.
    ///   - told: gets why a try failed that may be followed by another, and how many have failed so far.
    ///   - progress: gets percent of what was handed to the connection: each at most once, in rising order, over all tries.
    /// - Throws: ``RunFailure``, or `CancellationError` once the task is cancelled.
    public func upload(
        file path: String, byteCount: UInt64, to url: String, timeLeft: @Sendable () -> Duration?,
        isServerThere: @Sendable () -> Bool = { false }, told: @Sendable (String, Int) -> Void = { _, _ in },
        progress: @escaping @Sendable (Int) -> Void
    ) async throws {
        guard let shown = Self.shown(url) else {
            throw RunFailure("upload: pipeline: the upload URL is not http or https")
        }
        let source = try FilePieces(
            path: path, byteCount: byteCount, pieceByteCount: Self.pieceByteCount,
            progress: RisingProgress(passOn: progress))
        var (tries, faults, vain) = (0, 0, 0)
        var wasReached = false
        while true {
            if let left = timeLeft(), left <= .zero {
                throw RunFailure("upload: pipeline: the upload URL expired before the object was sent")
            }
            guard let problem = try await once(source, byteCount: byteCount, to: url, shown: shown) else { return }
            tries += 1
            told(problem.text, tries)
            if !problem.isOutage { faults += 1 }
            if !problem.isUnreached { wasReached = true }
            if !wasReached, isServerThere() { vain += 1 }
            guard vain < Self.maximumVainTries else {
                throw RunFailure(
                    "upload: pipeline: \(problem.text), each time, while the server itself was there: is its public URL right?"
                )
            }
            let wait = min(.seconds(1 << min(tries - 1, 6)), Self.longestWait)
            guard let left = timeLeft() else {
                guard tries < Self.maximumTries else { throw RunFailure("upload: pipeline: \(problem.text)") }
                try await sleep(wait)
                continue
            }
            guard faults < Self.maximumTries else { throw RunFailure("upload: pipeline: \(problem.text)") }
            guard wait < left else {
                throw RunFailure("upload: pipeline: \(problem.text), and the upload URL expires")
            }
            try await sleep(wait)
        }
    }

    /// What another try may not meet again.
    private struct Problem {
        var text: String
        /// The store is not there, or not there for us now.
        var isOutage: Bool
        /// There was no connection at all.
        var isUnreached = false
    }

    /// One try: nil when it worked.
    private func once(
        _ source: FilePieces, byteCount: UInt64, to url: String, shown: String
    ) async throws -> Problem? {
        let status: Int
        do {
            status = try await put(source, byteCount: byteCount, to: url)
        } catch let failure as RunFailure {
            throw failure
        } catch {
            try Task.checkCancellation()
            return Problem(
                text: "PUT \(shown): \(Self.text(of: error))", isOutage: Self.isOutage(error),
                isUnreached: Self.isUnreached(error))
        }
        if (200..<300).contains(status) { return nil }
        let problem = Problem(
            text: "upload non-2xx: HTTP \(status)", isOutage: [408, 429, 502, 503, 504].contains(status))
        guard problem.isOutage || status >= 500 else { throw RunFailure("upload: pipeline: \(problem.text)") }
        return problem
    }

    /// Whether nobody answered, or no longer. What is wrong with a certificate or an address stays so.
    private static func isOutage(_ error: any Error) -> Bool {
        switch error {
        case let error as HTTPClientError:
            [.connectTimeout, .readTimeout, .writeTimeout, .remoteConnectionClosed, .getConnectionFromPoolTimeout]
                .contains(error)
        case is NIOConnectionError, is IOError: true
        default: false
        }
    }

    /// Whether there was no connection at all.
    private static func isUnreached(_ error: any Error) -> Bool {
        switch error {
        case let error as HTTPClientError: error == .connectTimeout
        case let error as IOError: [ECONNREFUSED, ENETUNREACH, EHOSTUNREACH, ETIMEDOUT].contains(error.errnoCode)
        default: error is NIOConnectionError
        }
    }

    private func put(_ source: FilePieces, byteCount: UInt64, to url: String) async throws -> Int {
        var request = HTTPClientRequest(url: url)
        request.method = .PUT
        request.headers.add(name: "Content-Type", value: "application/octet-stream")
        request.body = .stream(source, length: .known(Int64(clamping: byteCount)))
        let response = try await client.execute(request, deadline: .distantFuture)
        // The body does not matter, but an unread one would keep its connection; a bounded part is enough.
        var rest = 64 << 10
        for try await piece in response.body {
            rest -= piece.readableBytes
            if rest <= 0 { break }
        }
        return Int(response.status.code)
    }

    /// The URL without user, query and fragment; nil when it is not http or https.
    static func shown(_ url: String) -> String? {
        guard var parts = URLComponents(string: url), let scheme = parts.scheme?.lowercased(),
            scheme == "http" || scheme == "https", parts.host?.isEmpty == false
        else { return nil }
        parts.user = nil
        parts.password = nil
        parts.query = nil
        parts.fragment = nil
        return parts.string
    }

    /// The error without anything that might hold the URL.
    static func text(of error: any Error) -> String {
        switch error {
        case let error as HTTPClientError where error == .connectTimeout: "the connection could not be made in time"
        case let error as HTTPClientError where error == .readTimeout: "no answer in time"
        case let error as HTTPClientError where error == .writeTimeout: "nothing could be sent for too long"
        case let error as HTTPClientError where error == .remoteConnectionClosed: "connection closed by the server"
        case let error as HTTPClientError: error.shortDescription
        case let error as NIOConnectionError:
            "connection failed: " + (error.connectionErrors.first.map { Self.text(of: $0.error) } ?? "no address")
        case let error as IOError: String(cString: strerror(error.errnoCode))
        case let failure as RunFailure: failure.description
        default: "\(type(of: error))"
        }
    }
}

/// Passes on only what is more than ever before: another try begins at nothing, and a run's progress never goes back.
private final class RisingProgress: Sendable {
    private let passOn: @Sendable (Int) -> Void
    private let highest = Mutex(-1)

    init(passOn: @escaping @Sendable (Int) -> Void) { self.passOn = passOn }

    func note(_ percent: Int) {
        let isHigher = highest.withLock { highest in
            defer { highest = max(highest, percent) }
            return percent > highest
        }
        if isHigher { passOn(percent) }
    }
}

/// The pieces of a file, for as many readers as there are tries.
private struct FilePieces: AsyncSequence, Sendable {
    typealias Element = ByteBuffer
    let file: ReadableFile
    let byteCount: UInt64
    let pieceByteCount: Int
    let progress: RisingProgress

    init(path: String, byteCount: UInt64, pieceByteCount: Int, progress: RisingProgress) throws(RunFailure) {
        file = try ReadableFile(path: path)
        self.byteCount = byteCount
        self.pieceByteCount = pieceByteCount
        self.progress = progress
    }

    func makeAsyncIterator() -> Iterator { Iterator(pieces: self) }

    struct Iterator: AsyncIteratorProtocol {
        let pieces: FilePieces
        var offset: UInt64 = 0

        mutating func next() async throws -> ByteBuffer? {
            guard offset < pieces.byteCount else { return nil }
            let wanted = Int(Swift.min(UInt64(pieces.pieceByteCount), pieces.byteCount - offset))
            let piece = try pieces.file.read(at: offset, byteCount: wanted)
            guard piece.readableBytes == wanted else {
                throw RunFailure("upload: staging: the file is shorter than it was")
            }
            offset += UInt64(wanted)
            pieces.progress.note(Int(Swift.min(100, offset / Swift.max(1, pieces.byteCount / 100))))
            return piece
        }
    }
}

private final class ReadableFile: Sendable {
    private let descriptor: Int32
    private let path: String

    init(path: String) throws(RunFailure) {
        self.path = path
        descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw RunFailure("upload: staging: \(path): \(String(cString: strerror(errno)))") }
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    func read(at offset: UInt64, byteCount: Int) throws(RunFailure) -> ByteBuffer {
        var buffer = ByteBufferAllocator().buffer(capacity: byteCount)
        let descriptor = descriptor
        let count = buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: byteCount) { space in
            Swift.max(0, pread(descriptor, space.baseAddress, byteCount, off_t(clamping: offset)))
        }
        guard count > 0 else { throw RunFailure("upload: staging: \(path) cannot be read") }
        return buffer
    }
}
