extension RunDetail {
    /// Applies an entry of the run's stream, which says better than any id within the message whose entry it is.
    public mutating func fold(_ entry: Entry<Fleet.Message>) {
        switch entry.message {
        case .accepted(.cancelRequested, _):
            cancellation = cancellation ?? .requested
            if phase == .queued || phase == .waiting {
                phase = .ending
                nextAttemptAt = nil
                cancellation = .confirmed
            }
        case .captured(let sender, let frame):
            guard sender == agent, isCaptured, case .runBackup = frame.order else { return }
            deliver(at: entry.recordedAt)
        case .received(let sender, let frame):
            guard sender == agent else { return }
            switch frame.report {
            case .jobUpdate(let update): fold(update, frame)
            case .completed(let completion): fold(completion)
            case .register, .heartbeat, .discovery, .health, .log, .restore, .acknowledgement, .other: break
            }
        case .decided(_, .started(let next, _)):
            start(next.number, at: entry.recordedAt)
        case .decided(_, .retried(let retry, _)):
            reconsider(entry)
            retried(retry, at: entry.recordedAt)
        case .deadline(.run):
            if phase == .waiting, let due = nextAttemptAt, due <= entry.recordedAt {
                phase = .queued
                nextAttemptAt = nil
            }
        case .deadline(.cancellation):
            if isOpen, cancellation == .sent { cancellation = .unanswered }
        case .decided(_, .closed(let verdict, _)):
            reconsider(entry)
            close(verdict, at: entry.recordedAt)
        case .command(.observe(_, let asked)):
            // It may follow from a missing object, too: an earlier attempt is asked about then, and none takes its place.
            reconsider(entry)
            if asked.number == attempt, isAtAgent { phase = .reconciling }
        case .object(let object, let decision):
            fold(decision, ofAttempt: object.attempt.number)
        case .accepted(.runDeletionRequested, let ticket):
            deletionReason = Text("token \(ticket.token) asked for it")
        case .outcome(let outcome):
            switch outcome.command {
            case .dispatch(_, _, let tried, _): sent(tried.number, outcome.result)
            case .delete(_, let attempt):
                if outcome.result == .done, attempt.number == provenAttempt { deletedAt = entry.recordedAt }
            case .observe(_, let asked):
                if asked.number == attempt, outcome.result == .missing { missed(entry) }
            case .cancel:
                if isOpen, outcome.result == .done, cancellation == .requested { cancellation = .sent }
            case .welcome, .configure, .survey, .disconnect, .probe, .refuse, .probeTarget, .runCheck,
                .readZone:
                break
            }
        case .started, .clockStepped, .disk, .faulted, .captureOpened, .sessionOpened, .sessionClosed, .unreadable,
            .requested,
            .accepted, .refused, .deadline, .presence, .noted, .judged, .alerted, .scheduled, .command:
            break
        }
    }

    /// Whether the agent may be working on it and the store has not been asked.
    private var isAtAgent: Bool {
        switch phase {
        case .sending, .unconfirmed, .running: true
        case .queued, .waiting, .verifying, .reconciling, .ending, .captured, .closed: false
        }
    }

    /// Whether nothing was heard of it for too long, and the store has been asked.
    private var isAskedAbout: Bool { phase == .reconciling }

    /// The store does not have the attempt's object: another waits for the agent, unless something else follows at once.
    private mutating func missed(_ entry: Entry<Fleet.Message>) {
        guard isAskedAbout else { return }
        endTry(.unknown, at: entry.recordedAt)
        missedBy = entry.position.number
        phase = .queued
        status = .queued
    }

    /// What follows from the missing object is no other attempt in its place.
    private mutating func reconsider(_ entry: Entry<Fleet.Message>) {
        guard let missedBy, missedBy == entry.cause?.number, let last = tries.indices.last else { return }
        self.missedBy = nil
        phase = .reconciling
        status = .running
        tries[last].endedAt = nil
        tries[last].errorClass = nil
    }

    private mutating func start(_ next: UInt32, at moment: Timestamp) {
        guard isOpen, !isCaptured, phase == .queued || next != attempt else { return }
        attempt = next
        phase = .sending
        status = .running
        startedAt = startedAt ?? moment
        progressPercent = 0
        progressSentAt = nil
        step = nil
        errorText = nil
        errorClass = nil
        hasFailedSinceDelivery = false
        nextAttemptAt = nil
        // Of the one before, nobody knows whether it was ever sent: another has taken its place.
        endTry(.unknown, at: moment)
        tries.append(Try(number: next, startedAt: moment))
    }

    /// The last try is over, unless it is already.
    private mutating func endTry(_ failure: FailureClass?, _ text: Text? = nil, at moment: Timestamp) {
        guard let last = tries.indices.last, tries[last].endedAt == nil else { return }
        tries[last].endedAt = moment
        tries[last].errorClass = failure.map { Text($0.word) }
        tries[last].errorText = text?.prefix(byteCount: 300)
    }

    private mutating func retried(_ retry: Retry, at moment: Timestamp) {
        guard isOpen else { return }
        errorText = errorText ?? Self.explanation(of: retry.failure, in: .lost)
        errorClass = Text(retry.failure.word)
        endTry(retry.failure, errorText, at: moment)
        phase = .waiting
        status = .queued
        step = nil
        progressPercent = 0
        nextAttemptAt = retry.due
    }

