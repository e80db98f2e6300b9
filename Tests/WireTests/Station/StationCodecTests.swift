import Core
import Engine
import Foundation
import SwiftProtobuf
import Testing

@testable import Wire

@Suite("StationCodec")
struct StationCodecTests {
    static let order = Station.Order(job: "job_1", object: "a/b.enc", isManual: true)
    static let messages: [Station.Message] =
        [
            .started(build: "1.0", rules: 7), .connected(session: "ses", extensions: ["journal", "report-ack"]),
            .disconnected(reason: "reset"), .configured(version: .max, parallelRunLimit: 3), .told("run-1", order),
            .cancelTold(job: "job_1"), .progressed("run-1", Station.Progress(step: "dump", percent: 55)),
            .announce("r"), .dump("r"), .upload("r"), .stop("r"), .discard("r"), .report("r"), .forget("r"),
            .reportExpired("r"), .journalExpired("r"), .dump(""),
        ]
        + [
            .staged(Station.Staged(byteCount: 9, digest: "ff", engineVersion: "SQLite 3")), .uploaded, .failed("é"),
            .interrupted, .delivered(isAcknowledged: true), .delivered(isAcknowledged: false), .withdrawn, .done,
        ].map { .outcome("r", of: Position(12), $0) }

    @Test("Every message survives", arguments: messages)
    func roundTrip(message: Station.Message) throws {
        let codec = StationCodec()
        #expect(try codec.decode(codec.encode(message), kind: "any") == message)
    }

    @Test("Any bytes give a message or an error")
    func randomBytes() {
        let codec = StationCodec()
        var generator = SplitMix(seed: 1)
        for _ in 0..<20_000 {
            var bytes = (0..<Int(generator.next() % 48)).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
            if generator.next() % 2 == 0, let message = Self.messages.randomElement(using: &generator) {
                bytes = codec.encode(message)
                if !bytes.isEmpty {
                    bytes[Int(generator.next() % UInt64(bytes.count))] = UInt8(truncatingIfNeeded: generator.next())
                }
            }
            if let message = try? codec.decode(bytes, kind: "k") {
                #expect((try? codec.decode(codec.encode(message), kind: "k")) == message)
            }
            _ = try? ServerFrame(bytes: bytes)
        }
    }

    @Test("A message of a later version is refused by name")
    func unknown() {
        #expect(throws: CodecError.self) { try StationCodec().decode([], kind: "run.later") }
        #expect(throws: CodecError.self) { try StationCodec().decode([0xA2, 0x01, 0x00], kind: "run.outcome") }
    }
}

@Suite("Frames of server and agent")
struct AgentFrameTests {
    @Test("A RunBackup and its config are read whole")
    func server() throws {
        var envelope = WireEnvelope()
        envelope.runBackup = .with {
            $0.jobID = "j"
            $0.runID = "r"
            $0.uploadCreds.presignedPutURL = "http://x/y?s=1"
            $0.uploadCreds.expiresAtMs = .max
            $0.uploadCreds.finalS3Key = "k"
            $0.encryptedDek = .init([1, 2])
        }
        guard case .runBackup(let order) = try ServerFrame(bytes: envelope.serializedBytes()) else {
            Issue.record("not a RunBackup")
            return
        }
        #expect(order.order == Station.Order(job: "j", object: "k", isManual: false))
        #expect(order.expiresAt == Timestamp(milliseconds: .max))
        #expect(order.lifetime == nil)
        #expect(order.key == [1, 2])

        envelope.registerAck = .with {
            $0.sessionID = "s"
            $0.config.version = 4
            $0.config.targets = [
                .with {
                    $0.id = "t"; $0.type = .UNRECOGNIZED(77)
                }
            ]
            $0.config.jobs = [
                .with {
                    $0.id = "j"; $0.targetID = "t"; $0.timeoutSec = 9
                }
            ]
            $0.config.advanced.maxParallelJobs = 2
        }
        let settings = StationSettings(
            version: 4, targets: ["t": .init(type: "77", database: "")],
            jobs: ["j": .init(target: "t", timeoutSeconds: 9)], parallelRunLimit: 2)
        #expect(
            try ServerFrame(bytes: envelope.serializedBytes())
                == .registerAck(session: "s", settings, heartbeatSeconds: 0))
    }

    @Test("An envelope without payload, or with an agent's, is read and means nothing")
    func other() throws {
        #expect(try ServerFrame(bytes: []) == .other)
        let own = AgentFrame.acknowledgement(correlationID: "c").bytes(sequence: 1, sentAt: Timestamp(milliseconds: 5))
        #expect(try ServerFrame(bytes: own) == .other)
        #expect(throws: ServerFrameError(byteCount: 3)) { try ServerFrame(bytes: [0xFF, 0xFF, 0xFF]) }
    }

    @Test("A report says what the journal holds")
    func report() throws {
        var run = Station.Run(Station.Order(job: "j", object: "k", isManual: false))
        run.staged = Station.Staged(byteCount: 9, digest: "ff", engineVersion: "SQLite 3")
        run.durationMilliseconds = 77
        let completed = AgentFrame.report(run: "r", run, .completed, key: [7])
        let envelope = try WireEnvelope(
            serializedBytes: completed.bytes(sequence: 3, sentAt: Timestamp(milliseconds: 5)))
        #expect(envelope.seq == 3)
        #expect(envelope.tsMs == 5)
        #expect(envelope.backupCompleted.sizeBytes == 9)
        #expect(envelope.backupCompleted.encryptedDek == .init([7]))
        #expect(envelope.backupCompleted.compression == "zstd")
        let failed = AgentFrame.report(run: "r", run, .failed("why"), key: [])
        let second = try WireEnvelope(serializedBytes: failed.bytes(sequence: 4, sentAt: Timestamp(milliseconds: 5)))
        #expect(second.jobUpdate.status == .failed)
        #expect(second.jobUpdate.errorMessage == "why")
    }
}

/// Reproducible bits. Source: SplitMix64 (Steele, Lea, Flood 2014).
struct SplitMix: RandomNumberGenerator {
    var state: UInt64
    init(seed: UInt64) { state = seed }
    mutating func next() -> UInt64 {
        defer { state &+= 1 }
        return Mix.bits(seed: state, counter: 1)
    }
}
