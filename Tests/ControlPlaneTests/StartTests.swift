import Core
import Digests
import Engine
import Foundation
import Logging
import SQLiteLog
import ServiceLifecycle
import Synchronization
import Testing
import Wire

@testable import ControlPlane

func removeDirectory(_ path: String) throws { try FileManager.default.removeItem(atPath: path) }

@Suite("Starting a control plane")
struct StartTests {
    private func configuration(
        _ listen: String, publicURL: String? = nil, allowInsecure: Bool = false
    ) throws -> ControlPlane.Configuration {
        var configuration = ControlPlane.Configuration(
            dataDirectory: "/nonexistent/\u{0}", listen: try ListenAddress(listen))
        configuration.publicURL = publicURL
        configuration.allowInsecure = allowInsecure
        return configuration
    }

    @Test("Addresses are read as HOST:PORT", arguments: ["127.0.0.1:8080", "[::1]:0", "backup.example:443"])
    func readsAddresses(_ text: String) throws {
        #expect(try ListenAddress(text).description == text)
    }

    @Test(
        "What is no address is refused", arguments: ["", ":1", "a", "a:", "a:x", "a:70000", "::1:80", "a:-1", "a:+1"])
    func refusesAddresses(_ text: String) {
        #expect { try ListenAddress(text) } throws: { ($0 as? StartError)?.isUsage == true }
    }

