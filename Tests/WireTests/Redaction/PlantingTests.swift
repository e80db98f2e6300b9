import Core
import Foundation
import SwiftProtobuf
import Testing

@testable import Wire

@Suite("Planted secrets")
struct PlantingTests {
    @Test("Every field that can hold text or bytes has its class, in both schemas")
    func classified() throws {
        let wire = Set(try PlantableField.all().map(\.name))
        #expect(
            wire.subtracting(FieldClass.ofWire.keys).sorted() == [], "fields of backup.v1 that nobody has classified")
        #expect(Set(FieldClass.ofWire.keys).subtracting(wire).sorted() == [], "classified, and not there")
        let engine = try PlantableField.names(in: "enginev1")
        #expect(engine.subtracting(FieldClass.ofEngine).sorted() == [], "fields of backup.engine.v1, unclassified")
        #expect(FieldClass.ofEngine.subtracting(engine).sorted() == [], "classified, and not there")
        #expect(wire.count > 60 && engine.count > 100)
    }

    /// Passwords of every length, some with odd characters, data keys, signatures.
    private static func secret(_ number: Int, isShort: Bool, _ choices: inout Choices) -> [UInt8] {
        let plain = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789".utf8)
        let odd = Array(##" !"#$%&'()*+,-./:;<=>?@[\]^_`{|}~"##.utf8)
        func text(_ count: Int, _ alphabet: [UInt8]) -> [UInt8] {
            (0..<count).map { _ in alphabet.randomElement(using: &choices) ?? 0x61 }
        }
        if isShort { return text(4 + number % 4, plain) }
        switch number % 5 {
        case 0: return text(8 + number % 40, plain)
        case 1: return text(8 + number % 24, plain + odd + odd)
        case 2: return Array("pä€ß😀".utf8) + text(4 + number % 20, plain + odd)
        case 3: return choices.bytes(32)
        default: return Array(choices.bytes(32).map { String(format: "%02x", $0) }.joined().utf8)
        }
    }

    private static let secretsPerField = 40

    @Test("None of thousands of distinct secrets is left in any field of either direction, in any form, at any place")
    func planted() async throws {
        var choices = Choices(seed: 20_26)
        var distinct: Set<[UInt8]> = []
        let fields = try PlantableField.all()
        var findings: [String] = []
        for field in fields {
            let fieldClass = try #require(FieldClass.ofWire[field.name])
            let secrets = (0..<Self.secretsPerField).map { number in
                Self.secret(number, isShort: fieldClass == .free && number % 4 == 3, &choices)
            }
            distinct.formUnion(secrets)
            let redactor = Redactor(secrets: secrets)
            for (number, secret) in secrets.enumerated() {
                await Task.yield()  // others want the thread too
                let forms = PlantedForms.all(of: secret, asText: field.isText)
                let alone = forms[number % forms.count]
                let contents = [
                    Array(forms.joined(separator: Array(" | ".utf8))), alone, alone + alone,
                    Array("before ".utf8) + alone, alone + Array(" after".utf8),
                    alone + Array("~".utf8) + secrets[(number + 1) % secrets.count].filter { $0 < 0x80 },
                ]
                for content in contents {
                    var frame = field.frame(content)
                    let count = frame.count
                    let isSound = redactor.redact(&frame)
                    if !isSound || frame.count != count { findings.append("\(field.name): the frame was broken") }
                    if field.isText, String(validating: content, as: UTF8.self) != nil,
                        (try? WireEnvelope(serializedBytes: frame)) == nil
                    {
                        findings.append("\(field.name): does not decode any more")
                    }
                    for form in forms where frame.contains(run: form) {
                        let shown = String(decoding: form.prefix(60), as: UTF8.self)
                        findings.append("\(field.name), \(secret.count) bytes, as \(shown)")
                    }
                }
            }
        }
        #expect(findings.count == 0, "\(findings.count) finds, such as \(findings.prefix(12).joined(separator: "\n"))")
        #expect(distinct.count > 2_500, "\(distinct.count) distinct secrets in \(fields.count) fields")
    }

    @Test("Agent keys and tokens go by their looks in any field, raw, in hex, in base64, as lists")
    func keysByLooks() throws {
        var choices = Choices(seed: 7)
        let alphabet: [Character] = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")
        var findings: [String] = []
        for field in try PlantableField.all() {
            for prefix in ["bkpy_live_", "bkpy_test_", "bkpy_", "bkpy_api_"] {
                let key = prefix + String((0..<32).map { _ in alphabet.randomElement(using: &choices) ?? "a" })
                for (number, form) in PlantedForms.all(of: Array(key.utf8), asText: true).enumerated() {
                    // Escaped characters of an alphabet that needs none are not sought by looks.
                    let isEscaped = form.contains(UInt8(ascii: "%")) || form.contains(UInt8(ascii: "\\"))
                    guard !isEscaped else { continue }
                    var frame = field.frame(Array("key ".utf8) + form + Array(" end".utf8))
                    Redactor().redact(&frame)
                    // What is left of it may be its prefix.
                    if frame.contains(run: form.suffix(form.count / 3).map { $0 }) {
                        findings.append("\(field.name), form \(number) of \(prefix)")
                    }
                }
            }
        }
        #expect(findings.count == 0, "\(findings.count) finds, such as \(findings.prefix(8).joined(separator: "\n"))")
    }

    @Test("Secrets of the server's frames, by field and URL, are found in what is said before and after")
    func harvested() throws {
        let url = "https://u:p%40ss-word-1@s3.example/k?X-Amz-Credential=AKIA%2F1&X-Amz-Signature=0123456789abcdef"
        for field in try PlantableField.all() where FieldClass.ofWire[field.name] == .url {
            let found = Redactor.secrets(in: field.frame(Array(url.utf8)))
            #expect(found.contains(Array("p@ss-word-1".utf8)), "\(field.name)")
            #expect(found.contains(Array("0123456789abcdef".utf8)), "\(field.name)")
        }
        let password = try #require(
            try PlantableField.all().first { $0.name == "ConnectionConfig.password_secret_ref" })
        #expect(Redactor.secrets(in: password.frame(Array("wxyz".utf8))) == [Array("wxyz".utf8)])
    }
}
