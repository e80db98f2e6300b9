/// That somebody wants a run cancelled, and what comes of it. That it was asked for, that the agent was told, and that the
/// agent has stopped are three facts.
extension Run {
    /// What has become of somebody's wish to cancel a run.
    public enum Cancellation: String, Hashable, Sendable, CaseIterable, Codable {
        /// Taken up; the agent has not been told yet.
        case requested
        /// The agent was told.
        case sent
        /// The agent was told and has not answered in time. Reference agents never do: the run goes on to its end, and what
        /// comes of it counts. Its deadline stays, and ends it at the latest: the store is asked, and where it has no
        /// object the run ends as cancelled, without anybody having confirmed that.
        case unanswered
        /// It has stopped, or was at no agent.
        case confirmed
    }

    /// Whether somebody wants it cancelled.
    public var isCancelRequested: Bool { cancelRequestedBy != nil }

    mutating func cancelAsked(by position: Position) {
        cancelRequestedBy = cancelRequestedBy ?? position
        cancellation = cancellation ?? .requested
        switch phase {
        case .queued, .waiting:
            stop()
        case .sending, .unconfirmed, .running, .verifying, .reconciling, .stored, .failed, .gone, .expired, .stopped,
            .captured, .ended, .closed:
            break
        }
    }

    /// Nothing is at an agent, so there is nobody to confirm it.
    mutating func stop() {
        phase = .stopped
        cancellation = .confirmed
        grace = nil
    }

    /// Whether its agent has an attempt of it and could not be told so far that somebody wants it cancelled.
    var isCancellationUntold: Bool { cancellation == .requested && attemptInFlight != nil }

    /// The outcome of `cancel`.
    ///
    /// - Returns: Whether the agent's time to answer begins.
    mutating func cancelSent(_ result: CommandOutcome.Result) -> Bool {
        guard isOpen, result == .done, cancellation == .requested else { return false }
        cancellation = .sent
        return true
    }

    /// The agent's time to answer has passed.
    mutating func cancelUnanswered(by position: Position) {
        guard isOpen, cancellation == .sent else { return }
        cancellation = .unanswered
        unansweredBy = position
    }

    mutating func cancelled(_ reported: Attempt, by position: Position) -> [Sign] {
        guard isOpen, reported == attempt else { return isToldAgain(reported) ? [] : [.late] }
        switch phase {
        case .sending, .unconfirmed, .running, .reconciling(reported, _):
            phase = .stopped
            stoppedBy = position
            if isCancelRequested { cancellation = .confirmed }
            return []
        case .captured:
            stoppedBy = position
            wasCancelled = true
            return []
        case .queued, .verifying, .reconciling, .stored, .failed, .gone, .waiting, .expired, .stopped, .ended, .closed:
            return isToldAgain(reported) ? [] : [.late]
        }
    }
}

extension Fleet.State {
    /// The outcome of `cancel`: the agent's time to answer begins when it was told first.
    mutating func cancelSent(
        to agent: AgentID, _ run: RunID, _ result: CommandOutcome.Result, _ entry: Entry<Fleet.Message>
    ) {
        guard runs[run]?.cancelSent(result) == true else { return }
        armCancellation(of: run, entry)
    }

    /// Our own absence is not the agent's, nor is a jump of our clock: its time begins anew.
    mutating func armCancellation(of run: RunID, _ entry: Entry<Fleet.Message>) {
        guard let known = runs[run], known.cancellation == .sent else { return }
        let obeys = agents[known.order.agent]?.journalsRuns == true
        let limit = obeys ? Fleet.Limits.cancellation : Fleet.Limits.cancellationOfOthers
        timers.arm(.cancellation(run), due: entry.recordedAt + limit, by: entry.position)
    }
}
