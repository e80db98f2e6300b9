extension Run: Restorable {
    /// Writes every field.
    public func encode<Encoder: CanonicalEncoder>(into encoder: inout Encoder) {
        encoder.encode("job_id", order.job)
        encoder.encode("agent_id", order.agent)
        encoder.encode("target_id", order.target)
        encoder.encode("manual_trigger", order.isManual)
        encoder.encode("timeout_sec", order.timeoutSeconds)
        encoder.encode("retention_days", order.retentionDays)
        encoder.encode("max_attempts", order.maxAttempts)
        encoder.encode("backoff_seconds", list: order.backoffSeconds.map { CanonicalText(Text(String($0))) })
        encoder.encode("slot", order.slot)
        encoder.encode("overlap", word: order.overlap)
        encoder.encode("take_by", order.takeBy)
        encoder.encode("phase", phase)
        encoder.encode("attempt", attempt.number)
        encoder.encode("replacement_count", replacementCount)
        encoder.encode("was_cut_off", wasCutOff)
        encoder.encode("is_repeatable", isRepeatable)
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
        encoder.encode("unanswered_by", unansweredBy)
        encoder.encode("cancellation", word: cancellation)
        encoder.encode("deadline", deadline)
        encoder.encode("grace", grace)
        encoder.encode("created_at", createdAt)
        encoder.encode("queued_at", queuedAt)
        encoder.encode("grace_limit", graceLimit)
        encoder.encode("ordered_by", orderedBy)
        encoder.encode("formerly_stopped", formerlyStopped?.number)
    }

    /// Reads every field.
    public init<Decoder: CanonicalDecoder>(from decoder: inout Decoder) throws(CanonicalError) {
        order = RunOrder(
            job: try decoder.decode("job_id"), agent: try decoder.decode("agent_id"),
            target: try decoder.decode("target_id"), isManual: try decoder.decode("manual_trigger"),
            timeoutSeconds: try decoder.decode("timeout_sec"), retentionDays: try decoder.decode("retention_days"),
            maxAttempts: try decoder.decode("max_attempts"),
            backoffSeconds: try decoder.decodeNumbers("backoff_seconds"),
            slot: try decoder.decode("slot"),
            overlap: try decoder.decodeIfPresent("overlap") { Overlap(rawValue: $0.string) },
            takeBy: try decoder.decode("take_by"))
        phase = try decoder.decode("phase")
        attempt = Attempt(try decoder.decode("attempt"))
        replacementCount = try decoder.decode("replacement_count")
        wasCutOff = try decoder.decode("was_cut_off")
        isRepeatable = try decoder.decode("is_repeatable")
        deliveryCount = try decoder.decode("delivery_count")
        completionCount = try decoder.decode("completion_count")
        failure = try decoder.decodeIfPresent("failure") { FailureClass(word: $0) }
        hasFailedSinceDelivery = try decoder.decode("has_failed_since_delivery")
        wasCancelled = try decoder.decode("was_cancelled")
        reported = try decoder.decode("reported")
        progressPercent = try decoder.decode("progress_percent")
        progressSentAt = try decoder.decode("progress_sent_at")
        sentBy = try decoder.decode("sent_by")
        stoppedBy = try decoder.decode("stopped_by")
        cancelRequestedBy = try decoder.decode("cancel_requested_by")
        unansweredBy = try decoder.decode("unanswered_by")
        cancellation = try decoder.decodeIfPresent("cancellation") { Cancellation(rawValue: $0.string) }
        deadline = try decoder.decode("deadline")
        grace = try decoder.decode("grace")
        createdAt = try decoder.decode("created_at")
        queuedAt = try decoder.decode("queued_at")
        graceLimit = try decoder.decode("grace_limit")
        orderedBy = try decoder.decode("ordered_by")
        formerlyStopped = try decoder.decode("formerly_stopped").map { Attempt($0) }
    }
}

