import Core
import Digests
import Engine
import Foundation
import Objects
import SQLiteLog
import Testing

@testable import ControlPlane

/// Goal: runs end as their objects say, once, whatever agents repeat, lose or say late. Method: a real server, real
/// uploads, an agent that does what the test says, and a clock that is moved.
@Suite("Runs", .serialized)
struct RunTests {
    private let run = RunID("run_00000000001")
    private let object = Array("an encrypted blob, as far as the server can tell".utf8)
    private var digest: Digest { SHA256.digest(of: object) }

    private func closings(_ plant: Plant) async throws -> Int {
        try await plant.entries().count { $0.kind == "run.closed" }
    }

    @Test("A run succeeds, its sidecar opens with the recovery key, and no secret is in any file")
    func succeeds() async throws {
        try await Plant.run { plant in
            let agent = try await plant.dial()
            _ = try await agent.handshake()
            try await plant.request(.runJob(run, plant.job))
            let order = try await agent.order()
            #expect(order.job == plant.job.description)
            #expect(order.run == "run_00000000001-1")
            #expect(order.isManual)
            #expect(order.key.count == 32)
            #expect(order.object == "\(plant.agent)/\(plant.job)/run_00000000001-1.enc")
            #expect(order.url.hasPrefix("http://127.0.0.1:\(plant.port)/objects/\(order.object)?"))
            #expect(try await plant.put(object, to: order.url) == 200)

            // The agent is as careless as it can be: it echoes key, password and address in free text.
            let hex = Hex.encode(order.key)
            try await agent.send(
                ProtoWriter.envelope(seq: 3, ts: 2_000, 16) {
                    $0.number(1, 2_000)
                    $0.text(4, "key \(hex) \(Base64.encode(order.key)), \(plant.password), PUT \(order.url), \(plant.key)")
                })
            try await agent.send(ProtoWriter.envelope(seq: 4, ts: 2_000, 16) { $0.bytes(4, [0xFF] + order.key) })
            try await agent.completed(
                seq: 5, ts: 2_000, order, byteCount: object.count, sha256: digest.hex, echo: order.key, note: hex)
            let verdict = try await plant.verdict(of: run)
            #expect(
                verdict
                    == .success(
                        .first, Evidence(byteCount: UInt64(object.count), digest: digest.bytes, source: .store)))

            // Observed objects take no upload any more.
            #expect(try await plant.put(object, to: order.url) == 409)
            let path = plant.directory + "/objects/" + order.object
            #expect(FileManager.default.contents(atPath: path).map { Array($0) } == object)
            let sidecar = try Sidecar(reading: Array(try #require(FileManager.default.contents(atPath: path + ".key"))))
            let content = try sidecar.open(with: try RecoveryKey(file: plant.directory + "/recovery.key"))
            #expect(content.dataKey == order.key)
            #expect(content.sha256 == digest)

            // Nothing but RegisterAck and RunBackup was sent: no confirmation that was not negotiated.
            try await agent.send(opcode: 9, [7])
            #expect(try await agent.next() == .pong([7]))

            let signature = try #require(order.url.components(separatedBy: "signature=").last)
            let secrets = [
                "data key": order.key, "agent key": Array(plant.key.utf8), "password": Array(plant.password.utf8),
                "signature": Array(signature.utf8), "signature's bytes": try #require(Hex.decode(signature)),
                "admin token": Array(
                    try String(contentsOfFile: plant.directory + "/admin.token", encoding: .utf8).utf8.dropLast()),
            ]
            #expect(try plant.files(holding: secrets) == [])
            await plant.stop()
            #expect(try plant.files(holding: secrets) == [])
        }
    }

    @Test("A completion that comes after a reconnect with a low number, and comes again, makes one success")
    func survivesReconnect() async throws {
        try await Plant.run { plant in
            let first = try await plant.dial()
            _ = try await first.handshake(seq: 7, ts: 5_000)
            try await plant.request(.runJob(run, plant.job))
            let order = try await first.order()
            #expect(try await plant.put(object, to: order.url) == 200)
            await first.vanish()
            let id = plant.agent
            try await plant.until { $0.agents[id]?.session == nil }

            let second = try await plant.dial()
            _ = try await second.handshake(seq: 21, ts: 9_000)
            for seq in [UInt64(4), 4, 5] {
                try await second.completed(
                    seq: seq, ts: 6_000, order, byteCount: object.count, sha256: digest.hex, echo: order.key)
            }
            guard case .success = try await plant.verdict(of: run) else {
                Issue.record("the run succeeds")
                return
            }
            try await second.heartbeat(seq: 22, ts: 9_100, version: 3)
            try await plant.until { $0.agents[id]?.appliedConfigVersion == 3 }
            #expect(try await closings(plant) == 1)
            let counts = try plant.running.follower.read { ($0.runs[run]?.completionCount, $0.agents[id]?.duplicateCount) }
            #expect(counts.0 == 2)
            #expect(counts.1 == 1)
        }
    }

    @Test("A completion whose object is missing or different fails as storage")
    func failsWithoutObject() async throws {
        try await Plant.run { plant in
            let agent = try await plant.dial()
            _ = try await agent.handshake()
            try await plant.request(.runJob(run, plant.job))
            let missing = try await agent.order()
            try await agent.completed(
                seq: 2, ts: 2_000, missing, byteCount: object.count, sha256: digest.hex, echo: missing.key)
            #expect(try await plant.verdict(of: run) == .failed(.storage))

            let second = RunID("run_00000000002")
            try await plant.request(.runJob(second, plant.job))
            let different = try await agent.order()
            #expect(different.key != missing.key)
            #expect(try await plant.put(object, to: different.url) == 200)
            try await agent.completed(
                seq: 3, ts: 2_000, different, byteCount: object.count,
                sha256: SHA256.digest(of: [1]).hex, echo: different.key)
            #expect(try await plant.verdict(of: second) == .failed(.storage))
        }
    }

    @Test("Terminal reports are confirmed by run and number once negotiated")
    func confirms() async throws {
        try await Plant.run { plant in
            let agent = try await plant.dial(headers: ["Backupy-Extensions: report-ack"])
            _ = try await agent.handshake()
            try await plant.request(.runJob(run, plant.job))
            let order = try await agent.order()
            try await agent.failed(seq: 9, ts: 2_000, order, "dump: pipeline: pg_dump exec: exit status 1")
            let receipt = try #require(try await agent.envelope().message(1_000))
            #expect(receipt.text(1) == order.run)
            #expect(receipt.number(2) == 9)
            #expect(try await plant.verdict(of: run) == .failed(.source))
        }
    }

    @Test("A run whose agent fell silent after the upload is found in the store")
    func reconciles() async throws {
        try await Plant.run { plant in
            let agent = try await plant.dial()
            _ = try await agent.handshake()
            try await plant.request(.runJob(run, plant.job))
            let order = try await agent.order()
            #expect(try await plant.put(object, to: order.url) == 200)
            await agent.vanish()
            let id = plant.agent
            try await plant.until { $0.agents[id]?.session == nil }
            try await plant.pass(seconds: 151)
            guard case .success(_, let evidence) = try await plant.verdict(of: run) else {
                Issue.record("the run succeeds")
                return
            }
            #expect(evidence.source == .none)
            // The completion comes later: nothing changes, and nothing breaks.
            let late = try await plant.dial()
            _ = try await late.handshake(seq: 2, ts: 9_000)
            try await late.completed(
                seq: 1, ts: 8_000, order, byteCount: object.count, sha256: digest.hex, echo: order.key)
            try await plant.until { $0.runs[run]?.completionCount == 1 }
            #expect(try await closings(plant) == 1)
        }
    }

    @Test("A run that nothing is heard of and that left no object is lost")
    func loses() async throws {
        try await Plant.run { plant in
            let agent = try await plant.dial()
            _ = try await agent.handshake()
            try await plant.request(.runJob(run, plant.job))
            _ = try await agent.order()
            await agent.vanish()
            let id = plant.agent
            try await plant.until { $0.agents[id]?.session == nil }
            try await plant.pass(seconds: 151)
            #expect(try await plant.verdict(of: run) == .lost(.lost))
        }
    }

    @Test("A cancellation is sent for the job, and the object of a deleted run goes with its key")
    func cancelsAndDeletes() async throws {
        try await Plant.run { plant in
            let agent = try await plant.dial()
            _ = try await agent.handshake()
            try await plant.request(.runJob(run, plant.job))
            let order = try await agent.order()
            try await plant.request(.cancelRun(run))
            #expect(try await agent.envelope().message(53)?.text(1) == plant.job.description)
            #expect(try await plant.put(object, to: order.url) == 200)
            try await agent.completed(
                seq: 2, ts: 2_000, order, byteCount: object.count, sha256: digest.hex, echo: order.key)
            _ = try await plant.verdict(of: run)
            #expect(try plant.running.directory.vault.reveal("key:run_00000000001-1") == order.key)
            try await plant.request(.deleteRun(run))
            try await plant.until { !$0.objects.contains(run) }
            #expect(try plant.running.directory.vault.reveal("key:run_00000000001-1") == nil)
            #expect(!FileManager.default.fileExists(atPath: plant.directory + "/objects/" + order.object))
            #expect(!FileManager.default.fileExists(atPath: plant.directory + "/objects/" + order.object + ".key"))
        }
    }
}
