import Foundation
import Testing

@testable import Wire

@Suite("The redactor's picture of the messages")
struct FrameSchemaTests {
    struct Field: Hashable {
        var number: UInt32
        var name: String
        var type: String
    }

    @Test("agrees with the schemas, message by message")
    func agreement() throws {
        let messages = try Self.messages()
        try #require(
            messages["Envelope"]?.contains(Field(number: 1000, name: "report_acknowledged", type: "ReportAcknowledged"))
                == true)
        var open: [(String, FrameMessage)] = [("Envelope", .envelope)]
        var seen: Set<String> = []
        while let (name, message) = open.popLast() {
            guard seen.insert(name).inserted else { continue }
            for field in messages[name] ?? [] {
                let content = message.content(ofField: field.number)
                let place: Comment = "\(name).\(field.name) is \(content)"
                switch (content, messages[field.type] != nil || field.type.hasPrefix("map<")) {
                case (.message(let inner), true): open.append((field.type, inner))
                case (.message, false), (_, true): Issue.record(place)
                case (.freeText, false): #expect(field.type == "string", place)
                default: break
                }
                switch field.name {
                case "error_message", "current_step", "error", "reason", "message":
                    #expect("\(content)" == "freeText", place)
                case "encrypted_dek": #expect("\(content)".lowercased().contains("datakey"), place)
                case "password_secret_ref": #expect("\(content)" == "passwordReference", place)
                default: break
                }
            }
        }
        #expect(seen.count == 32, "messages that an envelope can hold, the two kinds of map entries counted as one")
    }

    /// Fields by message, read from the schema files' text: `[repeated] type name = number;`.
    static func messages() throws -> [String: [Field]] {
        let folder = packageRoot.appending(path: "Schemas/backupv1")
        var messages: [String: [Field]] = [:]
        for name in try FileManager.default.contentsOfDirectory(atPath: folder.path) where name.hasSuffix(".proto") {
            var current: String?
            for line in try String(contentsOf: folder.appending(path: name), encoding: .utf8).split(separator: "\n") {
                if let match = line.firstMatch(of: /^(message|enum) (\w+) \{/) {
                    current = match.output.1 == "message" ? String(match.output.2) : nil
                    if let current { messages[current] = [] }
                } else if let current, !line.contains("//"),
                    let match = line.firstMatch(of: /^\s+(?:repeated )?([\w]+|map<[\w, ]+>) (\w+) = (\d+);/),
                    let number = UInt32(match.output.3)
                {
                    messages[current]?.append(
                        Field(number: number, name: String(match.output.2), type: String(match.output.1)))
                }
            }
        }
        return messages
    }
}
