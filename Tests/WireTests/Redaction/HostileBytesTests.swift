import Core
import Foundation
import SwiftProtobuf
import Testing

@testable import Wire

/// Goal: no bytes trap, and a frame that decodes before redaction decodes after it, without the secrets.
/// Method: each seed drives some thousand cases; whatever fails can be run again by its seed.
@Suite("Hostile bytes")
struct HostileBytesTests {
    static let secrets: [[UInt8]] = [
        [UInt8]("lab-pg-pw"), [UInt8]("wxyz"), [UInt8]("12345678"), [UInt8](repeating: 0, count: 32),
        [UInt8]("ü€😀ß".utf8.dropFirst().dropLast()), (0..<32).map { UInt8(truncatingIfNeeded: $0 * 91 + 128) },
    ]
    static let redactor = Redactor(secrets: secrets)

    func check(_ frame: [UInt8], _ place: Comment) {
        var redacted = frame
        let isWellFormed = Self.redactor.redact(&redacted)
        #expect(redacted.count == frame.count, place)
        _ = Redactor.secrets(in: frame)
        _ = Fingerprint(of: frame)
        guard (try? WireEnvelope(serializedBytes: frame)) != nil else { return }
        #expect(isWellFormed, place)
        guard let after = try? WireEnvelope(serializedBytes: redacted) else {
            Issue.record("decodes no more: \(frame); \(place)")
            return
        }
        _ = FailureClass(errorMessage: after.jobUpdate.errorMessage)
    }

    @Test("Random bytes", arguments: UInt64(0)..<4)
    func random(seed: UInt64) {
        var choices = Choices(seed: seed)
        for index in 0..<3_000 {
            check(choices.bytes(Int.random(in: 0...80, using: &choices)), "seed \(seed), case \(index)")
        }
    }

    @Test("Recorded frames with faults", arguments: UInt64(0)..<4)
    func mutated(seed: UInt64) throws {
        let frames = Capture.all.flatMap(\.records).map(\.frame)
        var choices = Choices(seed: seed)
        for index in 0..<3_000 {
            let frame = try #require(frames.randomElement(using: &choices))
            check(choices.mutate(frame), "seed \(seed), case \(index)")
        }
    }

    @Test("Frames of every kind, with secrets in their texts and with faults", arguments: UInt64(0)..<4)
    func seeded(seed: UInt64) throws {
        var choices = Choices(seed: seed)
        for index in 0..<1_000 {
            let envelope = envelope(&choices)
            let frame: [UInt8] = try envelope.serializedBytes()
            var redacted = frame
            #expect(Self.redactor.redact(&redacted))
            let after = try WireEnvelope(serializedBytes: redacted)
            for secret in Self.secrets where secret.count >= 8 {
                #expect(!redacted.contains(run: secret), "seed \(seed), case \(index)")
            }
            #expect(!after.jobUpdate.errorMessage.contains("wxyz"), "seed \(seed), case \(index)")
            check(choices.mutate(frame), "seed \(seed), case \(index), with faults")
        }
    }

    @Test("Deep groups and long varints")
    func deep() {
        check([UInt8](repeating: 0x0B, count: 100_000), "opened groups")
        for depth in [1, 50, 99, 100, 101, 102, 200] {
            let groups = [UInt8](repeating: 0x0B, count: depth) + [UInt8](repeating: 0x0C, count: depth)
            check(groups, "groups \(depth) deep")
        }
        check([UInt8](repeating: 0x80, count: 100), "endless varint")
        check([0x52] + [UInt8](repeating: 0xFF, count: 9) + [0x01], "largest length")
        check([0x52] + [UInt8](repeating: 0xFF, count: 9) + [0x7F], "length beyond 64 bits")
        check([0x08] + [UInt8](repeating: 0xFF, count: 9) + [0x7F], "number beyond 64 bits")
    }

    private func envelope(_ choices: inout Choices) -> WireEnvelope {
        let template = RoundTripTests.samples.randomElement(using: &choices)
        var envelope = template ?? WireEnvelope()
        envelope.correlationID = text(&choices)
        switch envelope.payload {
        case .jobUpdate:
            envelope.jobUpdate.jobID = text(&choices)
            envelope.jobUpdate.errorMessage = text(&choices)
        case .log:
            envelope.log.fields = [text(&choices): text(&choices), "k": text(&choices)]
        case .registerAck:
            envelope.registerAck.config.targets[0].connection.passwordSecretRef = text(&choices)
            envelope.registerAck.config.jobs[0].preHooks = [text(&choices), text(&choices)]
        case .runBackup:
            envelope.runBackup.uploadCreds.presignedPutURL = text(&choices)
        case .discovery:
            envelope.discovery.containers[0].envHints[text(&choices)] = text(&choices)
        case .selfUpdate:
            envelope.selfUpdate.cosignSignature = .init(Self.secrets.randomElement(using: &choices) ?? [])
        default:
            break
        }
        return envelope
    }

    /// Pieces chosen to meet: secrets, parts of them, characters of several bytes, what the scanner reacts to.
    private static let pieces = [
        "lab-pg-pw", "lab-pg", "-pw", "12345678", "1234", "wxyz", "ü€😀ß", "ü€", "😀", "ß", "\0\0\0\0\0\0\0\0",
        "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", "https://", "@", "u:p", "/", "?", "&", "=",
        "%3D", "%26", "%253D", "X-Amz-Signature=", "sig", "token", "bkpy_live_", "bkpy_live_0123456789", " ", "\"", "é",
    ]

    private func text(_ choices: inout Choices) -> String {
        (0..<Int.random(in: 0...8, using: &choices)).map { _ in Self.pieces.randomElement(using: &choices) ?? "" }
            .joined()
    }
}
