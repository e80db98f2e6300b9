import Core
import Digests
import Foundation
import SwiftProtobuf

@testable import Wire

extension Target {
    /// Secrets planted in frames, well formed or not.
    static let redaction = Target(name: "redaction", maximumByteCount: 2_048, seeds: redactionSeeds) { bytes in
        var feed = Feed(bytes)
        let form = feed.byte()
        let (longCount, shortCount) = (8 + Int(feed.byte() & 0x1F), Int(feed.byte() & 7))
        let secret = feed.bytes(longCount)
        let short = feed.bytes(shortCount)
        // A secret with the character of redaction in it may arise from redaction.
        guard secret.count >= 8, !secret.contains(UInt8(ascii: "*")) else { return }
        let redactor = Redactor(secrets: [secret, short])
        if form & 1 == 0 {
            redact(feed.remainder(), redactor, secret)
        } else {
            plant(secret, form, &feed, redactor)
        }
    }

    /// Any bytes: what the frame itself hands out, and what is known before.
    private static func redact(_ frame: [UInt8], _ redactor: Redactor, _ secret: [UInt8]) {
        var once = frame
        let isWellFormed = redactor.redact(&once)
        promise(once.count == frame.count, "redaction keeps the length")
        for index in frame.indices where once[index] != frame[index] {
            promise(once[index] == UInt8(ascii: "*"), "only stars are written")
        }
        if isWellFormed {
            var twice = once
            promise(redactor.redact(&twice), "a well formed frame stays so")
            promise(twice == once, "redaction again changes nothing")
        } else {
            promise(!once.holds(secret), "no secret in what is malformed")
        }

        let harvest = Redactor.secrets(in: frame).filter { $0.count >= 8 && !$0.contains(UInt8(ascii: "*")) }
        var own = frame
        if !Redactor(secrets: harvest).redact(&own) {
            for secret in harvest { promise(!own.holds(secret), "what was harvested is found again") }
        }
    }

    /// A text that holds a secret in one of the forms in which tools write it.
    private static func plant(_ secret: [UInt8], _ form: UInt8, _ feed: inout Feed, _ redactor: Redactor) {
        let before = feed.shortPiece()
        let after = feed.shortPiece()
        let planted: [UInt8] =
            switch form >> 1 & 7 {
            case 0: secret
            case 1: Array(Hex.encode(secret).utf8)
            case 2: Array(Hex.encode(secret).uppercased().utf8)
            case 3, 4: Array(Base64.encode(before + secret + after).utf8)
            default: Array(Base64.encodeURL(before + secret + after).utf8)
            }
        let isEncoded = form >> 1 & 7 >= 3
        let content = isEncoded ? planted : before + planted + after
        guard let text = String(validating: content, as: UTF8.self) else { return }
        guard var frame = try? envelope(text, form >> 4).serializedBytes() as [UInt8] else { return }
        let byteCount = frame.count
        promise(redactor.redact(&frame), "an envelope is well formed")
        promise(frame.count == byteCount, "redaction keeps the length")
        promise((try? WireEnvelope(serializedBytes: frame)) != nil, "a redacted envelope is one")
        if isEncoded {
            promise(!frame.holds(inner(planted, before.count, secret.count)), "not in base64")
        } else {
            promise(!frame.holds(planted), "not as it is, nor in hexadecimal")
        }
    }

    /// The characters of base64 that tell of nothing but a secret.
    private static func inner(_ text: [UInt8], _ start: Int, _ count: Int) -> [UInt8] {
        let first = (start * 8 + 5) / 6
        let end = (start + count) * 8 / 6
        return Array(text[first..<min(end, text.count)])
    }

    private static func envelope(_ text: String, _ place: UInt8) -> WireEnvelope {
        .with {
            $0.seq = 7
            switch place & 7 {
            case 0: $0.payload = .log(.with { $0.message = text })
            case 1: $0.payload = .log(.with { $0.fields = ["key": text] })
            case 2: $0.payload = .jobUpdate(.with { $0.errorMessage = text })
            case 3: $0.payload = .register(.with { $0.hostname = text })
            case 4: $0.payload = .discovery(.with { $0.containers = [.with { $0.envHints = ["A": text] }] })
            case 5: $0.payload = .backupCompleted(.with { $0.s3Key = text })
            case 6: $0.correlationID = text
            default: $0.payload = .ack(.with { $0.reason = text })
            }
        }
    }

    private static func redactionSeeds() throws -> [[UInt8]] {
        let head: [UInt8] = [0, 8, 4] + Array("hunter2-hunter2!".utf8) + Array("abcd".utf8)
        var seeds = try Seeds.frames().map { head + $0 }
        let texts = [
            "https://user:pass%40word@host/db?X-Amz-Signature=00ff&sig=1", "bkpy_live_0123456789abcdef",
            "a%253Dtoken%3Db",
        ]
        for form in UInt8(0)..<16 {
            for text in texts {
                seeds.append(
                    [form << 4 | form | 1, 8, 4] + Array("hunter2-hunter2!".utf8) + Array("abcd".utf8)
                        + [UInt8(text.utf8.count)] + Array(text.utf8) + [3, 0x2F, 0x40, 0x41])
            }
        }
        return seeds
    }
}
