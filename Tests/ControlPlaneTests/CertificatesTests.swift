import Foundation
import Logging
import Synchronization
import TestCertificates
import Testing

@testable import ControlPlane

/// Goal: no new connection waits for files or for the server's log. Method: files that block whoever reads them, and a
/// logger that tries to take the certificate meanwhile.
@Suite("Certificates that are read anew", .serialized, .timeLimit(.minutes(2)))
struct CertificatesTests {
    /// Certificate and key in a folder of their own.
    private final class Ground: Sendable {
        let folder = Plant.temporaryPath()
        var files: ControlPlane.Configuration.TLS {
            .init(certificateFile: folder + "/tls.pem", keyFile: folder + "/tls.key")
        }

        init() throws {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            try Data(TestCertificate.certificate.utf8).write(to: URL(fileURLWithPath: files.certificateFile))
            try Data(TestCertificate.key.utf8).write(to: URL(fileURLWithPath: files.keyFile))
        }

        deinit { try? removeDirectory(folder) }
    }

    /// Whether a new connection would get its certificate at once.
    private static func isFree(_ certificates: Certificates) -> Bool {
        let hasCome = DispatchSemaphore(value: 0)
        Thread.detachNewThread {
            _ = certificates.context
            hasCome.signal()
        }
        return hasCome.wait(timeout: .now() + 10) == .success
    }

    @Test("A connection gets the former certificate while the files are read")
    func reading() async throws {
        let ground = try Ground()
        let certificates = try Certificates(ground.files, logger: Plant.quiet)
        let former = certificates.context
        let file = ground.files.certificateFile
        try FileManager.default.removeItem(atPath: file)
        // Whoever opens a named pipe waits for the other end.
        #expect(mkfifo(file, 0o600) == 0)
        let hasEnded = DispatchSemaphore(value: 0)
        Thread.detachNewThread {
            certificates.reload()
            hasEnded.signal()
        }
        let pipe = try FileHandle(forWritingTo: URL(fileURLWithPath: file))  // returns once it is being read
        #expect(Self.isFree(certificates))
        #expect(certificates.context === former)
        try pipe.write(contentsOf: Data(TestCertificate.certificate.utf8))
        try pipe.close()
        #expect(hasEnded.wait(timeout: .now() + 10) == .success)
        #expect(certificates.context !== former)
    }

    @Test("A reading that began before another one does not take its place")
    func order() async throws {
        let ground = try Ground()
        let certificates = try Certificates(ground.files, logger: Plant.quiet)
        let file = ground.files.certificateFile
        try FileManager.default.removeItem(atPath: file)
        #expect(mkfifo(file, 0o600) == 0)
        let hasEnded = DispatchSemaphore(value: 0)
        Thread.detachNewThread {
            certificates.reload()
            hasEnded.signal()
        }
        let pipe = try FileHandle(forWritingTo: URL(fileURLWithPath: file))
        try FileManager.default.removeItem(atPath: file)
        try Data(TestCertificate.certificate.utf8).write(to: URL(fileURLWithPath: file))
        certificates.reload()
        let newer = certificates.context
        try pipe.write(contentsOf: Data(TestCertificate.certificate.utf8))
        try pipe.close()
        #expect(hasEnded.wait(timeout: .now() + 10) == .success)
        #expect(certificates.context === newer)
    }

    @Test("What is told of a reading, good or bad, is told without holding up connections")
    func telling() throws {
        let ground = try Ground()
        let known = Mutex<Certificates?>(nil)
        let told = Mutex<[(level: Logger.Level, isFree: Bool)]>([])
        let logger = hearing { level, _ in
            guard let certificates = known.withLock({ $0 }) else { return }
            let isFree = Self.isFree(certificates)
            told.withLock { $0.append((level, isFree)) }
        }
        let certificates = try Certificates(ground.files, logger: logger)
        known.withLock { $0 = certificates }
        certificates.reload()
        try Data("no PEM".utf8).write(to: URL(fileURLWithPath: ground.files.keyFile))
        certificates.reload()
        let all = told.withLock { $0 }
        #expect(all.map(\.level) == [.notice, .error])
        #expect(all.allSatisfy { $0.isFree })
    }
}
