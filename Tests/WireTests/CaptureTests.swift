import Foundation
import SwiftProtobuf
import Testing

@testable import Wire

@Suite("Recorded traffic")
struct CaptureTests {
    @Test("All captures are there")
    func present() {
        #expect(Capture.all.count == 15)
        #expect(Capture.all.map(\.records.count).reduce(0, +) == 295)
    }

    @Test("Every frame decodes completely and is equal after another encoding", arguments: Capture.all)
    func golden(_ capture: Capture) throws {
        var unreadableCount = 0
        for record in capture.records {
            guard let envelope = try? WireEnvelope(serializedBytes: record.frame) else {
                unreadableCount += 1
                continue
            }
            let encoded: [UInt8] = try envelope.serializedBytes()
            #expect(try WireEnvelope(serializedBytes: encoded) == envelope)
            // A field that our schemas lacked would be here; a missing one would make the encoding shorter.
            #expect(!envelope.debugDescription.contains(/^\s*\d+[:{ ]/.anchorsMatchLineEndings()))
            #expect(encoded.count == record.frame.count)
        }
        // One frame of three bytes was sent to provoke the agent.
        #expect(unreadableCount == (capture.name == "handshake-edges.frames" ? 1 : 0))
    }

    @Test("Redaction keeps every frame readable and leaves no secret in it", arguments: Capture.all)
    func redaction(_ capture: Capture) throws {
        let secrets = Self.secrets(of: capture)
        let redactor = Redactor(
            secrets: capture.records.filter(\.isFromServer).flatMap { Redactor.secrets(in: $0.frame) })
        for record in capture.records {
            var redacted = record.frame
            let isWellFormed = redactor.redact(&redacted)
            #expect(redacted.count == record.frame.count)
            for secret in secrets.long { #expect(!redacted.betrays(secret), "\([UInt8](secret))") }
            guard let before = try? WireEnvelope(serializedBytes: record.frame) else { continue }
            #expect(isWellFormed)
            let after = try WireEnvelope(serializedBytes: redacted)
            #expect(Self.passwords(in: after).allSatisfy { $0.utf8.allSatisfy { $0 == UInt8(ascii: "*") } })
            #expect(after.seq == before.seq)
            #expect(after.jobUpdate.runID == before.jobUpdate.runID)
            #expect(after.backupCompleted.sha256 == before.backupCompleted.sha256)

            var again = redacted
            redactor.redact(&again)
            #expect(again == redacted)
        }
    }

    @Test("The captures do hold secrets, so that the test above means something")
    func secretsExist() {
        let frames = Capture.all.flatMap(\.records).map(\.frame)
        let secrets = Capture.all.map(Self.secrets)
        #expect(secrets.flatMap(\.long).count > 100)
        #expect(secrets.flatMap(\.long).allSatisfy { secret in frames.contains { $0.betrays(secret) } })
        let leak = Capture.all.flatMap(\.records).filter {
            !$0.isFromServer && $0.frame.contains(run: [UInt8]("SECRETSIG"))
        }
        #expect(leak.count == 1)
    }

    /// Found by decoding, independently of the code under test.
    private static func secrets(of capture: Capture) -> (long: [[UInt8]], short: [[UInt8]]) {
        var secrets: [[UInt8]] = []
        for envelope in capture.records.compactMap({ try? WireEnvelope(serializedBytes: $0.frame) }) {
            secrets.append([UInt8](envelope.runBackup.encryptedDek))
            secrets.append([UInt8](envelope.backupCompleted.encryptedDek))
            secrets += passwords(in: envelope).map { [UInt8]($0) }
            for match in envelope.runBackup.uploadCreds.presignedPutURL.matches(of: /[Ss]ignature=([^&#]+)/) {
                secrets.append([UInt8](String(match.output.1)))
            }
        }
        let unique = Set(secrets)
        return (unique.filter { $0.count >= 8 }, unique.filter { (4..<8).contains($0.count) })
    }

    private static func passwords(in envelope: WireEnvelope) -> [String] {
        (envelope.registerAck.config.targets + envelope.configUpdate.config.targets)
            .map(\.connection.passwordSecretRef)
    }
}