    private mutating func sent(_ tried: UInt32, _ result: CommandOutcome.Result) {
        guard tried == attempt, phase == .sending else { return }  // the agent was quicker than the outcome
        switch result {
        case .done:
            phase = .running
        case .unknown:
            phase = .unconfirmed
        case .undone, .found, .missing, .surveyed, .probed, .zone:
            attempt = tried &- min(1, tried)
            if attempt == 0 { startedAt = nil }
            if tries.last?.number == tried { tries.removeLast() }
            if cancellation != nil { cancellation = .confirmed }
            phase = cancellation == nil ? .queued : .ending
            status = .queued
        }
    }

    /// A delivery that a capture shows: a repeated one, or after a terminal report the next attempt.
    mutating func deliver(at moment: Timestamp) {
        guard phase == .captured else { return }
        let isAnswered =
            attempt == 0 || hasFailedSinceDelivery || wasCancelled || claims.contains { $0.attempt == attempt }
        if isAnswered {
            attempt &+= 1
            progressPercent = 0
            progressSentAt = nil
            step = nil
        }
        startedAt = startedAt ?? moment
        hasFailedSinceDelivery = false
        wasCancelled = false
    }

    private mutating func fold(_ decision: ObjectDecision, ofAttempt attempt: UInt32) {
        guard attempt == provenAttempt else { return }
        switch decision {
        case .expired(let reason): deletionReason = reason
        case .vanished: proof?.object = "vanished"
        case .returned: proof?.object = "seen"
        case .orphaned: break
        }
    }

    private mutating func fold(_ update: JobUpdate, _ frame: ReceivedFrame) {
        let reported = isCaptured ? attempt : update.run?.parts?.attempt.number ?? attempt
        guard isOpen, phase != .waiting, reported == attempt else { return }
        switch update.status {
        case .failed:
            guard isAtAgent || isAskedAbout || phase == .captured else { return }
            hasFailedSinceDelivery = true
            errorText = update.errorText.isEmpty ? nil : update.errorText
            errorClass = Text((frame.failure ?? .unknown).word)
            if phase != .captured { phase = .ending }
        case .cancelled:
            guard isAtAgent || isAskedAbout || phase == .captured else { return }
            wasCancelled = true
            if cancellation != nil { cancellation = .confirmed }
            if phase != .captured { phase = .ending }
        case .queued, .running, .success, .unspecified, .unknown:
            // What was kept from before proves no life, and once the store is asked, the object's name is frozen.
            if !frame.isReplayed, phase == .sending || phase == .unconfirmed { phase = .running }
            if let last = progressSentAt, frame.sentAt < last, frame.isReplayed || last - frame.sentAt < Run.disorder {
                return
            }
            progressSentAt = frame.sentAt
            progressPercent = min(update.progressPercent, 100)
            step = update.step.isEmpty ? nil : update.step
        }
    }

    private mutating func fold(_ completion: Completion) {
        guard isOpen, let reported = isCaptured ? attempt : completion.run.parts?.attempt.number else { return }
        if claims.count == 8 { claims.removeFirst() }
        claims.append(
            Claim(
                attempt: reported, objectName: completion.objectName, byteCount: completion.byteCount,
                digest: completion.digest.map(Self.hexadecimal), durationMilliseconds: completion.durationMilliseconds,
                compression: completion.compression, databaseVersion: completion.databaseVersion))
        guard reported == attempt else { return }
        hasFailedSinceDelivery = false
        if isAtAgent || isAskedAbout { phase = .verifying }
    }

    private mutating func close(_ verdict: Verdict, at moment: Timestamp) {
        guard isOpen else { return }
        let (isUnheardOf, isQueued) = (isAskedAbout, phase == .queued)
        phase = .closed
        finishedAt = moment
        proof = Proof(object: "none", digest: "none")
        switch verdict {
        case .success(let attempt, let evidence):
            status = .success
            progressPercent = 100
            proof = Proof(object: "seen", digest: Text(evidence.source.rawValue))
            provenAttempt = attempt.number
            provenByteCount = evidence.byteCount
            provenDigest = evidence.digest.map(Self.hexadecimal)
        case .reported: status = .reported
        case .failed: status = .failed
        case .cancelled: status = .cancelled
        case .lost: status = .lost
        }
        let reported = errorText
        errorText = nil
        errorClass = verdict.failure.map { Text($0.word) }
        if isQueued, case .lost = verdict {
            errorText =
                attempt == 0
                ? "its agent did not take it in time; nothing was sent"
                : "its agent did not take another attempt in time"
        } else if let failure = verdict.failure {
            errorText = reported ?? Self.explanation(of: failure, in: status)
        }
        if isUnheardOf, case .cancelled = verdict {
            errorText = "not confirmed: the agent has not said that it stopped, and the store has no object of the run"
        }
        nextAttemptAt = nil
        endTry(verdict.failure, errorText, at: moment)
    }

    /// What stands in for a text of the agent's, which there is none of.
    private static func explanation(of failure: FailureClass, in status: Status) -> Text {
        switch failure {
        case .storage: "the agent reported completion, but the store has no object, or another one than was reported"
        case .timeout: "the run took longer than its deadline allows, and the store has no object of it"
        case .unknown where status == .lost:
            "whether the agent was told could not be known, nothing was heard from it, and the store has no object"
        case .lost: "nothing more was heard from the agent, and the store has no object"
        case .configuration, .source, .upload, .disconnect, .unknown: "the agent gave no reason"
        }
    }

    private static func hexadecimal(_ bytes: [UInt8]) -> Text {
        let digits = Array("0123456789abcdef".utf8)
        var text: [UInt8] = []
        for byte in bytes { text += [digits[Int(byte >> 4)], digits[Int(byte & 15)]] }
        return Text(String(decoding: text, as: UTF8.self))
    }
}
