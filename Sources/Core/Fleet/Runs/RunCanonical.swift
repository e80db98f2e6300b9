extension Run: Canonical {
    /// Writes every field.
    public func encode<Encoder: CanonicalEncoder>(into encoder: inout Encoder) {
        encoder.encode("job_id", order.job)
        encoder.encode("agent_id", order.agent)
        encoder.encode("target_id", order.target)
        encoder.encode("manual_trigger", order.isManual)
        encoder.encode("timeout_sec", order.timeoutSeconds)
        encoder.encode("retention_days", order.retentionDays)
        encoder.encode("phase", phase)
        encoder.encode("attempt", attempt.number)
        encoder.encode("replacement_count", replacementCount)
        encoder.encode("delivery_count", deliveryCount)
        encoder.encode("completion_count", completionCount)
        encoder.encode("failure", failure.map { Text($0.word) })
        encoder.encode("has_failed_since_delivery", hasFailedSinceDelivery)
        encoder.encode("was_cancelled", wasCancelled)
        encoder.encode("reported", list: reported)
        encoder.encode("progress_percent", progressPercent)
        encoder.encode("progress_sent_at", progressSentAt)
        encoder.encode("sent_by", sentBy)
        encoder.encode("stopped_by", stoppedBy)
        encoder.encode("cancel_requested_by", cancelRequestedBy)
        encoder.encode("deadline", deadline)
        encoder.encode("grace", grace)
        encoder.encode("created_at", createdAt)
    }
}

extension Run.ReportedObject: Canonical {
    /// Writes every field.
    public func encode<Encoder: CanonicalEncoder>(into encoder: inout Encoder) {
        encoder.encode("attempt", attempt.number)
        encoder.encode("byte_count", byteCount)
        encoder.encode("digest", bytes: digest ?? [])
        encoder.encode("position", position)
    }
}

extension Run.Phase: Canonical {
    /// The word that stands for the phase in the canonical encoding and in texts.
    public var word: Text {
        switch self {
        case .queued: "queued"
        case .sending: "sending"
        case .unconfirmed: "unconfirmed"
        case .running: "running"
        case .verifying: "verifying"
        case .reconciling: "reconciling"
        case .stored: "stored"
        case .failed: "failed"
        case .gone: "gone"
        case .stopped: "stopped"
        case .captured: "captured"
        case .ended: "ended"
        case .closed: "closed"
        }
    }

    /// Writes the word, then what the phase carries.
    public func encode<Encoder: CanonicalEncoder>(into encoder: inout Encoder) {
        encoder.encode("word", word)
        switch self {
        case .queued, .stopped, .captured, .ended:
            break
        case .sending(let attempt), .unconfirmed(let attempt), .running(let attempt), .verifying(let attempt):
            encoder.encode("attempt", attempt.number)
        case .reconciling(let attempt, let reason), .failed(let attempt, let reason), .gone(let attempt, let reason):
            encoder.encode("attempt", attempt.number)
            encoder.encode("reason", Text(reason.word))
        case .stored(let attempt, let evidence):
            encoder.encode("attempt", attempt.number)
            encoder.encode("evidence", evidence)
        case .closed(let verdict):
            encoder.encode("verdict", Text(verdict.word))
            encoder.encode("reason", verdict.failure.map { Text($0.word) })
            if case .success(let attempt, let evidence) = verdict {
                encoder.encode("attempt", attempt.number)
                encoder.encode("evidence", evidence)
            }
        }
    }
}

extension Evidence: Canonical {
    /// Writes every field.
    public func encode<Encoder: CanonicalEncoder>(into encoder: inout Encoder) {
        encoder.encode("byte_count", byteCount)
        encoder.encode("digest", bytes: digest ?? [])
        encoder.encode("source", word: Optional(source))
    }
}
