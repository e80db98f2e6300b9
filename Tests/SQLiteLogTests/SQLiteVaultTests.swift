import Core
import Digests
import Engine
import Foundation
import Testing

@testable import SQLiteLog

@Suite("The vault in SQLite")
struct SQLiteVaultTests {
    private func key(_ byte: UInt8 = 7) throws -> MasterKey {
        try #require(MasterKey([UInt8](repeating: byte, count: MasterKey.byteCount)))
    }

    @Test("Secrets are kept, replaced, listed and deleted")
    func keeping() throws {
        let directory = try TemporaryDirectory()
        do {
            let vault = try SQLiteVault(directory: directory.path, masterKey: key())
            try vault.store([1, 2, 3], as: "secret:b")
            try vault.store([], as: "secret:a")
            try vault.store([9], as: "key:run_1-1")
            try vault.store([4, 5], as: "secret:b")
            try vault.delete("secret:none")
        }
        let vault = try SQLiteVault(directory: directory.path, masterKey: key())
        #expect(try vault.reveal("secret:b") == [4, 5])
        #expect(try vault.reveal("secret:a") == [])
        #expect(try vault.reveal("check") == nil)
        #expect(try vault.names(withPrefix: "secret:") == ["secret:a", "secret:b"])
        #expect(try vault.names(withPrefix: "") == ["key:run_1-1", "secret:a", "secret:b"])
        try vault.delete("secret:b")
        #expect(try vault.reveal("secret:b") == nil)
        #expect(throws: VaultError.self) { try vault.store([1], as: String(repeating: "x", count: 201)) }
        #expect(throws: VaultError.self) { try vault.store([1], as: "") }
    }

    @Test("Another master key is recognised at once")
    func wrongKey() throws {
        let directory = try TemporaryDirectory()
        do { try SQLiteVault(directory: directory.path, masterKey: key()).store([1], as: "secret:a") }
        #expect(throws: VaultError.wrongKey(path: directory.file("vault.sqlite"), name: "check")) {
            _ = try SQLiteVault(directory: directory.path, masterKey: key(8))
        }
    }

    @Test("A secret moved to another name does not open")
    func moved() throws {
        let directory = try TemporaryDirectory()
        let vault = try SQLiteVault(directory: directory.path, masterKey: key())
        try vault.store([1], as: "secret:a")
        let connection = try Connection(path: directory.file("vault.sqlite"), mode: .readWrite)
        try connection.execute("move", "UPDATE secrets SET name = 'secret:b' WHERE name = 'secret:a'")
        #expect(throws: VaultError.self) { _ = try vault.reveal("secret:b") }
    }

    @Test("Only the owner may read the file; it holds no secret in clear")
    func sealing() throws {
        let directory = try TemporaryDirectory()
        let vault = try SQLiteVault(directory: directory.path, masterKey: key())
        let secret = Array("correct horse battery staple".utf8)
        try vault.store(secret, as: "secret:a")
        let attributes = try FileManager.default.attributesOfItem(atPath: directory.file("vault.sqlite"))
        #expect(attributes[.posixPermissions] as? Int == 0o600)
        #expect(try directory.contents().values.allSatisfy { !contains($0, secret) })
    }

    @Test("Nothing of a deleted or replaced secret stays in any file, not even sealed")
    func noTrace() throws {
        let directory = try TemporaryDirectory()
        let vault = try SQLiteVault(directory: directory.path, masterKey: key())
        // Enough of all sizes to split pages and use overflow pages, deleted in another order than stored.
        let names = (0..<150).map { "secret:\($0 * 7919 % 150)" }
        for (number, name) in names.enumerated() {
            try vault.store([UInt8](repeating: 1, count: number % 50 == 0 ? 9_000 : 16 + number % 200), as: name)
        }
        let connection = try Connection(path: directory.file("vault.sqlite"), mode: .readOnly)
        func sealed(_ name: String) throws -> [UInt8] {
            let row = try connection.prepare("read", "SELECT sealed FROM secrets WHERE name = ?")
            row.bind(1, name)
            try #require(try row.step())
            return row.bytes(0)
        }
        var gone: [[UInt8]] = []
        for number in 0..<100 {
            let name = "secret:\(number * 31 % 150)"
            gone.append(try sealed(name))
            if number % 2 == 0 {
                try vault.delete(name)
            } else {
                try vault.store([UInt8](repeating: 2, count: number % 300), as: name)
            }
        }
        let files = try directory.contents()
        #expect(contains(try #require(files["vault.sqlite"]), try Array(sealed("secret:\(149 * 31 % 150)").prefix(12))))
        for (name, bytes) in files {
            for sealed in gone {
                #expect(!contains(bytes, Array(sealed.prefix(12))), "start of a sealed secret in \(name)")
                #expect(!contains(bytes, Array(sealed.suffix(12))), "end of a sealed secret in \(name)")
            }
        }
    }

    private func contains(_ bytes: [UInt8], _ part: [UInt8]) -> Bool { Data(bytes).range(of: Data(part)) != nil }
}

@Suite("The master key")
struct MasterKeyTests {
    @Test("It is made once, for its owner only, and read again")
    func creating() throws {
        let directory = try TemporaryDirectory()
        let path = directory.file("master.key")
        let first = try MasterKey.loadOrCreate(file: path)
        let second = try MasterKey.loadOrCreate(file: path)
        #expect(first.isNew && !second.isNew)
        #expect(first.key.derive(.wrapping) == second.key.derive(.wrapping))
        #expect(second.warning == nil)
        #expect(try directory.contents().keys.sorted() == ["master.key"])
        #expect(try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int == 0o600)
        #expect(!"\(first.key)".contains(Hex.encode(try #require(directory.contents()["master.key"]))))
    }

    @Test("Each purpose has a key of its own")
    func purposes() throws {
        let key = try #require(MasterKey([UInt8](repeating: 1, count: 32)))
        #expect(Set(MasterKey.Purpose.allCases.map { key.derive($0) }).count == 3)
    }

    @Test("A file that holds no key is refused, one that others may read is warned of")
    func refusals() throws {
        let directory = try TemporaryDirectory()
        let path = directory.file("master.key")
        let sound = String(repeating: "0a", count: 32)
        for text in ["", "00ff", sound + "00", String(repeating: "zz", count: 32)] {
            try Data(text.utf8).write(to: URL(fileURLWithPath: path))
            #expect(throws: VaultError.self, "\(text)") { _ = try MasterKey.loadOrCreate(file: path) }
        }
        try Data((sound + "\n").utf8).write(to: URL(fileURLWithPath: path))
        try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: path)
        #expect(try MasterKey.loadOrCreate(file: path).warning?.contains("644") == true)
        #expect(throws: VaultError.self) { _ = try MasterKey.loadOrCreate(file: directory.file("none/master.key")) }
    }
}
