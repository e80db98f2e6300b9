import Core
import Digests
import SwiftProtobuf
import Wire

/// Frames as an agent would send them, decoded as at the door.
struct Frames: Sendable {
    let agent: AgentID
    var session: SessionID? = SessionID("ses_00000000001")
    var sequence: UInt64 = 0
    var sentAt: UInt64 = 1_767_225_600_000

    init(agent: AgentID) { self.agent = agent }

    mutating func message(_ payload: WireEnvelope.OneOf_Payload) throws -> Fleet.Message {
        sequence += 1
        sentAt += 1
        let envelope = WireEnvelope.with {
            $0.seq = sequence
            $0.tsMs = sentAt
            $0.payload = payload
        }
        let bytes: [UInt8] = try envelope.serializedBytes()
        switch IncomingFrame.decode(bytes, session: session, registeredSentAt: nil) {
        case .received(let frame): return .received(agent, frame)
        case .unreadable(let frame): return .unreadable(agent, frame)
        }
    }

    mutating func register() throws -> [Fleet.Message] {
        let opening = SessionOpening(session: session, remoteAddress: "192.0.2.7", extensions: [])
        return [
            .sessionOpened(agent, opening),
            try message(
                .register(
                    .with {
                        $0.agentVersion = "v1"
                        $0.hostname = "db-1"
                        $0.os = "linux"
                        $0.arch = "amd64"
                        $0.capabilities = ["postgresql"]
                    })),
        ]
    }

    mutating func heartbeat() throws -> Fleet.Message {
        try message(
            .heartbeat(
                .with {
                    $0.configVersion = 3
                    $0.metrics = .with {
                        $0.cpuPercent = 12.5
                        $0.memUsedBytes = 5
                        $0.memTotalBytes = 10
                    }
                }))
    }

    mutating func discovery() throws -> Fleet.Message {
        try message(
            .discovery(
                .with {
                    $0.containers = [
                        .with {
                            $0.containerID = "c1"
                            $0.name = "db"
                            $0.image = "postgres:16"
                            $0.detectedDbType = "postgresql"
                            $0.envHints = ["POSTGRES_PASSWORD": "set"]
                            $0.ports = [.with { $0.containerPort = 5_432 }]
                        }
                    ]
                }))
    }

    mutating func progress(
        _ job: JobID, _ wire: String, _ percent: UInt32, status: WireJobStatus = .running, error: String = ""
    ) throws -> Fleet.Message {
        try message(
            .jobUpdate(
                .with {
                    $0.jobID = job.text.string
                    $0.runID = wire
                    $0.status = status
                    $0.progressPercent = percent
                    $0.currentStep = "dump"
                    $0.errorMessage = error
                }))
    }

    mutating func completed(_ job: JobID, _ wire: String, content: [UInt8], size: Int? = nil) throws -> Fleet.Message {
        try message(
            .backupCompleted(
                .with {
                    $0.jobID = job.text.string
                    $0.runID = wire
                    $0.s3Key = "what/the/agent/says"
                    $0.sizeBytes = UInt64(size ?? content.count)
                    $0.sha256 = SHA256.digest(of: content).hex
                    $0.durationMs = 1_234
                    $0.compression = "zstd"
                    $0.dbEngineVersion = "PostgreSQL 16"
                }))
    }
}
