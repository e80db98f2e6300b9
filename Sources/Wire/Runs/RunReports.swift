import Core
import Digests

extension JobUpdate {
    init(_ message: WireJobUpdate) {
        self.init(
            job: JobID(Text(id: message.jobID)),
            run: message.runID.isEmpty ? nil : WireRunID(Text(id: message.runID)), status: Status(message.status),
            progressPercent: min(message.progressPercent, 100), step: Text(message.currentStep, limit: WireLimits.line),
            errorText: Text(message.errorMessage, limit: WireLimits.text))
    }
}

extension JobUpdate.Status {
    init(_ status: WireJobStatus) {
        self =
            switch status {
            case .unspecified: .unspecified
            case .queued: .queued
            case .running: .running
            case .success: .success
            case .failed: .failed
            case .cancelled: .cancelled
            case .UNRECOGNIZED: .unknown
            }
    }
}

extension Completion {
    init(_ message: WireBackupCompleted) {
        self.init(
            job: JobID(Text(id: message.jobID)), run: WireRunID(Text(id: message.runID)),
            objectName: Text(message.s3Key, limit: WireLimits.line), byteCount: message.sizeBytes,
            digest: Digest(hex: message.sha256)?.bytes, durationMilliseconds: message.durationMs,
            compression: Text(message.compression, limit: WireLimits.word),
            databaseVersion: Text(message.dbEngineVersion, limit: WireLimits.word))
    }
}

extension RestoreUpdate {
    init(_ message: WireRestoreUpdate) {
        self.init(
            restore: Text(id: message.restoreID), status: JobUpdate.Status(message.status),
            progressPercent: min(message.progressPercent, 100))
    }
}
