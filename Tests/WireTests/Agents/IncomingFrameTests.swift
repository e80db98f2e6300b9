import Core
import Foundation
import SwiftProtobuf
import Testing

@testable import Wire

@Suite("What an agent's frame is taken to say")
struct IncomingFrameTests {
    private func decode(_ envelope: WireEnvelope, since registered: Int64? = nil) throws -> ReceivedFrame {
        let decoded = IncomingFrame.decode(
            try envelope.serializedBytes(), session: nil,
            registeredSentAt: registered.map(Timestamp.init(milliseconds:)))
        guard case .received(let frame) = decoded else {
            Issue.record("\(decoded)")
            throw CancellationError()
        }
        return frame
    }

    @Test(
        "Processor use becomes thousandths; nonsense is absent",
        arguments: [
            (0, 0), (12.3456, 12_346), (100, 100_000), (250, 100_000), (-0.0, 0), (1e-30, 0), (-1, nil),
            (Float.nan, nil), (Float.infinity, nil), (-Float.infinity, nil), (Float.greatestFiniteMagnitude, 100_000),
        ] as [(Float, UInt32?)])
    func processors(percent: Float, thousandths: UInt32?) throws {
        let frame = try decode(
            .with {
                $0.heartbeat.metrics.cpuPercent = percent
                $0.heartbeat.metrics.queueDepth = 1
            })
        let metrics = AgentMetrics(
            cpuThousandths: thousandths, memoryUsedByteCount: 0, memoryTotalByteCount: 0, diskUsedByteCount: 0,
            diskTotalByteCount: 0, queueDepth: 1)
        #expect(frame.report == .heartbeat(Heartbeat(configVersion: 0, metrics: metrics, activeJobIDs: [])))
    }

    @Test("Sets and maps have one order")
    func order() throws {
        let first = WireEnvelope.with {
            $0.discovery.containers = [
                .with {
                    $0.networks = ["b", "a", "b"]
                    $0.envHints = ["z": "set", "A": "set", "é": "1"]
                    $0.ports = [port(2, 1, "udp"), port(2, 1, "tcp"), port(1, 70_000, "tcp"), port(2, 1, "tcp")]
                }
            ]
        }
        let container = DiscoveredContainer(
            id: "", name: "", image: "", databaseType: "", networks: ["a", "b"],
            environmentHints: [
                KeyValue(key: "A", value: "set"), KeyValue(key: "z", value: "set"), KeyValue(key: "é", value: "1"),
            ],
            ports: [
                .init(container: 1, host: 65_535, transport: "tcp"), .init(container: 2, host: 1, transport: "tcp"),
                .init(container: 2, host: 1, transport: "udp"),
            ])
        #expect(try decode(first).report == .discovery([container]))
    }

    private func port(_ container: UInt32, _ host: UInt32, _ transport: String) -> WirePortBinding {
        .with {
            $0.containerPort = container
            $0.hostPort = host
            $0.`protocol` = transport
        }
    }

    @Test("Long ids are cut and stay different; long texts and lists are cut")
    func long() throws {
        let long = String(repeating: "ä", count: 2_000)
        func run(_ id: String) throws -> Text? {
            guard case .jobUpdate(let update) = try decode(.with { $0.jobUpdate.runID = id }).report else { return nil }
            return update.run?.text
        }
        let first = try #require(try run(long + "1"))
        let second = try #require(try run(long + "2"))
        #expect(first != second)
        #expect(first.byteCount == 216 && second.byteCount == 216)
        #expect(first.string.hasPrefix(String(repeating: "ä", count: 100)))
        let exact = String(repeating: "x", count: 256)
        #expect(try run(exact) == Text(exact))
        #expect(try run("") == nil)

        let update = try decode(
            .with {
                $0.jobUpdate.errorMessage = String(repeating: "ä", count: 20_000)
                $0.jobUpdate.progressPercent = .max
            })
        guard case .jobUpdate(let cut) = update.report else { throw CancellationError() }
        #expect(cut.errorText.byteCount == 16_384)
        #expect(cut.progressPercent == 100)

        let beat = try decode(.with { $0.heartbeat.activeJobIds = Array(repeating: "r", count: 5_000) })
        guard case .heartbeat(let heartbeat) = beat.report else { throw CancellationError() }
        #expect(heartbeat.activeJobIDs.count == 1_024)
        let many = try decode(.with { $0.discovery.containers = Array(repeating: .init(), count: 5_000) })
        guard case .discovery(let containers) = many.report else { throw CancellationError() }
        #expect(containers.count == 4_096)
    }

