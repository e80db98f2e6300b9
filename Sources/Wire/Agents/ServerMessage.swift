public import Core
import Foundation
import SwiftProtobuf

/// What a captured server's binary message turned out to be. Made by a total function.
public enum CapturedServerFrame: Hashable, Sendable {
    /// An envelope.
    case captured(CapturedFrame)
    /// No envelope.
    case unreadable(UnreadableFrame)

    /// Decodes a server's message.
    ///
    /// - Parameter bytes: After redaction.
    public static func decode(_ bytes: [UInt8]) -> CapturedServerFrame {
        switch WireEnvelope.decode(bytes) {
        case .success(let envelope): .captured(CapturedFrame(bytes: bytes, order: CapturedOrder(envelope)))
        case .failure(let problem):
            .unreadable(UnreadableFrame(bytes, isFromAgent: false, problem: problem.text))
        }
    }
}

extension CapturedOrder {
    init(_ envelope: WireEnvelope) {
        self =
            switch envelope.payload {
            case .registerAck(let message):
                .registerAck(
                    SessionID(Text(id: message.sessionID)),
                    configVersion: message.hasConfig ? message.config.version : nil)
            case .configUpdate(let message):
                .configUpdate(configVersion: message.hasConfig ? message.config.version : nil)
            case .runBackup(let message):
                .runBackup(
                    JobID(Text(id: message.jobID)), WireRunID(Text(id: message.runID)), manual: message.manualTrigger)
            case .cancelJob(let message): .cancelJob(JobID(Text(id: message.jobID)))
            default: .other(tag: envelope.payloadTag)
            }
    }
}

/// What the control plane says to an agent.
public enum ServerMessage: Sendable {
    /// The answer to Register: always with the whole configuration, since a restarted agent has forgotten its jobs.
    case registerAck(SessionID, AgentConfiguration, heartbeatIntervalSeconds: UInt32, serverTime: String)
    /// A new configuration: a whole one, not a patch.
    case configUpdate(AgentConfiguration)
    /// Start a run. To be sent at most once per attempt.
    case runBackup(RunBackupOrder)
    /// Stop what is being done for a job.
    case cancelJob(JobID)
    /// Probe a check now.
    case runHealthCheck(CheckID)
    /// Give a sign of life; the argument is the wall clock.
    case ping(Timestamp)
    /// The terminal report about this run, in the envelope with that number, is durably recorded. Extension `report-ack`.
    case reportAcknowledged(WireRunID, sequence: UInt64)
}

/// What an agent needs to know to start a run. Holds secrets: never logged, never recorded.
public struct RunBackupOrder: Sendable {
    /// The job.
    public var job: JobID
    /// The run and attempt as the wire has it.
    public var run: WireRunID
    /// Whether a person asked for it.
    public var isManual: Bool
    /// Where to PUT the object; whoever has it can write the object.
    public var uploadURL: String
    /// When that stops working, by the wall clock.
    public var expiresAt: Timestamp
    /// The object's name, which the completion report echoes.
    public var objectName: String
    /// The 32 bytes of the data key.
    public var dataKey: [UInt8]

    /// An order with all its parts.
    public init(
        job: JobID, run: WireRunID, isManual: Bool, uploadURL: String, expiresAt: Timestamp, objectName: String,
        dataKey: [UInt8]
    ) {
        self.job = job
        self.run = run
        self.isManual = isManual
        self.uploadURL = uploadURL
        self.expiresAt = expiresAt
        self.objectName = objectName
        self.dataKey = dataKey
    }
}

extension ServerMessage {
    /// The bytes of the binary message that says this.
    ///
    /// - Parameters:
    ///   - sequence: Any number; agents do not look at it.
    ///   - sentAt: The wall clock now. A moment before 1970 is sent as 0.
    ///   - correlationID: Comes back in the answer to a ping; else empty.
    /// - Throws: ``FrameError/tooLarge(byteCount:)`` beyond 4 MiB, which agents refuse by hanging up.
    public func envelope(
        sequence: UInt64, sentAt: Timestamp, correlationID: String = ""
    ) throws(FrameError) -> [UInt8] {
        let envelope = WireEnvelope.with {
            $0.seq = sequence
            $0.tsMs = UInt64(clamping: sentAt.milliseconds)
            $0.correlationID = correlationID
            $0.payload = payload
        }
        let bytes: [UInt8]
        do {
            bytes = try envelope.serializedBytes()
        } catch {
            throw .unencodable(problem: String(describing: error))
        }
        guard bytes.count <= WireLimits.frame else { throw .tooLarge(byteCount: bytes.count) }
        return bytes
    }

    private var payload: WireEnvelope.OneOf_Payload {
        switch self {
        case .registerAck(let session, let configuration, let interval, let time):
            .registerAck(
                .with {
                    $0.sessionID = session.text.string
                    $0.config = configuration.message
                    $0.heartbeatIntervalSec = interval
                    $0.serverTimeIso = time
                })
        case .configUpdate(let configuration): .configUpdate(.with { $0.config = configuration.message })
        case .runBackup(let order): .runBackup(WireRunBackup(order))
        case .cancelJob(let job): .cancelJob(.with { $0.jobID = job.text.string })
        case .runHealthCheck(let check): .runHealthCheck(.with { $0.checkID = check.text.string })
        case .ping(let now): .ping(.with { $0.tsMs = UInt64(clamping: now.milliseconds) })
        case .reportAcknowledged(let run, let sequence):
            .reportAcknowledged(
                .with {
                    $0.runID = run.text.string
                    $0.seq = sequence
                })
        }
    }
}

extension WireRunBackup {
    init(_ order: RunBackupOrder) {
        self.init()
        jobID = order.job.text.string
        runID = order.run.text.string
        manualTrigger = order.isManual
        uploadCreds.presignedPutURL = order.uploadURL
        uploadCreds.expiresAtMs = UInt64(clamping: order.expiresAt.milliseconds)
        uploadCreds.finalS3Key = order.objectName
        encryptedDek = Data(order.dataKey)
    }
}

/// Why a frame cannot be sent.
public enum FrameError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Over 4 MiB.
    case tooLarge(byteCount: Int)
    /// The encoder refuses it.
    case unencodable(problem: String)

    /// What was wrong and what to do.
    public var description: String {
        switch self {
        case .tooLarge(let byteCount):
            "the frame has \(byteCount) bytes and agents take at most \(WireLimits.frame). "
                + "Give the agent fewer jobs, or shorter hooks."
        case .unencodable(let problem): "the frame cannot be encoded: \(problem)"
        }
    }
}
