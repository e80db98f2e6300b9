import Core
import Digests
import Engine
import Foundation
import Objects
import SQLiteLog
import Testing
import Workers

@testable import ControlPlane

@Suite("The master key of a control plane")
struct MasterKeyTests {
    private func files(_ path: String) throws -> [String: Data] {
        var files: [String: Data] = [:]
        for name in ["master.key", "vault.sqlite", "recovery.key", "admin.token"] {
            files[name] = FileManager.default.contents(atPath: path + "/" + name)
        }
        return files
    }

    @Test("With another master key, or none, it does not start, says so, and changes nothing")
    func wrongKey() async throws {
        let path = Plant.temporaryPath()
        defer { try? removeDirectory(path) }
        let first = ControlPlane(configuration: Plant.configuration(path), logger: Plant.quiet)
        try await first.start()
        await first.stop()
        let key = path + "/master.key"
        let good = try #require(FileManager.default.contents(atPath: key))
        try Data((String(repeating: "11", count: 32) + "\n").utf8).write(to: URL(fileURLWithPath: key))
        var before = try files(path)
        await #expect {
            try await ControlPlane(configuration: Plant.configuration(path), logger: Plant.quiet).start()
        } throws: { error in
            guard let error = error as? StartError, error.isVerificationFailure else { return false }
            return error.description.contains("master key")
        }
        #expect(try files(path) == before)
        try FileManager.default.removeItem(atPath: key)
        before = try files(path)
        await #expect {
            try await ControlPlane(configuration: Plant.configuration(path), logger: Plant.quiet).start()
        } throws: { error in
            guard let error = error as? StartError, error.isUsage else { return false }
            return error.description.contains("--master-key-file")
        }
        #expect(try files(path) == before)
        try good.write(to: URL(fileURLWithPath: key))
        let again = ControlPlane(configuration: Plant.configuration(path), logger: Plant.quiet)
        try await again.start()
        await again.stop()
    }

    @Test("After a rotation it serves as before; addresses signed before are refused, tokens and agents come in")
    func rotated() async throws {
        try await Plant.run { plant in
            let old = try plant.running.directory.masterKey
            let name = try #require(ObjectName("agt_PlantAgent1/job_PlantJob001/run_00000000001-1"))
            let signer = ObjectURLSigner(key: old.derive(.signing), base: "")
            let address = signer.downloadURL(for: name, expiresAtMilliseconds: 9_999_999_999_999)
            #expect(try await plant.get(address) == 404)
            await plant.stop()
            let summary = try MasterKeyRotation.rotate(
                directory: plant.directory, keyFile: plant.directory + "/master.key")
            #expect(summary.secretCount ?? 0 >= 3)
            try await plant.start()
            #expect(try plant.running.directory.masterKey.id == summary.keyID)
            #expect(try await plant.get(address) == 403)
            #expect(try plant.running.directory.vault.reveal("secret:plant") == Array(plant.password.utf8))
            let agent = try await plant.dial()
            await agent.vanish()
        }
    }

    @Test("A start finishes a rotation that was cut short")
    func finishes() async throws {
        try await Plant.run { plant in
            await plant.stop()
            let (key, next) = (plant.directory + "/master.key", plant.directory + "/master.key.next")
            _ = try MasterKeyRotation.rotate(directory: plant.directory, keyFile: key)
            // As it is between the sealing and the renaming.
            try FileManager.default.moveItem(atPath: key, toPath: next)
            try FileManager.default.moveItem(atPath: key + ".previous", toPath: key)
            try await plant.start()
            #expect(try plant.running.directory.vault.reveal("secret:plant") == Array(plant.password.utf8))
            #expect(!FileManager.default.fileExists(atPath: next))
        }
    }

    @Test("A start deletes former passwords whose 7 days are over, and keeps the others")
    func sweeps() async throws {
        try await Plant.run { plant in
            let now = SystemClock().wallTime().milliseconds
            func name(_ age: Int64) -> String {
                let digits = String(now - age)
                return "former:\(plant.agent):" + String(repeating: "0", count: 15 - digits.count) + digits + ":00ff"
            }
            let (young, old) = (name(6 * 86_400_000), name(8 * 86_400_000))
            let vault = try plant.running.directory.vault
            for name in [young, old] { try vault.store(Array("a former password".utf8), as: name) }
            await plant.stop()
            try await plant.start()
            #expect(try plant.running.directory.vault.names(withPrefix: "former:") == [young])
        }
    }
}