    @Test(
        "A digest has 64 hexadecimal digits or is absent",
        arguments: [
            (String(repeating: "Ab", count: 32), [UInt8](repeating: 0xAB, count: 32)), ("", nil), ("ab", nil),
            (String(repeating: "zz", count: 32), nil),
        ] as [(String, [UInt8]?)])
    func digest(text: String, digest: [UInt8]?) throws {
        guard case .completed(let completion) = try decode(.with { $0.backupCompleted.sha256 = text }).report else {
            throw CancellationError()
        }
        #expect(completion.digest == digest)
    }

    @Test("Numbers of enums beyond the known are unknown")
    func enums() throws {
        for number in [6, 99, Int(Int32.max), -1] {
            let frame = try decode(.with { $0.jobUpdate.status = WireJobStatus(rawValue: number) ?? .unspecified })
            guard case .jobUpdate(let update) = frame.report else { throw CancellationError() }
            #expect(update.status == .unknown && frame.failure == nil, "\(number)")
            let log = try decode(.with { $0.log.level = WireLogLevel(rawValue: number) ?? .info })
            guard case .log(let line) = log.report else { throw CancellationError() }
            #expect(line.level == (number < 0 ? 0 : 4), "\(number)")
        }
    }

    @Test("A frame from before the connection's Register is a replayed one")
    func replayed() throws {
        let old = WireEnvelope.with {
            $0.tsMs = 99
            $0.heartbeat = .init()
        }
        #expect(try decode(old, since: 100).isReplayed)
        #expect(try !decode(old, since: 99).isReplayed)
        #expect(try !decode(old).isReplayed)
        let register = WireEnvelope.with {
            $0.tsMs = 99
            $0.register = .init()
        }
        #expect(try !decode(register, since: 100).isReplayed)
        #expect(try decode(.with { $0.tsMs = .max }).sentAt == Timestamp(milliseconds: .max))
    }

    @Test("A failure's class is concluded from its text")
    func failure() throws {
        let failed = try decode(
            .with {
                $0.jobUpdate.status = .failed
                $0.jobUpdate.errorMessage = "upload: no"
            })
        #expect(failed.failure == .upload)
        #expect(try decode(.with { $0.jobUpdate.errorMessage = "upload: no" }).failure == nil)
    }

    @Test(
        "What an agent does not send is named by its tag",
        arguments: [
            ([], 0), ([0xBA, 0x03, 0x00], 55), ([0x9A, 0x01, 0x00], 19), ([0xCA, 0x03, 0x00], 57),
            ([0xC2, 0x3E, 0x00], 1_000),
        ] as [([UInt8], UInt32)])
    func other(bytes: [UInt8], tag: UInt32) {
        guard case .received(let frame) = IncomingFrame.decode(bytes, session: nil, registeredSentAt: nil) else {
            Issue.record("unreadable")
            return
        }
        #expect(frame.report == .other(tag: tag))
    }

    @Test("Bytes that are no envelope say why, and at most 4096 of them are kept")
    func unreadable() {
        let text: [UInt8] = [0x1A, 0x01, 0xFF]
        #expect(
            IncomingFrame.decode(text, session: nil, registeredSentAt: nil)
                == .unreadable(
                    UnreadableFrame(isFromAgent: true, byteCount: 3, start: text, problem: "a text is not UTF-8")))
        let long = [UInt8](repeating: 0x0A, count: 5_000_000)
        #expect(
            CapturedServerFrame.decode(long)
                == .unreadable(
                    UnreadableFrame(
                        isFromAgent: false, byteCount: 5_000_000, start: [UInt8](repeating: 0x0A, count: 4_096),
                        problem: "longer than 4194304 bytes")))
    }

    @Test("No bytes trap", arguments: UInt64(0)..<4)
    func hostile(seed: UInt64) throws {
        let frames = Capture.all.flatMap(\.records).map(\.frame) + RoundTripTests.samples.map(MessageSamples.bytes)
        var choices = Choices(seed: seed)
        for _ in 0..<5_000 {
            let frame = try #require(frames.randomElement(using: &choices))
            for bytes in [choices.mutate(frame), choices.bytes(Int.random(in: 0...60, using: &choices))] {
                let first = IncomingFrame.decode(bytes, session: nil, registeredSentAt: nil)
                #expect(IncomingFrame.decode(bytes, session: nil, registeredSentAt: nil) == first)
                _ = CapturedServerFrame.decode(bytes)
            }
        }
    }
}
