/// What the store says.
extension Run {
    /// The store is asked until it answers, but not for ever.
    mutating func ask(_ asking: Phase, at moment: Timestamp) {
        phase = asking
        deadline = moment + Fleet.Limits.verification
        grace = nil
    }

    /// The outcome of `observe`.
    mutating func observed(_ asked: Attempt, _ result: CommandOutcome.Result, at moment: Timestamp) {
        guard isOpen else { return }
        switch result {
        case .found(let byteCount, let digest):
            let claims = reported.filter { $0.attempt == asked }
            let match = claims.contains { $0.byteCount == byteCount && (digest == nil || $0.digest == digest) }
            switch phase {
            case .reconciling(asked, _) where claims.isEmpty:
                // Whole by the store's own rules, but nothing was reported that its digest could be compared with.
                phase = .stored(asked, Evidence(byteCount: byteCount, digest: digest, source: .none))
            case .verifying(asked) where !match:
                phase = .failed(asked, .storage)
                failure = .storage
            case .queued, .waiting, .sending, .unconfirmed, .running, .verifying, .reconciling:
                guard match else { return }
                phase = .stored(
                    asked, Evidence(byteCount: byteCount, digest: digest, source: digest == nil ? .none : .store))
            case .stored, .failed, .gone, .expired, .stopped, .captured, .ended, .closed:
                break
            }
        case .missing:
            switch phase {
            case .verifying(asked):
                phase = .failed(asked, .storage)
                failure = .storage
            case .reconciling(asked, .unknown) where replacementCount < Fleet.Limits.replacements:
                // An attempt that may never have been sent does not count: another takes its place, but not for ever.
                replacementCount += 1
                queue(at: moment)
            case .reconciling(asked, let reason):
                phase = isCancelRequested ? .stopped : .gone(asked, reason)
            case .queued, .sending, .unconfirmed, .running, .verifying, .reconciling, .stored, .failed, .gone,
                .waiting, .expired, .stopped, .captured, .ended, .closed:
                break
            }
        case .undone, .done, .unknown, .surveyed, .probed, .zone:
            switch phase {
            case .verifying(asked), .reconciling(asked, _):
                // As long again as it has been asked already, but at least 30 s and at most an hour.
                let asking = moment - (deadline + Milliseconds(-Fleet.Limits.verification.count))
                grace = moment + min(max(asking, Fleet.Limits.observation), .hours(1))
            case .queued, .sending, .unconfirmed, .running, .verifying, .reconciling, .stored, .failed, .gone,
                .waiting, .expired, .stopped, .captured, .ended, .closed:
                break  // it was about an older attempt; the present one has its own times
            }
        }
    }
}
