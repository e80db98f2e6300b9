// `struct stat` belongs to whichever of the two modules' headers the compiler has met first, so both are imported.
import CDispatch
import Glibc
import HummingbirdCore
import Logging
import NIOCore
import NIOSSL
import Synchronization

/// The certificate and key that new handshakes are made with. Connections keep what they began with.
///
/// Both files may be replaced while the server runs, in any order and through symbolic links: they are looked at every
/// ``pollInterval``, and taken over once they have stayed the same for one interval, or at once by ``reload()``. Files that
/// are no good are told in the server's log, and the former ones stay in use.
final class Certificates: Sendable {
    /// How often the files are looked at.
    static let pollInterval = Duration.seconds(2)

    /// What tells whether a file is another one than before, without reading it.
    private struct Stamp: Hashable {
        var inode: UInt64
        var byteCount: Int64
        var changedAt: Int64
        var changedAtNanoseconds: Int64

        init?(_ path: String) {
            var status = stat()
            guard stat(path, &status) == 0 else { return nil }
            inode = UInt64(status.st_ino)
            byteCount = Int64(status.st_size)
            changedAt = Int64(status.st_ctim.tv_sec)
            changedAtNanoseconds = Int64(status.st_ctim.tv_nsec)
        }
    }

    private struct State {
        var context: NIOSSLContext
        /// Of the files that were tried last, whether they were good or not.
        var tried: [Stamp?]
        /// Of other files, that may still be being written.
        var fresh: [Stamp?]?
        /// Readings of the files are numbered in the order in which they begin.
        var lastReading = 0
        /// Which one ``context`` is of.
        var readingInUse = 0
    }

    /// What both files hold.
    private struct Loaded {
        var context: NIOSSLContext
        /// In hexadecimal digits.
        var serialNumber: String
        var isExpired: Bool
    }

    private let files: ControlPlane.Configuration.TLS
    private let logger: Logger
    /// Event loops take it for each new connection: nobody reads files or tells of anything while it is held.
    private let state: Mutex<State>

    /// Reads both files.
    init(_ files: ControlPlane.Configuration.TLS, logger: Logger) throws(StartError) {
        self.files = files
        self.logger = logger
        let stamps = Self.stamps(of: files)
        let loaded = try Self.load(files)
        state = Mutex(State(context: loaded.context, tried: stamps))
        tell(loaded)
    }

    /// For the next handshake.
    var context: NIOSSLContext { state.withLock { $0.context } }

    /// Reads both files now.
    func reload() {
        let stamps = Self.stamps(of: files)
        let reading = state.withLock { state in
            state.fresh = nil
            state.tried = stamps
            state.lastReading += 1
            return state.lastReading
        }
        do throws(StartError) {
            let loaded = try Self.load(files)
            let isNewer = state.withLock { state in
                // Another reading, that began later, may have been faster.
                guard reading > state.readingInUse else { return false }
                state.context = loaded.context
                state.readingInUse = reading
                return true
            }
            if isNewer { tell(loaded) }
        } catch {
            logger.error("\(error). The former certificate stays in use")
        }
    }

    private func tell(_ loaded: Loaded) {
        if loaded.isExpired { logger.warning("\(files.certificateFile) has expired: clients will refuse it") }
        logger.notice("TLS with the certificate of serial number \(loaded.serialNumber)")
    }

    /// Reads both files if they are others than those tried last, and have not changed since this was called before.
    func look() {
        let stamps = Self.stamps(of: files)
        let isReady = state.withLock { state in
            guard stamps != state.tried else {
                state.fresh = nil
                return false
            }
            defer { state.fresh = stamps }
            return state.fresh == stamps
        }
        if isReady { reload() }
    }

    private static func stamps(of files: ControlPlane.Configuration.TLS) -> [Stamp?] {
        [Stamp(files.certificateFile), Stamp(files.keyFile)]
    }

    private static func load(_ files: ControlPlane.Configuration.TLS) throws(StartError) -> Loaded {
        func part<Value>(_ what: String, _ path: String, _ read: () throws -> Value) throws(StartError) -> Value {
            do {
                return try read()
            } catch {
                throw .certificate(problem: "\(path) holds no \(what) in PEM that can be read (\(error))")
            }
        }
        let chain = try part("certificate", files.certificateFile) {
            try NIOSSLCertificate.fromPEMFile(files.certificateFile)
        }
        let key = try part("private key", files.keyFile) { try NIOSSLPrivateKey(file: files.keyFile, format: .pem) }
        guard let leaf = chain.first else {
            throw .certificate(problem: "\(files.certificateFile) holds no certificate")
        }
        var settings = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key))
        // The library's own default is 1.0.
        settings.minimumTLSVersion = .tlsv12
        let context: NIOSSLContext
        do {
            context = try NIOSSLContext(configuration: settings)
        } catch {
            throw .certificate(
                problem: "\(files.certificateFile) and \(files.keyFile) do not belong together (\(error))")
        }
        let serial = leaf.serialNumber.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
        return Loaded(context: context, serialNumber: serial, isExpired: leaf.notValidAfter < time(nil))
    }
}

/// A connection that speaks TLS, with whichever certificate is in force when it begins.
struct EncryptedChannel<Base: HTTPChannelHandler>: HTTPChannelHandler {
    typealias Value = Base.Value

    let base: Base
    let certificates: Certificates

    var responder: Responder { base.responder }

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
        channel.eventLoop.makeCompletedFuture {
            try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: certificates.context))
        }.flatMap { base.setup(channel: channel, logger: logger) }
    }

    func handle(value: Value, logger: Logger) async { await base.handle(value: value, logger: logger) }
}
