import Foundation
import SwiftProtobuf
import Testing

@testable import Wire

@Suite("Redaction")
struct RedactorTests {
    static let dataKey: [UInt8] = (0..<32).map { UInt8(truncatingIfNeeded: $0 * 37 + 200) }

    /// What an error text becomes.
    func redacted(_ text: String, secrets: [[UInt8]] = []) throws -> String {
        try redact(.with { $0.jobUpdate.errorMessage = text }, secrets).jobUpdate.errorMessage
    }

    func redact(_ envelope: WireEnvelope, _ secrets: [[UInt8]]) throws -> WireEnvelope {
        var frame: [UInt8] = try envelope.serializedBytes()
        #expect(Redactor(secrets: secrets).redact(&frame))
        return try WireEnvelope(serializedBytes: frame)
    }

    @Test("Data keys go by field, known or not, and nothing beside them does")
    func dataKeys() throws {
        let completed = WireEnvelope.with {
            $0.backupCompleted = .with {
                $0.runID = "run"
                $0.encryptedDek = Data(Self.dataKey)
                $0.compression = "zstd"
            }
        }
        var expected = completed
        expected.backupCompleted.encryptedDek = Data(repeating: UInt8(ascii: "*"), count: 32)
        #expect(try redact(completed, []) == expected)
        let command = WireEnvelope.with { $0.runBackup.encryptedDek = Data(Self.dataKey) }
        #expect(try redact(command, []).runBackup.encryptedDek == expected.backupCompleted.encryptedDek)
    }

    @Test("Passwords go by field, references stay")
    func passwords() throws {
        let texts = ["hunter2", "pä€ss😀", "env:PGPASSWORD", "file:/run/secret", "environment", ""]
        let envelope = WireEnvelope.with {
            $0.configUpdate.config.targets = texts.map { text in
                .with { $0.connection.passwordSecretRef = text }
            }
        }
        let after = try redact(envelope, []).configUpdate.config.targets.map(\.connection.passwordSecretRef)
        let stars = texts.map { String(repeating: "*", count: $0.utf8.count) }
        #expect(after == [stars[0], stars[1], "env:PGPASSWORD", "file:/run/secret", stars[4], ""])
    }

    @Test(
        "Secrets go by their looks",
        arguments: [
            ("GET https://u:p@h/x", "GET https://***@h/x"),
            ("mongodb+srv://user:p@ss@h/db?a=b@c", "mongodb+srv://*********@h/db?a=b@c"),
            ("https://h/a@b and //x@y", "https://h/a@b and //x@y"),
            ("https%3A%2F%2Fu%3Ap%40h%2Fx%40y", "https%3A%2F%2F*****%40h%2Fx%40y"),
            ("?X-Amz-Signature=abc&x=1", "?X-Amz-Signature=***&x=1"),
            ("?x-amz-credential=AK%2F1%26\"", "?x-amz-credential=*********\""),
            ("X-Amz-Security-Token=a+b/c== z", "X-Amz-Security-Token=******* z"),
            ("u=%3FX-Amz-Signature%3Dab%252Bc%26x=1", "u=%3FX-Amz-Signature%3D********%26x=1"),
            ("%26sig%3Dabc%23f", "%26sig%3D***%23f"),
            ("%2526Signature%253Dabc%2526x", "%2526Signature%253D***%2526x"),
            ("AWSAccessKeyId=AKIA&Signature=s&token=t&sig=g", "AWSAccessKeyId=****&Signature=*&token=*&sig=*"),
            (#"Put "http://h/?sig=x\u0026y": no"#, #"Put "http://h/?sig=*\u0026y": no"#),
            ("config=5 design=6 --password=pw", "config=5 design=6 --password=**"),
            ("key bkpy_live_0123456789abcdefABCDEF0123456789!", "key bkpy_live_********************************!"),
            ("bkpy_test_cut", "bkpy_test_***"),
            ("bkpy_prod_no", "bkpy_prod_no"),
            ("://@ := =% %3 %3D %25 bkpy_live_", "://@ := =% %3 %3D %25 bkpy_live_"),
        ])
    func looks(_ text: String, _ expected: String) throws {
        #expect(try redacted(text) == expected)
    }

    @Test("Known secrets go in every form and at every alignment")
    func forms() throws {
        let data = Data(Self.dataKey)
        let hex = Self.dataKey.map { String(format: "%02x", $0) }.joined()
        let base64 = data.base64EncodedString()
        var forms = [hex, hex.uppercased(), base64, base64.replacing("=", with: "")]
        forms.append(base64.replacing("+", with: "-").replacing("/", with: "_"))
        for form in forms {
            let body = form.replacing("=", with: "")
            let padding = String(form.dropFirst(body.count))
            let stars = String(repeating: "*", count: body.count)
            #expect(try redacted("a \(form) z", secrets: [Self.dataKey]) == "a \(stars)\(padding) z")
        }
        for prefix in 0..<6 {
            let longer = Data(repeating: 7, count: prefix) + data + Data(repeating: 9, count: 5)
            let text = try redacted(longer.base64EncodedString(), secrets: [Self.dataKey])
            // At most the characters that are wholly the neighbours' own remain.
            #expect(text.filter { $0 == "*" }.count >= 32 * 8 / 6, "\(prefix): \(text)")
            #expect(!text.contains(base64.dropFirst(3).prefix(6)))
        }
        let odd = #"p"a\s/s wörd"#
        let escaped = #"p\"a\\s/s wörd"#
        #expect(try redacted("x \(escaped) y", secrets: [[UInt8](odd)]) == "x *************** y")
        #expect(try redacted("x p%22a%5Cs%2Fs%20w%C3%B6rd y", secrets: [[UInt8](odd)]).contains("w%") == false)
    }

    @Test("Secrets of 8 bytes go anywhere, of 4 in free text, of 3 nowhere")
    func lengths() throws {
        let envelope = WireEnvelope.with {
            $0.jobUpdate = .with {
                $0.jobID = "12345678-1234-123"
                $0.currentStep = "12345678-1234-123"
            }
        }
        let after = try redact(envelope, ["12345678", "1234", "123"].map { [UInt8]($0) }).jobUpdate
        #expect(after.jobID == "********-1234-123")
        #expect(after.currentStep == "********-****-123")
        let log = WireEnvelope.with {
            $0.log = .with {
                $0.message = "pw wxyz"
                $0.fields = ["wxyz": "wxyz"]
            }
        }
        let afterLog = try redact(log, [[UInt8]("wxyz")]).log
        #expect(afterLog.message == "pw ****")
        #expect(afterLog.fields == ["wxyz": "****"])
    }

    @Test("Overlapping secrets go entirely")
    func overlap() throws {
        let secrets = ["abcdefgh", "efghijkl"].map { [UInt8]($0) }
        #expect(try redacted("-abcdefghijkl-", secrets: secrets) == "-************-")
        #expect(try redacted("token=abc&defghijk", secrets: [[UInt8]("bc&defghijk")]) == "token=************")
    }

    @Test("A secret that begins or ends within a character takes the character with it")
    func characters() throws {
        let secret = [UInt8]("ü€😀ß".utf8.dropFirst().dropLast())
        #expect(try redacted("aü€😀ßz", secrets: [secret]) == "a***********z")
    }

    @Test("A secret that lies across fields goes as far as it is content")
    func acrossFields() throws {
        let envelope = WireEnvelope.with {
            $0.jobUpdate = .with {
                $0.jobID = "aaaa"
                $0.status = .failed
                $0.errorMessage = "bbbb"
            }
        }
        let frame: [UInt8] = try envelope.serializedBytes()
        let after = try redact(envelope, [Array(frame.dropFirst(3))]).jobUpdate
        #expect(
            after
                == .with {
                    $0.jobID = "****"
                    $0.status = .failed
                    $0.errorMessage = "****"
                })
    }

