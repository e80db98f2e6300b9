extension Fleet {
    /// What an entry says, as one plain sentence for someone who knows backups and not this program. It tells no more
    /// than the entry does, so it never needs the state.
    public static func sentence(for message: Message) -> String {
        switch message {
        case .started(let start):
            "The engine started, with build \(start.build) and rules \(start.rules)."
                + (start.clockBehind.count > 0
                    ? " The wall clock was \(start.clockBehind.count) ms behind the log." : "")
        case .clockStepped(let step):
            "The wall clock jumped \(step.count < 0 ? "back" : "forwards") by \(step.magnitude.count) ms."
        case .disk(.logWasFull(let span)):
            "The control plane's log had no room for \(span.count) ms and took nothing; now it has."
        case .disk(.short(let room)):
            "On the control plane's disk \(count(room.freeByteCount, "byte")) of \(room.totalByteCount) were free: too few for objects."
        case .disk(.roomy(let room)):
            "On the control plane's disk \(count(room.freeByteCount, "byte")) of \(room.totalByteCount) were free: there is room again."
        case .faulted(let text): ended("The engine met a defect of its own: \(text)")
        case .captureOpened(let agent): "The import of a capture of agent \(agent) began."
        case .sessionOpened(let agent, let opening): sentence(for: opening, of: agent)
        case .sessionClosed(let agent, let session, let closing):
            "Session \(session) of agent \(agent) ended: \(words(for: closing))."
        case .received(let agent, let frame): sentence(for: frame, from: agent)
        case .captured(let agent, let frame): sentence(for: frame.order, to: agent)
        case .unreadable(let agent, let frame):
            ended(
                "\(frame.isFromAgent ? "Agent \(agent)" : "The captured server of agent \(agent)") sent "
                    + "\(count(frame.byteCount, "byte")) that could not be read: \(frame.problem)")
        case .requested(let request, let ticket): "Token \(ticket.token) asked to \(words(for: request))."
        case .accepted(let acceptance, _): sentence(for: acceptance)
        case .refused(let refusal):
            ended("The request was refused: \(refusal.field.isEmpty ? "" : "\(refusal.field) ")\(refusal.text)")
        case .deadline(let key): sentence(for: key)
        case .presence(let agent, .online): "Agent \(agent) can be reached."
        case .presence(let agent, .offline): "Agent \(agent) can no longer be reached."
        case .noted(let anomaly): sentence(for: anomaly)
        case .decided(let run, let decision): sentence(for: decision, of: run)
        case .object(let object, let decision): sentence(for: decision, of: object)
        case .alerted(let decision): sentence(for: decision)
        case .scheduled(let job, let decision): sentence(for: decision, of: job)
        case .judged(let check, let decision): sentence(for: decision, of: check)
        case .command(let command): "It was ordered to \(words(for: command))."
        case .outcome(let outcome): sentence(for: outcome)
        }
    }

    /// The positions that an entry rests on besides its cause, in the order of the log.
    public static func grounds(of message: Message) -> [Position] {
        switch message {
        case .alerted(let decision): decision.grounds
        case .decided(_, .closed(_, let grounds)), .decided(_, .retried(_, let grounds)),
            .judged(_, .became(_, let grounds)):
            grounds
        case .accepted(.repeated(let position), _): [position]
        case .started, .clockStepped, .disk, .faulted, .captureOpened, .sessionOpened, .sessionClosed, .received,
            .captured,
            .unreadable, .requested, .accepted, .refused, .deadline, .presence, .noted, .decided(_, .started), .object,
            .judged, .scheduled, .command, .outcome:
            []
        }
    }

    private static func sentence(for opening: SessionOpening, of agent: AgentID) -> String {
        let session = opening.session.map { "session \($0)" } ?? "a session"
        let place = opening.remoteAddress.isEmpty ? "" : " from \(opening.remoteAddress)"
        return "Agent \(agent) connected\(place) and began \(session)."
    }

    private static func words(for closing: SessionClosing) -> String {
        switch closing {
        case .closed: "the connection was closed by the agent or the network"
        case .replaced: "a newer connection of the same agent took its place"
        case .silent: "nothing was heard for 90 s"
        case .ended: "the server ended it"
        }
    }

    private static func sentence(for key: TimerKey) -> String {
        switch key {
        case .silence(let agent): "Agent \(agent) had been silent for too long."
        case .claim(let agent): "The host that holds the key of agent \(agent) did not show that it lives."
        case .schedule(let job): "The next time of the schedule of job \(job) had come."
        case .zone(let zone): "It was time to read the rules of time zone \(zone) anew."
        case .run(let run): "A deadline of run \(run) passed."
        case .retention(let job): "The objects of job \(job) were to be judged by its retention."
        case .leftovers(let run): "What the attempts of run \(run) may have left in the store was to be deleted."
        case .deletion(let key):
            "The deletion of the object of attempt \(key.attempt) of run \(key.run) was to be tried again."
        case .survey: "The store was to be looked through."
        case .window(let agent): "The maintenance of agent \(agent) was over, and runs were queued."
        case .starts: "The fleet had starts left again."
        case .cancellation(let run):
            "The agent did not answer in time that it had stopped run \(run): the run goes on to its end."
        case .alert(let key): "It was time to look whether alert \(key.kind.rawValue) of \(key.subject) stands."
        case .check(let check): "The next look at health check \(check) was due."
        case .idempotency(let key): "Idempotency key \(key.key) of token \(key.token) was forgotten."
        }
    }

    private static func sentence(for anomaly: Anomaly) -> String {
        let run = anomaly.run.map { " in run \($0)" } ?? ""
        let detail = anomaly.detail.isEmpty ? "" : " (\(anomaly.detail))"
        return "Agent \(anomaly.agent) behaved oddly\(run): \(words(for: anomaly.kind))\(detail)."
    }

    private static func words(for kind: Anomaly.Kind) -> String {
        switch kind {
        case .unknownRun: "it reported about a run that this log does not know"
        case .foreignRun: "it reported about a run of another agent"
        case .lateReport: "its report came after the run had ended, or about an attempt that was given up"
        case .progressBackwards: "its progress went down"
        case .sequenceReuse: "it used one number for two different messages"
        case .processRestart: "its process is a new one"
        case .clockSkew: "its clock and ours differ by more than 30 s"
        case .silentAfterRegister: "it registered, was answered, and was never heard again"
        case .backlogHang: "it registered, with more saved messages than it can send again, and was never heard again"
        case .unreadableFrame: "it sent something that is no message"
        case .completionAfterFailure: "it reported completion after it had reported failure"
        case .identityConflict: "its key is used on two hosts"
        case .repeatedCompletion: "it reported the same completion again"
        case .messageReordered: "two of its messages came in the opposite order of their numbers"
        case .messageLost: "a message that it had made never came"
        case .runCutOff: "the connection or the process that carried the run ended"
        case .configNotApplied: "it goes on naming another configuration than the one it was sent"
        case .unconfirmedCommand: "an instruction to it was not followed, or may not have arrived"
        }
    }

    private static func sentence(for decision: RunDecision, of run: RunID) -> String {
        switch decision {
        case .started(let attempt, _):
            return "Attempt \(attempt) of run \(run) began, since its agent was ready."
        case .retried(let retry, _):
            return
                "Attempt \(retry.attempt) of run \(run) came to nothing (\(words(for: retry.failure))); another one may begin "
                + "at \(retry.due.text)"
                + (retry.isFree ? ", and since it was cut off for the first time it does not count." : ".")
        case .closed(.success(let attempt, let evidence), _):
            let digest =
                switch evidence.source {
                case .store: "with the digest that the agent reported"
                case .readBack: "and was read back with the digest that the agent reported"
                case .none: "and no digest of it was compared"
                }
            return
                "Run \(run) ended as a success: the store has the object of attempt \(attempt), "
                + "\(count(evidence.byteCount, "byte")), \(digest)."
        case .closed(.reported, _):
            return "Run \(run) of a capture ended: the agent reported completion, and no object was looked for."
        case .closed(.failed(let reason), _):
            return "Run \(run) failed: \(words(for: reason))."
        case .closed(.cancelled, _):
            return "Run \(run) ended as cancelled."
        case .closed(.lost(let reason), _):
            // Of a run that never left the queue no store was asked.
            let why =
                reason == .lost
                ? "its agent did not take it in time, or nothing more was heard from it" : words(for: reason)
            return "Run \(run) was given up as lost: \(why); no object of it was seen in the store."
        }
    }

    private static func words(for reason: FailureClass) -> String {
        switch reason {
        case .configuration:
            "the job, the target or the tools on the host are not set up, and trying again changes nothing"
        case .source: "the database or a hook said no"
        case .upload: "the object could not be uploaded"
        case .storage: "the store has no object, or another one than was reported"
        case .disconnect: "the agent lost its connection or was restarted"
        case .timeout: "it took longer than its deadline allows"
        case .lost: "nothing more was heard from the agent"
        case .unknown: "no reason could be told"
        }
    }

    /// `1 byte`, `2 bytes`.
    static func count(_ number: UInt64, _ noun: String) -> String { "\(number) \(noun)\(number == 1 ? "" : "s")" }

    /// Joins without repeating a full stop that a text from outside ends with.
    static func ended(_ text: String) -> String { text.hasSuffix(".") ? text : text + "." }
}
