import Core
import Digests
import Engine
import Foundation
import SQLiteLog
import Wire

extension Plant {
    static let codec = FleetCodec()

    static func reader(_ directory: String) throws -> SQLiteLogReader { try SQLiteLogReader(directory: directory) }

    /// The files of the data directory whose bytes hold a secret in one of its forms. The files that are made to hold
    /// a secret are not searched.
    func files(holding secrets: [String: [UInt8]]) throws -> [String] {
        var found: [String] = []
        let names = FileManager.default.enumerator(atPath: directory)?.compactMap { $0 as? String } ?? []
        for name in names.sorted() where !["master.key", "recovery.key", "admin.token"].contains(name) {
            guard let data = FileManager.default.contents(atPath: directory + "/" + name) else { continue }
            for (secret, bytes) in secrets.sorted(by: { $0.key < $1.key }) {
                for (form, pattern) in Self.forms(of: bytes) where data.range(of: Data(pattern)) != nil {
                    found.append("\(name): \(secret) as \(form)")
                }
            }
        }
        return found
    }

    /// Base64 is looked for at every alignment, without the characters at either end that neighbours change.
    private static func forms(of bytes: [UInt8]) -> [(String, [UInt8])] {
        let hex = Hex.encode(bytes)
        var forms: [(String, [UInt8])] = [
            ("itself", bytes), ("hex", Array(hex.utf8)), ("upper-case hex", Array(hex.uppercased().utf8)),
        ]
        for shift in 0..<3 {
            let text = Array(Base64.encode([UInt8](repeating: 0, count: shift) + bytes).utf8)
            let inner = text.dropFirst(shift == 0 ? 0 : 4).dropLast(4)
            if inner.count >= 8 { forms.append(("base64", Array(inner))) }
        }
        return forms
    }

    /// The mode of a file in the data directory.
    func mode(of name: String) throws -> Int? {
        try FileManager.default.attributesOfItem(atPath: directory + "/" + name)[.posixPermissions] as? Int
    }
}
