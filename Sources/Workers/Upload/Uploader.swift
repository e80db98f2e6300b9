public import AsyncHTTPClient
public import Core
import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL

/// Sends a staged object to the store with one PUT of exact length.
///
/// A failed connection or a server error is tried again within the life of the URL: the bytes are the same each time, so
/// repeating is harmless. No redirect is followed. Error texts never hold the URL's query, where its signature is.
public struct Uploader: Sendable {
    /// Tries in all.
    public static let maximumTries = 5
    private static let pieceByteCount = 256 << 10

    /// Waits; injected, so that tests need no time.
    public typealias Sleeper = @Sendable (Duration) async throws -> Void

    private let client: HTTPClient
    private let sleep: Sleeper
    private let now: @Sendable () -> Timestamp

    /// How the agent's client is set up: no redirects, bounded idle times, one connection attempt of 15 s.
    ///
    /// - Parameter trustedCertificates: a PEM file of certificates to trust beside the system's.
    public static func clientConfiguration(trustedCertificates: String? = nil) -> HTTPClient.Configuration {
        var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow)
        if let trustedCertificates {
            var tls = TLSConfiguration.makeClientConfiguration()
            tls.additionalTrustRoots = [.file(trustedCertificates)]
            configuration.tlsConfiguration = tls
        }
        configuration.timeout.connect = .seconds(15)
        // It runs from the last byte that was handed over to the answer: the store's disk, or a proxy that passes the
        // body on only when it has all of it, needs its time. What hangs for good ends with the run.
        configuration.timeout.read = .minutes(5)
        configuration.timeout.write = .seconds(60)
        configuration.httpVersion = .http1Only
        // Else a refused connection is tried again and again inside, until the timeout.
        configuration.connectionPool.retryConnectionEstablishment = false
        return configuration
    }

    /// An uploader.
    ///
    /// - Parameters:
    ///   - client: made with ``clientConfiguration(trustedCertificates:)``; the caller shuts it down.
    ///   - now: the wall clock, which decides whether a URL has expired.
    public init(client: HTTPClient, sleep: @escaping Sleeper, now: @escaping @Sendable () -> Timestamp) {
        self.client = client
        self.sleep = sleep
        self.now = now
    }

    /// Sends the file.
    ///
    /// - Parameters:
    ///   - progress: gets percent of what was handed to the connection, at most once a percent.
    /// - Throws: ``RunFailure``, or `CancellationError` once the task is cancelled.
    public func upload(
        file path: String, byteCount: UInt64, to url: String, expiresAt: Timestamp?,
        progress: @escaping @Sendable (Int) -> Void
    ) async throws {
        guard let shown = Self.shown(url) else {
            throw RunFailure("upload: pipeline: the upload URL is not http or https")
        }
        let source = try FilePieces(
            path: path, byteCount: byteCount, pieceByteCount: Self.pieceByteCount, progress: progress)
        var waitSeconds: Int64 = 1
        for number in 1...Self.maximumTries {
            if let expiresAt, now() >= expiresAt {
                throw RunFailure("upload: pipeline: the upload URL expired before the object was sent")
            }
            guard let problem = try await once(source, byteCount: byteCount, to: url, shown: shown) else { return }
            guard number < Self.maximumTries else { throw RunFailure("upload: pipeline: \(problem)") }
            let wait = Duration.seconds(waitSeconds)
            if let expiresAt, now() + .seconds(waitSeconds) >= expiresAt {
                throw RunFailure("upload: pipeline: \(problem), and the upload URL expires")
            }
            try await sleep(wait)
            waitSeconds *= 2
        }
    }

    /// One try: nil when it worked, else a problem that another try may not have.
    private func once(
        _ source: FilePieces, byteCount: UInt64, to url: String, shown: String
    ) async throws -> String? {
        let status: Int
        do {
            status = try await put(source, byteCount: byteCount, to: url)
        } catch let failure as RunFailure {
            throw failure
        } catch {
            try Task.checkCancellation()
            return "PUT \(shown): \(Self.text(of: error))"
        }
        if (200..<300).contains(status) { return nil }
        let problem = "upload non-2xx: HTTP \(status)"
        guard status >= 500 || status == 408 || status == 429 else { throw RunFailure("upload: pipeline: \(problem)") }
        return problem
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

/// The pieces of a file, for as many readers as there are tries.
private struct FilePieces: AsyncSequence, Sendable {
    typealias Element = ByteBuffer
    let file: ReadableFile
    let byteCount: UInt64
    let pieceByteCount: Int
    let progress: @Sendable (Int) -> Void

    init(
        path: String, byteCount: UInt64, pieceByteCount: Int, progress: @escaping @Sendable (Int) -> Void
    ) throws(RunFailure) {
        file = try ReadableFile(path: path)
        self.byteCount = byteCount
        self.pieceByteCount = pieceByteCount
        self.progress = progress
    }

    func makeAsyncIterator() -> Iterator { Iterator(pieces: self) }

    struct Iterator: AsyncIteratorProtocol {
        let pieces: FilePieces
        var offset: UInt64 = 0
        var lastPercent = -1

        mutating func next() async throws -> ByteBuffer? {
            guard offset < pieces.byteCount else { return nil }
            let wanted = Int(Swift.min(UInt64(pieces.pieceByteCount), pieces.byteCount - offset))
            let piece = try pieces.file.read(at: offset, byteCount: wanted)
            guard piece.readableBytes == wanted else {
                throw RunFailure("upload: staging: the file is shorter than it was")
            }
            offset += UInt64(wanted)
            let percent = Int(offset / Swift.max(1, pieces.byteCount / 100))
            if percent != lastPercent { pieces.progress(Swift.min(percent, 100)) }
            lastPercent = percent
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