    @Test("Loopback needs nothing; others need TLS or consent, and a wildcard a public URL")
    func checks() throws {
        for listen in ["127.0.0.1:1", "127.8.8.8:1", "localhost:1", "[::1]:1"] { try configuration(listen).check() }
        for listen in ["0.0.0.0:1", "192.0.2.1:1", "127.evil.example:1", "backup.example:1"] {
            #expect { try configuration(listen, publicURL: "https://b.example").check() } throws: {
                if case StartError.insecure = $0 { true } else { false }
            }
        }
        try configuration("192.0.2.1:1", allowInsecure: true).check()
        #expect { try configuration("0.0.0.0:1", allowInsecure: true).check() } throws: {
            if case StartError.wildcardWithoutPublicURL = $0 { true } else { false }
        }
        try configuration("0.0.0.0:1", publicURL: "https://b.example/prefix", allowInsecure: true).check()
        for url in ["ftp://b.example", "b.example", "https://", "https:///x", "https://u@b.example", "http://b/?x"] {
            #expect { try configuration("127.0.0.1:1", publicURL: url).check() } throws: {
                if case StartError.badPublicURL = $0 { true } else { false }
            }
        }
    }

    @Test("An empty directory gets all it needs, secrets with mode 0600; it is ready, and ends with its service group")
    func starts() async throws {
        let path = Plant.temporaryPath() + "/nested"
        defer { try? removeDirectory(path) }
        let plant = ControlPlane(configuration: Plant.configuration(path), logger: Plant.quiet)
        let address = try await plant.start()
        #expect(address.url == "http://127.0.0.1:\(address.port)")
        #expect(
            plant.createdFiles.map { $0.dropFirst(path.count + 1) } == ["master.key", "recovery.key", "admin.token"])
        for name in ["master.key", "recovery.key", "admin.token", "vault.sqlite"] {
            let mode = try FileManager.default.attributesOfItem(atPath: path + "/" + name)[.posixPermissions] as? Int
            #expect(mode == 0o600, "\(name)")
        }
        let token = try String(contentsOfFile: path + "/admin.token", encoding: .utf8)
        #expect(token.hasPrefix("bkpy_") && token.hasSuffix("\n") && token.utf8.count == 38)
        #expect(
            SHA256.digest(of: Array(token.utf8.dropLast())) == plant.running?.directory.adminTokenDigest)
        await #expect { try await plant.start() } throws: {
            if case StartError.startedTwice = $0 { true } else { false }
        }
        await plant.stop()
        await plant.stop()
    }

    @Test("Each start, also one that fails, asks by a warning to store the recovery key elsewhere while it lies there")
    func recoveryKey() async throws {
        let path = Plant.temporaryPath()
        let other = Plant.temporaryPath()
        defer {
            try? removeDirectory(path)
            try? removeDirectory(other)
        }
        let heard = Mutex<[String]>([])
        let logger = hearing { _, text in heard.withLock { $0.append(text) } }
        func count(_ text: String) -> Int { heard.withLock { $0 }.count { $0.contains(text) } }
        let asking = "store \(path)/recovery.key elsewhere"

        let neighbour = ControlPlane(configuration: Plant.configuration(other), logger: Plant.quiet)
        let port = try await neighbour.start().port
        var taken = Plant.configuration(path)
        taken.listen = ListenAddress(host: "127.0.0.1", port: port)
        await #expect(throws: StartError.self) {
            try await ControlPlane(configuration: taken, logger: logger).start()
        }
        await neighbour.stop()
        #expect(count("made \(path)/recovery.key") == 1 && count(asking) == 1)

        for isThere in [true, false] {
            if !isThere { try FileManager.default.removeItem(atPath: path + "/recovery.key") }
            let plant = ControlPlane(configuration: Plant.configuration(path), logger: logger)
            try await plant.start()
            await plant.stop()
            #expect(count("made \(path)/recovery.key") == 1 && count(asking) == 2)
        }
    }

    @Test("As a service it ends on graceful shutdown")
    func endsGracefully() async throws {
        let path = Plant.temporaryPath()
        defer { try? removeDirectory(path) }
        let plant = ControlPlane(configuration: Plant.configuration(path), logger: Plant.quiet)
        let group = ServiceGroup(configuration: .init(services: [plant], logger: Plant.quiet))
        let running = Task { try await group.run() }
        await group.triggerGracefulShutdown()
        try await running.value
        #expect(plant.running == nil)
        // Whatever had begun is closed again: the directory can be taken.
        let again = ControlPlane(configuration: Plant.configuration(path), logger: Plant.quiet)
        try await again.start()
        await again.stop()
    }

    @Test("A directory that cannot be made or written is told by its path")
    func refusesDirectory() async throws {
        let file = Plant.temporaryPath()
        try Data().write(to: URL(fileURLWithPath: file))
        defer { try? removeDirectory(file) }
        let plant = ControlPlane(configuration: Plant.configuration(file + "/data"), logger: Plant.quiet)
        await #expect { try await plant.start() } throws: { error in
            if case StartError.directory(file + "/data", _) = error { true } else { false }
        }
    }

    @Test("An imported capture is for reading only")
    func refusesCapture() async throws {
        let path = Plant.temporaryPath()
        defer { try? removeDirectory(path) }
        try DataDirectory.make(path)
        do {
            var kernel = try Kernel<Fleet, SQLiteEventLog, FleetCodec>(
                log: try SQLiteEventLog(directory: path), codec: FleetCodec())
            let now = Timestamp(milliseconds: 1)
            _ = try kernel.turn(.started(EngineStart(build: "", rules: 1, seed: 1)), at: now)
            _ = try kernel.turn(.captureOpened(AgentID("agt_00000000001")), at: now)
            _ = try kernel.commit()
        }
        let plant = ControlPlane(configuration: Plant.configuration(path), logger: Plant.quiet)
        await #expect { try await plant.start() } throws: { error in
            if case StartError.holdsCapture(path) = error { true } else { false }
        }
    }

    @Test("A log with an entry that this build cannot read is refused, and left alone")
    func refusesUnreadableEntry() async throws {
        let path = Plant.temporaryPath()
        defer { try? removeDirectory(path) }
        try DataDirectory.make(path)
        do {
            let log = try SQLiteEventLog(directory: path)
            var batch = Batch(after: log.head.link)
            batch.append(
                EncodedEntry(
                    position: Position(1), recordedAt: Timestamp(milliseconds: 1), stream: .engine,
                    revision: Revision(1), cause: nil, kind: "of.the.future", body: [0xFF]))
            try log.commit(batch)
        }
        let plant = ControlPlane(configuration: Plant.configuration(path), logger: Plant.quiet)
        await #expect { try await plant.start() } throws: { error in
            if case StartError.entry = error { "\(error)".contains("of.the.future") } else { false }
        }
        #expect(try SQLiteEventLog(directory: path).head.position == Position(1))
    }

    @Test("A log that is damaged before its verified tail is refused with the position")
    func refusesDamage() async throws {
        let path = Plant.temporaryPath()
        defer { try? removeDirectory(path) }
        try DataDirectory.make(path)
        do {
            var kernel = try Kernel<Fleet, SQLiteEventLog, FleetCodec>(
                log: try SQLiteEventLog(directory: path), codec: FleetCodec())
            // The tail begins behind 16 384 entries once another commit follows them.
            for entryCount in [16_384, 1] {
                for number in 0..<entryCount {
                    let text: Text = number == 99 ? "to be damaged" : ""
                    _ = try kernel.turn(.faulted(text), at: Timestamp(milliseconds: 1))
                }
                _ = try kernel.commit()
            }
        }
        let file = URL(fileURLWithPath: path + "/" + SQLiteEventLog.fileName)
        var bytes = try Data(contentsOf: file)
        let marker = Data("to be damaged".utf8)
        // Also where SQLite has moved it from.
        try #require(bytes.range(of: marker) != nil)
        while let place = bytes.range(of: marker) { bytes[place.lowerBound] ^= 1 }
        try bytes.write(to: file)
        let plant = ControlPlane(configuration: Plant.configuration(path), logger: Plant.quiet)
        await #expect { try await plant.start() } throws: { error in
            if case StartError.log(.damaged(_, Position(100), _)) = error { true } else { false }
        }
    }

    @Test("Probes answer without a token")
    func answersProbes() async throws {
        try await Plant.run { plant in
            for (path, status) in [("/healthz", UInt(200)), ("/readyz", 200), ("/v1/agents", 401)] {
                let answer = try await plant.get(path)
                #expect(answer == status, "\(path)")
            }
        }
    }
}