    @Test("A frame that is cut off loses what can be seen of its secrets")
    func malformed() throws {
        let envelope = WireEnvelope.with {
            $0.backupCompleted = .with {
                $0.jobID = "mail bob: https://u:p@h wxyz"
                $0.encryptedDek = Data(Self.dataKey)
            }
        }
        var frame: [UInt8] = try envelope.serializedBytes()
        frame.removeLast(10)
        var known = frame + Self.dataKey
        #expect(Redactor().redact(&frame) == false)
        #expect(frame.suffix(22).allSatisfy { $0 == UInt8(ascii: "*") })
        #expect(frame.contains(run: [UInt8]("https://***@h wxyz")))
        Redactor(secrets: [Self.dataKey, [UInt8]("wxyz")]).redact(&known)
        #expect(!known.contains(run: Self.dataKey))
        #expect(!known.contains(run: [UInt8]("wxyz")))
    }

    @Test("Unknown fields and groups stay readable and lose their secrets")
    func unknownFields() throws {
        // Field 99 as a group that holds field 5 with the key, then field 98 with it.
        var frame: [UInt8] = [0x9B, 0x06, 0x2A, 32] + Self.dataKey + [0x9C, 0x06, 0x92, 0x06, 32] + Self.dataKey
        _ = try WireEnvelope(serializedBytes: frame)
        #expect(Redactor(secrets: [Self.dataKey]).redact(&frame))
        _ = try WireEnvelope(serializedBytes: frame)
        #expect(frame.filter { $0 == UInt8(ascii: "*") }.count == 65)
    }

    @Test("A server's frames tell what to look for")
    func harvest() throws {
        let command = WireEnvelope.with {
            $0.runBackup.encryptedDek = Data(Self.dataKey)
            $0.runBackup.uploadCreds.presignedPutURL = "https://me:pw%21@h/k?X-Amz-Signature=ab%2Fcd&x=1"
        }
        let found = Redactor.secrets(in: try command.serializedBytes())
        let texts = ["me:pw%21", "me:pw!", "pw%21", "pw!", "ab%2Fcd", "ab/cd"].map { [UInt8]($0) }
        #expect(found == texts + [Self.dataKey])

        let config = WireEnvelope.with {
            $0.registerAck.config.targets = [
                .with { $0.connection.passwordSecretRef = "literal" },
                .with { $0.connection.passwordSecretRef = "env:NAME" },
                .with { $0.connection.host = "mongodb://u:secret@h" },
            ]
        }
        #expect(
            Redactor.secrets(in: try config.serializedBytes())
                == ["literal", "u:secret", "secret"].map { [UInt8]($0) })
        let echo = WireEnvelope.with { $0.backupCompleted.encryptedDek = Data(Self.dataKey) }
        #expect(Redactor.secrets(in: try echo.serializedBytes()) == [])
    }
}
