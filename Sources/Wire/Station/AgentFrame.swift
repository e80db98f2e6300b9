public import Core
import Foundation
import SwiftProtobuf

/// A frame as the agent sends it. May hold the data key: never log one.
public enum AgentFrame: Hashable, Sendable {
    /// Always the first one of a connection.
    case register(AgentIdentity, lastKnownConfigVersion: UInt64)
    /// That the agent lives, and how it is.
    case heartbeat(configVersion: UInt64, AgentVitals, activeJobs: [Text])
    /// Where an open run stands.
    case progress(run: Text, job: Text, isQueued: Bool, Station.Progress)
    /// How a run ended; `staged` and `key` count for completed ones only.
    case report(run: Text, Station.Run, Station.Ending, key: [UInt8])
    /// What a health check found; with all that is known of it only by the extension `health-detail`.
    case health(HealthResult, isDetailed: Bool)
    /// The answer to a ping.
    case acknowledgement(correlationID: Text)
    /// Something an operator should know about a job.
    case warning(job: Text, message: String)

    /// The bytes of the binary message.
    public func bytes(sequence: UInt64, sentAt: Timestamp) -> [UInt8] {
        var envelope = WireEnvelope()
        envelope.seq = sequence
        envelope.tsMs = UInt64(clamping: sentAt.milliseconds)
        if case .acknowledgement(let id) = self { envelope.correlationID = id.string }
        envelope.payload = payload(sentAt: envelope.tsMs)
        // Cannot fail: proto3 has no required fields, and strings of Swift are always UTF-8.
        return (try? envelope.serializedBytes()) ?? []
    }

    private func payload(sentAt milliseconds: UInt64) -> WireEnvelope.OneOf_Payload {
        switch self {
        case .register(let identity, let version):
            .register(
                .with {
                    $0.agentVersion = identity.version
                    $0.hostname = identity.hostname
                    $0.os = identity.system
                    $0.arch = identity.architecture
                    $0.capabilities = identity.capabilities
                    $0.lastKnownConfigVersion = version
                })
        case .heartbeat(let version, let vitals, let jobs):
            .heartbeat(
                .with {
                    $0.configVersion = version
                    $0.metrics = vitals.wire
                    $0.activeJobIds = jobs.map(\.string)
                })
        case .progress(let run, let job, let isQueued, let progress):
            .jobUpdate(
                .with {
                    $0.runID = run.string
                    $0.jobID = job.string
                    $0.status = isQueued ? .queued : .running
                    $0.currentStep = progress.step.string
                    $0.progressPercent = min(progress.percent, 100)
                })
        case .report(let id, let run, .completed, let key):
            .backupCompleted(
                .with {
                    $0.runID = id.string
                    $0.jobID = run.order.job.string
                    $0.s3Key = run.order.object.string
                    $0.sizeBytes = run.staged?.byteCount ?? 0
                    $0.sha256 = run.staged?.digest.string ?? ""
                    $0.durationMs = run.durationMilliseconds
                    $0.encryptedDek = Data(key)
                    $0.compression = "zstd"
                    $0.dbEngineVersion = run.staged?.engineVersion.string ?? ""
                })
        case .report(let id, let run, .failed(let text), _):
            .jobUpdate(
                .with {
                    $0.runID = id.string
                    $0.jobID = run.order.job.string
                    $0.status = .failed
                    $0.currentStep = run.progress.step.string
                    $0.errorMessage = text.string
                })
        case .report(let id, let run, .cancelled, _):
            .jobUpdate(
                .with {
                    $0.runID = id.string
                    $0.jobID = run.order.job.string
                    $0.status = .cancelled
                    $0.currentStep = run.progress.step.string
                })
        case .health(let result, isDetailed: true): .healthReport(WireHealthCheckReport(result))
        case .health(let result, isDetailed: false): .healthResult(WireHealthCheckReport(result).result)
        case .acknowledgement(let id):
            .ack(
                .with {
                    $0.correlationID = id.string
                    $0.accepted = true
                })
        case .warning(let job, let message):
            .log(
                .with {
                    $0.tsMs = milliseconds
                    $0.level = .warn
                    $0.jobID = job.string
                    $0.message = message
                })
        }
    }
}

/// Who the agent is.
public struct AgentIdentity: Hashable, Sendable {
    /// Of the build.
    public var version: String
    /// Of the host.
    public var hostname: String
    /// As Go names it: `linux`, `darwin`.
    public var system: String
    /// As Go names it: `amd64`, `arm64`.
    public var architecture: String
    /// What it can do.
    public var capabilities: [String]

    /// An identity with all its parts.
    public init(version: String, hostname: String, system: String, architecture: String, capabilities: [String]) {
        self.version = version
        self.hostname = hostname
        self.system = system
        self.architecture = architecture
        self.capabilities = capabilities
    }
}

/// How the agent's host is.
public struct AgentVitals: Hashable, Sendable {
    /// Of all processors together, in thousandths: 1 000 is fully busy.
    public var processorThousandths: UInt32 = 0
    /// Memory in use.
    public var memoryUsedByteCount: UInt64 = 0
    /// All memory.
    public var memoryTotalByteCount: UInt64 = 0
    /// In use on the disk of the state directory.
    public var diskUsedByteCount: UInt64 = 0
    /// Size of that disk.
    public var diskTotalByteCount: UInt64 = 0
    /// Runs that wait for a slot.
    public var queuedRunCount: UInt32 = 0

    /// Nothing measured.
    public init() {}

    fileprivate var wire: WireAgentMetrics {
        .with {
            $0.cpuPercent = Float(min(processorThousandths, 1_000)) / 10
            $0.memUsedBytes = memoryUsedByteCount
            $0.memTotalBytes = memoryTotalByteCount
            $0.diskUsedBytes = diskUsedByteCount
            $0.diskTotalBytes = diskTotalByteCount
            $0.queueDepth = queuedRunCount
        }
    }
}