extension Run.ReportedObject: Restorable {
    /// Writes every field.
    public func encode<Encoder: CanonicalEncoder>(into encoder: inout Encoder) {
        encoder.encode("attempt", attempt.number)
        encoder.encode("byte_count", byteCount)
        encoder.encode("digest", bytes: digest ?? [])
        encoder.encode("position", position)
        encoder.encode("is_settled", isSettled)
    }

    /// Reads every field.
    public init<Decoder: CanonicalDecoder>(from decoder: inout Decoder) throws(CanonicalError) {
        attempt = Attempt(try decoder.decode("attempt"))
        byteCount = try decoder.decode("byte_count")
        digest = try decoder.decodeDigest("digest")
        position = try decoder.decode("position")
        isSettled = try decoder.decode("is_settled")
    }
}

extension Run.Phase: Restorable {
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
        case .waiting: "waiting"
        case .expired: "expired"
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
        case .queued, .expired, .stopped, .captured, .ended:
            break
        case .sending(let attempt), .unconfirmed(let attempt), .running(let attempt), .verifying(let attempt):
            encoder.encode("attempt", attempt.number)
        case .reconciling(let attempt, let reason), .failed(let attempt, let reason), .gone(let attempt, let reason),
            .waiting(let attempt, let reason):
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

    /// Reads the word, then what that phase carries.
    public init<Decoder: CanonicalDecoder>(from decoder: inout Decoder) throws(CanonicalError) {
        let word: Text = try decoder.decode("word")
        switch word {
        case "queued": self = .queued
        case "expired": self = .expired
        case "stopped": self = .stopped
        case "captured": self = .captured
        case "ended": self = .ended
        case "sending": self = .sending(Attempt(try decoder.decode("attempt")))
        case "unconfirmed": self = .unconfirmed(Attempt(try decoder.decode("attempt")))
        case "running": self = .running(Attempt(try decoder.decode("attempt")))
        case "verifying": self = .verifying(Attempt(try decoder.decode("attempt")))
        case "reconciling", "failed", "gone", "waiting":
            let attempt = Attempt(try decoder.decode("attempt"))
            let reason = try decoder.decode("reason") { FailureClass(word: $0) }
            self =
                switch word {
                case "reconciling": .reconciling(attempt, reason)
                case "failed": .failed(attempt, reason)
                case "waiting": .waiting(attempt, reason)
                default: .gone(attempt, reason)
                }
        case "stored":
            self = .stored(Attempt(try decoder.decode("attempt")), try decoder.decode("evidence"))
        case "closed":
            let verdict: Text = try decoder.decode("verdict")
            let reason = try decoder.decodeIfPresent("reason") { FailureClass(word: $0) }
            switch (verdict, reason) {
            case ("success", nil):
                self = .closed(.success(Attempt(try decoder.decode("attempt")), try decoder.decode("evidence")))
            case ("reported", nil): self = .closed(.reported)
            case ("cancelled", nil): self = .closed(.cancelled)
            case ("failed", .some(let reason)): self = .closed(.failed(reason))
            case ("lost", .some(let reason)): self = .closed(.lost(reason))
            default: throw CanonicalError(field: "verdict", problem: "is none that this version knows")
            }
        default:
            throw CanonicalError(field: "word", problem: "is no phase of a run that this version knows")
        }
    }
}

extension Evidence: Restorable {
    /// Writes every field.
    public func encode<Encoder: CanonicalEncoder>(into encoder: inout Encoder) {
        encoder.encode("byte_count", byteCount)
        encoder.encode("digest", bytes: digest ?? [])
        encoder.encode("source", word: Optional(source))
    }

    /// Reads every field.
    public init<Decoder: CanonicalDecoder>(from decoder: inout Decoder) throws(CanonicalError) {
        byteCount = try decoder.decode("byte_count")
        digest = try decoder.decodeDigest("digest")
        source = try decoder.decodeWord("source")
    }
}
