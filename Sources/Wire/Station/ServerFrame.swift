public import Core
import SwiftProtobuf

/// A frame of the server as the agent reads it: total, so that anything that parses is one of these.
///
/// Holds secrets (URLs, keys, passwords): never log one.
public enum ServerFrame: Hashable, Sendable {
    /// The connection is accepted. The configuration may be absent; 0 seconds leave the heartbeat's period to the agent.
    case registerAck(session: Text, StationSettings?, heartbeatSeconds: UInt32)
    /// A full replacement of the configuration; absent ones are to be ignored.
    case configUpdate(StationSettings?)
    /// Back up now.
    case runBackup(BackupOrder)
    /// Stop all runs of a job.
    case cancelJob(Text)
    /// Probe now.
    case runHealthCheck(Text)
    /// Install another version.
    case selfUpdate(version: Text)
    /// Answer with an `Ack` of the same correlation id.
    case ping(correlationID: Text)
    /// The report about a run is durably recorded (extension `report-ack`).
    case reportAcknowledged(runID: Text, sequence: UInt64)
    /// No payload, one that only agents send, or one of a later protocol.
    case other

    /// Reads a binary message.
    ///
    /// - Throws: ``ServerFrameError`` when the bytes are no envelope; never traps.
    public init(bytes: [UInt8]) throws(ServerFrameError) {
        let envelope: WireEnvelope
        do {
            envelope = try WireEnvelope(serializedBytes: bytes)
        } catch {
            throw ServerFrameError(byteCount: bytes.count)
        }
        switch envelope.payload {
        case .registerAck(let it):
            self = .registerAck(
                session: Text(it.sessionID), it.hasConfig ? StationSettings(it.config) : nil,
                heartbeatSeconds: it.heartbeatIntervalSec)
        case .configUpdate(let it): self = .configUpdate(it.hasConfig ? StationSettings(it.config) : nil)
        case .runBackup(let it): self = .runBackup(BackupOrder(it, sentAtMilliseconds: envelope.tsMs))
        case .cancelJob(let it): self = .cancelJob(Text(it.jobID))
        case .runHealthCheck(let it): self = .runHealthCheck(Text(it.checkID))
        case .selfUpdate(let it): self = .selfUpdate(version: Text(it.targetVersion))
        case .ping: self = .ping(correlationID: Text(envelope.correlationID))
        case .reportAcknowledged(let it): self = .reportAcknowledged(runID: Text(it.runID), sequence: it.seq)
        case .register, .heartbeat, .discovery, .jobUpdate, .backupCompleted, .healthResult, .healthReport, .log,
            .restoreUpdate,
            .ack, nil:
            self = .other
        }
    }
}

/// Bytes that are no envelope.
public struct ServerFrameError: Error, Hashable, Sendable, CustomStringConvertible {
    /// How many bytes there were.
    public var byteCount: Int

    /// What was wrong and what follows.
    public var description: String {
        "\(byteCount) bytes from the server are no envelope of backup.v1; the connection is closed and opened anew."
    }
}

/// What a `RunBackup` says, secrets included.
public struct BackupOrder: Hashable, Sendable {
    /// The run, as the wire names it.
    public var runID: Text
    /// What the journal records of it.
    public var order: Station.Order
    /// Where to PUT the object; empty when upload credentials are missing.
    public var uploadURL: String
    /// When the URL stops working, by the server's clock; nil when the server does not say.
    public var expiresAt: Timestamp?
    /// How long the URL works from when the order was sent, both by the server's clock, so that no difference between its
    /// clock and another matters; nil when the server does not say.
    public var lifetime: Milliseconds?
    /// The data key as it came: 32 bytes when the server is right.
    public var key: [UInt8]

    init(_ it: WireRunBackup, sentAtMilliseconds: UInt64) {
        runID = Text(it.runID)
        order = Station.Order(
            job: Text(it.jobID), object: Text(it.uploadCreds.finalS3Key), isManual: it.manualTrigger)
        uploadURL = it.uploadCreds.presignedPutURL
        expiresAt = it.uploadCreds.expiresAtMs == 0 ? nil : Timestamp(clamping: it.uploadCreds.expiresAtMs)
        if let expiresAt, sentAtMilliseconds > 0 { lifetime = expiresAt - Timestamp(clamping: sentAtMilliseconds) }
        key = Array(it.encryptedDek)
    }
}
