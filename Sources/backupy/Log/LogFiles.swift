import Core
import Engine
import Foundation
import Recordings
import SQLiteLog
import Wire

/// Opens what `log` and `replay` read.
enum LogFiles {
    static func reader(_ directory: String) throws -> SQLiteLogReader {
        do {
            return try SQLiteLogReader(directory: directory)
        } catch {
            throw failure(error)
        }
    }

    /// A log error as the failure it is: damage is a failed verification.
    static func failure(_ error: any Error) -> Failure {
        if let failure = error as? Failure { return failure }
        if case .damaged? = error as? LogError { return Failure(text: "\(error)", code: Failure.verification) }
        return Failure(text: "\(error)")
    }

    /// What a log folds to, with its decisions decided again.
    struct Replayed {
        var digest: String
        var decisionCount: Int
    }

    /// Folds a data directory's log up to a position, and decides every turn of the whole log again.
    static func replay(directory: String, upTo position: Int64) throws -> Replayed {
        do {
            let reader = try reader(directory)
            let limit = Position(UInt64(clamping: position))
            let summary = try ReplaySummary(of: reader, upTo: limit)
            var check = ReplayCheck<Fleet>()
            try check.run(reader, codec: FleetCodec())
            if let first = check.divergences.first(where: { !$0.isDecisionDiff }) {
                throw Failure(text: first.description, code: Failure.verification)
            }
            return Replayed(digest: summary.digest.description, decisionCount: check.decisionCount)
        } catch {
            throw failure(error)
        }
    }
}
