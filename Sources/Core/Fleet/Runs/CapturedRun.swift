/// A run that is known from a capture only: counted, never commanded.
extension Run {
    /// Whether the last delivery of a captured run has a terminal report.
    var isAnswered: Bool {
        attempt == .none || hasFailedSinceDelivery || wasCancelled || reported.contains { $0.attempt == attempt }
    }

    /// A RunBackup that a capture shows: a repeated delivery, or after a terminal report the next attempt.
    mutating func delivered(by position: Position, at moment: Timestamp) {
        deliveryCount &+= 1
        guard phase == .captured else { return }
        if isAnswered { attempt = attempt.next }
        sentBy = position
        deadline = moment + Fleet.Limits.capture
        hasFailedSinceDelivery = false
        wasCancelled = false
    }

    /// What a captured run comes to once its time is over.
    var capturedVerdict: Verdict {
        if completionCount > 0 { return .reported }
        if wasCancelled { return .cancelled }
        if let failure { return .failed(failure) }
        return .lost(.lost)
    }
}
