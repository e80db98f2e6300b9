public import Core
public import Engine
import SwiftProtobuf

/// Stores the messages of ``Core/Station`` as protobuf, `Schemas/enginev1/station.proto`.
public struct StationCodec: Codec {
    /// A codec; it has no state.
    public init() {}

    /// The body of an entry with this message.
    public func encode(_ message: Station.Message) -> [UInt8] {
        var stored = StoredStationMessage()
        stored.message = Self.stored(message)
        // Cannot fail: proto3 has no required fields, and strings of Swift are always UTF-8.
        return (try? stored.serializedBytes()) ?? []
    }

    /// The message of an entry's body. The kind is not needed.
    public func decode(_ body: [UInt8], kind: Text) throws(CodecError) -> Station.Message {
        let stored: StoredStationMessage
        do {
            stored = try StoredStationMessage(serializedBytes: body)
        } catch {
            throw CodecError(kind: kind, problem: "it is not a station message: \(error)")
        }
        guard let message = stored.message else {
            throw CodecError(kind: kind, problem: "it holds no message that this version knows")
        }
        return try Self.message(message, kind)
    }
}

extension StationCodec {
    private static func stored(_ message: Station.Message) -> StoredStationMessage.OneOf_Message {
        switch message {
        case .started(let build, let rules):
            .started(
                .with {
                    $0.build = build.string
                    $0.rules = rules
                })
        case .connected(let session, let extensions):
            .connected(
                .with {
                    $0.sessionID = session.string
                    $0.extensions = extensions.map(\.string)
                })
        case .disconnected(let reason): .disconnected(.with { $0.reason = reason.string })
        case .configured(let version, let limit):
            .configured(
                .with {
                    $0.version = version
                    $0.parallelRunLimit = limit
                })
        case .told(let id, let order):
            .told(
                .with {
                    $0.runID = id.string
                    $0.jobID = order.job.string
                    $0.s3Key = order.object.string
                    $0.manualTrigger = order.isManual
                })
        case .cancelTold(let job): .cancelTold(.with { $0.jobID = job.string })
        case .progressed(let id, let progress):
            .progressed(
                .with {
                    $0.runID = id.string
                    $0.step = progress.step.string
                    $0.percent = progress.percent
                })
        case .announce(let id): .announce(id.string)
        case .dump(let id): .dump(id.string)
        case .upload(let id): .upload(id.string)
        case .stop(let id): .stop(id.string)
        case .discard(let id): .discard(id.string)
        case .report(let id): .report(id.string)
        case .forget(let id): .forget(id.string)
        case .outcome(let id, let position, let outcome):
            .outcome(
                .with {
                    $0.runID = id.string
                    $0.command = position.number
                    $0.outcome = stored(outcome)
                })
        case .reportExpired(let id): .reportExpired(id.string)
        case .journalExpired(let id): .journalExpired(id.string)
        }
    }

    private static func stored(
        _ outcome: Station.Outcome
    ) -> StoredStationMessage.CommandOutcome.OneOf_Outcome {
        switch outcome {
        case .staged(let staged):
            .staged(
                .with {
                    $0.sizeBytes = staged.byteCount
                    $0.sha256 = staged.digest.string
                    $0.dbEngineVersion = staged.engineVersion.string
                })
        case .uploaded: .uploaded(.init())
        case .failed(let text): .failed(text.string)
        case .interrupted: .interrupted(.init())
        case .delivered(let isAcknowledged): .delivered(.with { $0.acknowledged = isAcknowledged })
        case .withdrawn: .withdrawn(.init())
        case .done: .done(.init())
        }
    }

    private static func message(
        _ stored: StoredStationMessage.OneOf_Message, _ kind: Text
    ) throws(CodecError) -> Station.Message {
        switch stored {
        case .started(let it): return .started(build: Text(it.build), rules: it.rules)
        case .connected(let it):
            return .connected(session: Text(it.sessionID), extensions: it.extensions.map { Text($0) })
        case .disconnected(let it): return .disconnected(reason: Text(it.reason))
        case .configured(let it): return .configured(version: it.version, parallelRunLimit: it.parallelRunLimit)
        case .told(let it):
            let order = Station.Order(job: Text(it.jobID), object: Text(it.s3Key), isManual: it.manualTrigger)
            return .told(Text(it.runID), order)
        case .cancelTold(let it): return .cancelTold(job: Text(it.jobID))
        case .progressed(let it):
            return .progressed(Text(it.runID), Station.Progress(step: Text(it.step), percent: it.percent))
        case .announce(let id): return .announce(Text(id))
        case .dump(let id): return .dump(Text(id))
        case .upload(let id): return .upload(Text(id))
        case .stop(let id): return .stop(Text(id))
        case .discard(let id): return .discard(Text(id))
        case .report(let id): return .report(Text(id))
        case .forget(let id): return .forget(Text(id))
        case .outcome(let it):
            guard let outcome = it.outcome else {
                throw CodecError(kind: kind, problem: "the outcome of command \(it.command) is of no known kind")
            }
            return .outcome(Text(it.runID), of: Position(it.command), self.outcome(outcome))
        case .reportExpired(let id): return .reportExpired(Text(id))
        case .journalExpired(let id): return .journalExpired(Text(id))
        }
    }

    private static func outcome(_ stored: StoredStationMessage.CommandOutcome.OneOf_Outcome) -> Station.Outcome {
        switch stored {
        case .staged(let it):
            .staged(
                Station.Staged(
                    byteCount: it.sizeBytes, digest: Text(it.sha256), engineVersion: Text(it.dbEngineVersion)))
        case .uploaded: .uploaded
        case .failed(let text): .failed(Text(text))
        case .interrupted: .interrupted
        case .delivered(let it): .delivered(isAcknowledged: it.acknowledged)
        case .withdrawn: .withdrawn
        case .done: .done
        }
    }
}
