/// What the store says.
extension Run {
    /// The store is asked until it answers, but not for ever.
    mutating func ask(_ asking: Phase, at moment: Timestamp) {
        phase = asking
        deadline = moment + Fleet.Limits.verification
        grace = nil
    }

    /// Whether the store is being asked about an earlier attempt than the last one.
    var isAskedAboutClaim: Bool { if case .reconciling(let asked, _) = phase { asked != attempt } else { false } }

    /// An attempt that was reported as completed, of which the store has not said what it has.
    var openClaim: Attempt? { reported.first { !$0.isSettled }?.attempt }

    /// The store has said what it has of an attempt, or was asked for long enough.
    mutating func settleClaims(about asked: Attempt) {
        for place in reported.indices where reported[place].attempt == asked { reported[place].isSettled = true }
    }

    /// Where a run would end without an object, an earlier attempt that was reported as completed is asked about first, if
    /// the store gave no answer when it was looked for: it may be a good backup, and would be deleted as an orphan. A run
    /// that is to be cancelled would end here whatever attempts it has left, since none of them is made.
    mutating func askAboutClaims(at moment: Timestamp) {
        switch phase {
        case .failed(let attempt, let reason), .gone(let attempt, let reason):
            guard let claim = openClaim, isCancelRequested || retry(after: attempt, reason, at: moment) == nil else {
                return
            }
            ask(.reconciling(claim, reason), at: moment)
        case .queued, .sending, .unconfirmed, .running, .verifying, .reconciling, .stored, .waiting, .expired, .stopped,
            .captured, .ended, .closed:
            break
        }
    }

    /// What was being asked about has no object, as far as can be known. If it was an earlier attempt, the run ends as its last
    /// one did.
    mutating func foundNothing(_ reason: FailureClass, at moment: Timestamp) {
        let isReported = stoppedBy != nil || reported.contains { $0.attempt == attempt }
        phase = isReported ? .failed(attempt, reason) : .gone(attempt, reason)
        askAboutClaims(at: moment)
        if isCancelRequested, case .gone = phase { phase = .stopped }
    }

    /// How long a store that gives no answer is left alone: as long again as it has been asked already, but at least 30 s
    /// and at most an hour.
    func pause(from beginning: Timestamp, to moment: Timestamp) -> Milliseconds {
        min(max(moment - beginning, Fleet.Limits.observation), .hours(1))
    }

    /// The outcome of `observe`.
    mutating func observed(_ asked: Attempt, _ result: CommandOutcome.Result, at moment: Timestamp) {
        guard isOpen else { return }
        switch result {
        case .found(let byteCount, let digest):
            let claims = reported.filter { $0.attempt == asked }
            let match = claims.contains { $0.byteCount == byteCount && (digest == nil || $0.digest == digest) }
            settleClaims(about: asked)
            switch phase {
            case .reconciling(asked, _) where claims.isEmpty:
                // Whole by the store's own rules, but nothing was reported that its digest could be compared with.
                phase = .stored(asked, Evidence(byteCount: byteCount, digest: digest, source: .none))
            case .reconciling(asked, let reason) where !match:
                foundNothing(reason, at: moment)
            case .verifying(asked) where !match:
                phase = .failed(asked, .storage)
                failure = .storage
                askAboutClaims(at: moment)
            case .queued, .waiting, .sending, .unconfirmed, .running, .verifying, .reconciling:
                guard match else { return }
                phase = .stored(
                    asked, Evidence(byteCount: byteCount, digest: digest, source: digest == nil ? .none : .store))
            case .stored, .failed, .gone, .expired, .stopped, .captured, .ended, .closed:
                break
            }
        case .missing:
            settleClaims(about: asked)
            switch phase {
            case .verifying(asked):
                phase = .failed(asked, .storage)
                failure = .storage
                askAboutClaims(at: moment)
            case .reconciling(asked, .unknown)
            where asked == attempt && replacementCount < Fleet.Limits.replacements && !isCancelRequested:
                // An attempt that may never have been sent does not count: another takes its place, but not for ever.
                replacementCount += 1
                queue(at: moment)
            case .reconciling(asked, let reason):
                foundNothing(reason, at: moment)
            case .queued, .sending, .unconfirmed, .running, .verifying, .reconciling, .stored, .failed, .gone,
                .waiting, .expired, .stopped, .captured, .ended, .closed:
                break
            }
        case .undone, .done, .unknown, .surveyed, .probed, .zone:
            switch phase {
            case .verifying(asked), .reconciling(asked, _):
                let beginning = deadline + Milliseconds(-Fleet.Limits.verification.count)
                grace = moment + pause(from: beginning, to: moment)
            case .queued, .sending, .unconfirmed, .running, .verifying, .reconciling, .stored, .failed, .gone,
                .waiting, .expired, .stopped, .captured, .ended, .closed:
                break  // an earlier attempt, which is asked about again before the run ends without an object
            }
        }
    }
}
