import Engine
import Foundation
import Testing

@testable import SQLiteLog

@Suite("Rotation of the master key")
struct MasterKeyRotationTests {
    /// A data directory with a vault of many secrets.
    private struct Ground {
        let directory: TemporaryDirectory
        var keyFile: String { directory.file("master.key") }
        static let secrets = Dictionary(
            uniqueKeysWithValues: (0..<300).map { number in
                ("secret:\(number)", [UInt8](repeating: UInt8(number % 251), count: 16 + number * 7 % 900))
            })

        init() throws {
            directory = try TemporaryDirectory()
            let vault = try SQLiteVault(
                directory: directory.path, masterKey: MasterKey.loadOrCreate(file: directory.file("master.key")).key)
            for (name, secret) in Self.secrets { try vault.store(secret, as: name) }
        }

        func rotate(new: String? = nil, _ didReach: (MasterKeyRotation.Step) -> Void = { _ in }) throws
            -> MasterKeyRotation.Summary
        {
            try MasterKeyRotation.rotate(
                directory: directory.path, keyFile: keyFile, newKeyFile: new, didReach: didReach)
        }

        func copy(_ name: String) throws -> String {
            let copy = directory.path + "-" + name
            try FileManager.default.copyItem(atPath: directory.path, toPath: copy)
            return copy
        }
    }

