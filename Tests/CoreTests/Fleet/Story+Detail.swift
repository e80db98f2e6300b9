import Testing

@testable import Core

extension Story {
    /// The run as it is read.
    var detail: RunDetail? {
        var detail: RunDetail?
        for entry in entries where entry.stream == .run(Story.run) {
            if detail == nil { detail = RunDetail(entry) } else { detail?.fold(entry) }
        }
        return detail?.brought(upTo: state)
    }

    /// What is read of the run and differs from what the machine knows of it; nil when nothing does.
    var disagreement: String? {
        guard let run = state.runs[Story.run] else { return nil }
        guard let detail else { return "it is not told at all" }
        if detail.phase != run.phaseAsRead { return "\(detail.phase) for \(run.phase)" }
        if detail.status != run.statusAsRead { return "\(detail.status) for \(run.phase)" }
        if detail.attempt != run.attempt.number || detail.tries.count != Int(run.attempt.number) { return "attempts" }
        if detail.cancellation != run.cancellation {
            return "\(String(describing: detail.cancellation)) for \(String(describing: run.cancellation))"
        }
        if detail.nextAttemptAt != run.nextAttemptAt { return "the next attempt" }
        if let attempt = run.attemptInFlight, detail.progressPercent != run.progressPercent {
            return "progress of \(attempt)"
        }
        if case .waiting(_, let failure) = run.phase, detail.tries.last?.errorClass != Text(failure.word) {
            return "the class of \(failure)"
        }
        if case .closed(let verdict) = run.phase, detail.errorClass != verdict.failure.map({ Text($0.word) }) {
            return "the class of \(verdict)"
        }
        return nil
    }
}

extension Run {
    fileprivate var phaseAsRead: RunDetail.Phase {
        switch phase {
        case .queued: .queued
        case .waiting: .waiting
        case .sending: .sending
        case .unconfirmed: .unconfirmed
        case .running: .running
        case .verifying: .verifying
        case .reconciling: .reconciling
        case .stored, .failed, .gone, .expired, .stopped, .ended: .ending
        case .captured: .captured
        case .closed: .closed
        }
    }

    fileprivate var statusAsRead: RunDetail.Status {
        switch phase {
        case .queued, .waiting: .queued
        case .closed(.success): .success
        case .closed(.failed): .failed
        case .closed(.cancelled): .cancelled
        case .closed(.lost): .lost
        case .closed(.reported): .reported
        case .sending, .unconfirmed, .running, .verifying, .reconciling, .stored, .failed, .gone, .expired, .stopped,
            .captured, .ended:
            .running
        }
    }
}
