/// What agents report.
extension Run {
    /// Progress that is older than what was said before was overtaken on its way; but a clock that was set back further than
    /// this must not make all later progress look old.
    static let disorder = Milliseconds.minutes(5)

    /// - Parameter isLive: Whether it was said just now; what was kept from before proves no life.
    mutating func progressed(
        _ reported: Attempt, percent: UInt32, sentAt: Timestamp, isLive: Bool, at moment: Timestamp
    ) -> [Sign] {
        guard isOpen, reported == attempt, nextAttemptAt == nil else { return [.late] }
        if isLive { heard(of: reported, at: moment) }
        if let last = progressSentAt, sentAt < last, !isLive || last - sentAt < Self.disorder { return [] }
        progressSentAt = sentAt
        defer { progressPercent = percent }
        return percent < progressPercent ? [.backwards] : []
    }

    mutating func failed(
        _ reported: Attempt, _ reason: FailureClass, by position: Position, at moment: Timestamp
    ) -> [Sign] {
        guard isOpen, reported == attempt, !isAskedAboutClaim else { return isToldAgain(reported) ? [] : [.late] }
        failure = reason
        hasFailedSinceDelivery = true
        switch phase {
        case .sending, .unconfirmed, .running, .reconciling(reported, _):
            phase = .failed(reported, reason)
            stoppedBy = position
            askAboutClaims(at: moment)
            return []
        case .captured:
            stoppedBy = position
            return []
        case .queued, .verifying, .reconciling, .stored, .failed, .gone, .waiting, .expired, .stopped, .ended, .closed:
            return isToldAgain(reported) ? [] : [.late]
        }
    }

    /// Whether an agent with a journal says once more how an attempt ended. It does until that is confirmed, and when it is sent
    /// an attempt that it has done: nothing is odd about it.
    func isToldAgain(_ reported: Attempt) -> Bool {
        isRepeatable && (reported == formerlyStopped || reported == attempt && stoppedBy != nil)
    }

    mutating func completed(
        _ reported: Attempt, byteCount: UInt64, digest: [UInt8]?, by position: Position, at moment: Timestamp
    ) -> [Sign] {
        completionCount &+= 1
        // A captured run is one run to its agent, however often it was delivered; ours has attempts of its own.
        let former = self.reported.filter { $0.attempt == reported }
        // One that journals runs says the same until it is confirmed.
        let isToldAgain = isRepeatable && former.contains { $0.byteCount == byteCount && $0.digest == digest }
        let isRepeated = isCaptured ? completionCount > 1 : !former.isEmpty && !isToldAgain
        var signs: [Sign] = isRepeated ? [.repeatedCompletion] : []
        if self.reported.count == 8 { self.reported.removeFirst() }
        self.reported.append(
            ReportedObject(attempt: reported, byteCount: byteCount, digest: digest, position: position))
        if hasFailedSinceDelivery, reported == attempt {
            signs.append(.completionAfterFailure)
            hasFailedSinceDelivery = false
        }
        guard isOpen else { return isRepeated || isToldAgain ? signs : signs + [.late] }
        if isCaptured { return signs }
        guard reported == attempt else { return signs + [.late, .observe(reported)] }
        switch phase {
        case .sending, .unconfirmed, .running, .reconciling(reported, _):
            ask(.verifying(reported), at: moment)
        case .verifying, .reconciling, .queued, .waiting:
            signs.append(.observe(reported))  // what the store has may be the object of this report
        case .stored, .failed, .gone, .expired, .stopped, .captured, .ended, .closed:
            break
        }
        return signs
    }
}
