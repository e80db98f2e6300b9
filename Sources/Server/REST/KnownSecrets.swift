import Core
import Wire

/// Looks for secrets that are known in what requests bring.
enum KnownSecrets {
    /// How long a password must be to be looked for in texts of requests. Shorter ones are found in ordinary words.
    static let soughtByteCount = 12

    /// Whether a text holds one of the secrets, in any form in which they are redacted.
    static func holds(_ text: [UInt8], any secrets: [[UInt8]]) -> Bool {
        let sought = secrets.filter { $0.count >= soughtByteCount }
        return !sought.isEmpty && Redactor(secrets: sought).redacted(text) != Redactor().redacted(text)
    }

    static func holds(_ text: Text, any secrets: [Text]) -> Bool {
        holds(Array(text.string.utf8), any: secrets.map { Array($0.string.utf8) })
    }

    static func holds(_ text: Text, any secrets: [[UInt8]]) -> Bool { holds(Array(text.string.utf8), any: secrets) }
}