    private func key(_ path: String) throws -> MasterKey { try #require(try MasterKey.load(file: path)).key }

    private func contents(_ directory: String, _ key: MasterKey) throws -> [String: [UInt8]] {
        let vault = try SQLiteVault(directory: directory, masterKey: key)
        var contents: [String: [UInt8]] = [:]
        for name in try vault.names(withPrefix: "") { contents[name] = try vault.reveal(name) }
        return contents
    }

    @Test("All secrets open under the new key, none under the old, whose sealed bytes are gone from the file")
    func rotates() throws {
        let ground = try Ground()
        let old = try key(ground.keyFile)
        let former = try ground.copy("former")
        defer { try? FileManager.default.removeItem(atPath: former) }
        let connection = try Connection(path: ground.directory.file("vault.sqlite"), mode: .readOnly)
        func sealed() throws -> [[UInt8]] {
            let rows = try connection.prepare("read", "SELECT sealed FROM secrets")
            var sealed: [[UInt8]] = []
            while try rows.step() { sealed.append(rows.bytes(0)) }
            return sealed
        }
        let before = try sealed()

        let summary = try ground.rotate()
        let new = try key(ground.keyFile)
        #expect(summary.secretCount == Ground.secrets.count)
        #expect(summary.keyID == new.id && new.id != old.id)
        #expect(summary.formerKeyFile == ground.keyFile + ".previous")
        #expect(try contents(ground.directory.path, new) == Ground.secrets)
        #expect(throws: VaultError.wrongKey(path: ground.directory.file("vault.sqlite"), name: "check")) {
            _ = try SQLiteVault(directory: ground.directory.path, masterKey: old)
        }
        let files = try ground.directory.contents()
        #expect(files.keys.sorted() == ["lock", "master.key", "master.key.previous", "vault.sqlite"])
        let bytes = Data(try #require(files["vault.sqlite"]))
        #expect(
            try sealed().allSatisfy { bytes.range(of: Data($0.prefix(12))) != nil }, "the search finds what is there")
        for old in before { #expect(bytes.range(of: Data(old.prefix(12))) == nil) }
        for name in ["master.key", "master.key.previous"] {
            let mode = try FileManager.default.attributesOfItem(atPath: ground.directory.file(name))[.posixPermissions]
            #expect(mode as? Int == 0o600, "\(name)")
        }
        // An older copy of the vault needs the old key.
        #expect(throws: VaultError.self) { _ = try SQLiteVault(directory: former, masterKey: new) }
        #expect(try contents(former, key(ground.keyFile + ".previous")) == Ground.secrets)
    }

    @Test("Cut short behind any step, the next start opens everything, and the next rotation goes through")
    func everyStep() throws {
        let ground = try Ground()
        var copies: [(MasterKeyRotation.Step, String)] = []
        defer { for (_, copy) in copies { try? FileManager.default.removeItem(atPath: copy) } }
        var problem: (any Error)?
        // What lies on the disk at that moment is what a killed process leaves.
        _ = try ground.rotate { step in
            do { copies.append((step, try ground.copy("\(step)"))) } catch { problem = error }
        }
        if let problem { throw problem }
        #expect(copies.map(\.0) == MasterKeyRotation.Step.allCases)
        for (step, copy) in copies {
            let again = copy + "-again"
            try FileManager.default.copyItem(atPath: copy, toPath: again)
            defer { try? FileManager.default.removeItem(atPath: again) }
            // A start.
            let remainder = try MasterKeyRotation.complete(directory: copy, keyFile: copy + "/master.key")
            switch step {
            case .keyWritten: #expect(remainder == .unusedKey(file: copy + "/master.key.next"))
            case .sealed, .formerKept: #expect(remainder == .finished)
            case .inPlace: #expect(remainder == .none)
            }
            #expect(try contents(copy, key(copy + "/master.key")) == Ground.secrets, "\(step)")
            // Another rotation, with and without a start between.
            for directory in [copy, again] {
                _ = try MasterKeyRotation.rotate(directory: directory, keyFile: directory + "/master.key")
                #expect(try contents(directory, key(directory + "/master.key")) == Ground.secrets, "\(step)")
                #expect(!FileManager.default.fileExists(atPath: directory + "/master.key.next"))
                let former = try key(directory + "/master.key.previous")
                #expect(former.id != (try key(directory + "/master.key").id))
            }
        }
    }

    @Test("A key that was brought is used where it lies, once or again; no key file is moved")
    func broughtKey() throws {
        let ground = try Ground()
        let old = try key(ground.keyFile)
        let brought = ground.directory.file("brought")
        try Data((String(repeating: "5c", count: 32) + "\n").utf8).write(to: URL(fileURLWithPath: brought))
        #expect(try ground.rotate(new: brought).secretCount == Ground.secrets.count)
        #expect(try contents(ground.directory.path, key(brought)) == Ground.secrets)
        #expect(try key(ground.keyFile).id == old.id)
        #expect(try ground.rotate(new: brought).secretCount == nil)
        #expect(try ground.directory.contents().keys.sorted() == ["brought", "lock", "master.key", "vault.sqlite"])
    }

    /// The owner of each file in a directory.
    private func owners(_ directory: TemporaryDirectory) throws -> [String: [Int]] {
        var owners: [String: [Int]] = [:]
        for name in try FileManager.default.contentsOfDirectory(atPath: directory.path) {
            let attributes = try FileManager.default.attributesOfItem(atPath: directory.file(name))
            owners[name] = [.ownerAccountID, .groupOwnerAccountID].compactMap { attributes[$0] as? Int }
        }
        return owners
    }

    @Test(
        "Root rotates for whom the files belong to, who can start the server afterwards",
        .enabled(if: geteuid() == 0, "only root gives files away"))
    func root() throws {
        let ground = try Ground()
        let directory = ground.directory
        for name in try FileManager.default.contentsOfDirectory(atPath: directory.path) {
            #expect(chown(directory.file(name), 65_534, 65_533) == 0)
        }
        #expect(chown(directory.path, 65_534, 65_533) == 0)
        _ = try ground.rotate()
        let found = try owners(directory)
        #expect(found.keys.sorted() == ["lock", "master.key", "master.key.previous", "vault.sqlite"])
        #expect(found.values.allSatisfy { $0 == [65_534, 65_533] }, "\(found)")
        // A key that an earlier rotation of root's has left is given away, too.
        try MasterKey.create(ground.keyFile + ".next")
        _ = try ground.rotate()
        #expect(try owners(directory).values.allSatisfy { $0 == [65_534, 65_533] })
        let mode = try FileManager.default.attributesOfItem(atPath: ground.keyFile)[.posixPermissions] as? Int
        #expect(mode == 0o600)
    }

    @Test("What cannot be done changes nothing")
    func refusals() throws {
        let ground = try Ground()
        let before = try ground.directory.contents()
        func unchanged() throws { #expect(try ground.directory.contents().filter { $0.key != "lock" } == before) }
        do {
            let log = try SQLiteEventLog(directory: ground.directory.path)
            #expect(throws: MasterKeyRotationError.lock(.locked(path: ground.directory.path))) { try ground.rotate() }
            withExtendedLifetime(log) {}
        }
        for name in ["log.sqlite", "log.sqlite-wal", "log.sqlite-shm"] { unlink(ground.directory.file(name)) }
        try unchanged()
        #expect(throws: MasterKeyRotationError.self) { try ground.rotate(new: ground.keyFile) }
        try unchanged()
        #expect(throws: MasterKeyRotationError.self) { try ground.rotate(new: ground.directory.file("none")) }
        try unchanged()
        let empty = try TemporaryDirectory()
        #expect(throws: MasterKeyRotationError.noVault(directory: empty.path)) {
            try MasterKeyRotation.rotate(directory: empty.path, keyFile: empty.file("master.key"))
        }
        #expect(try empty.contents().isEmpty)
        try Data((String(repeating: "00", count: 32) + "\n").utf8).write(to: URL(fileURLWithPath: ground.keyFile))
        #expect(
            throws: MasterKeyRotationError.vault(.wrongKey(path: ground.directory.file("vault.sqlite"), name: "check"))
        ) {
            try ground.rotate()
        }
        #expect(try ground.directory.contents()["vault.sqlite"] == before["vault.sqlite"])
    }
}
