/// Something about an agent that is not as it should be.
public struct Anomaly: Hashable, Sendable {
    /// The kinds, by the names that users see. A shipped name is never changed or reused.
    public enum Kind: String, Hashable, Sendable, CaseIterable, Comparable {
        /// A report about a run that this log does not know.
        case unknownRun = "unknown_run"
        /// A report about a run of another agent.
        case foreignRun = "foreign_run"
        /// A report about a run that had ended, or an attempt that was given up.
        case lateReport = "late_report"
        /// Progress went down within one attempt.
        case progressBackwards = "progress_backwards"
        /// One number on two different messages of one process.
        case sequenceReuse = "sequence_reuse"
        /// The agent's process is a new one.
        case processRestart = "process_restart"
        /// The agent's clock and ours differ by more than 30 s.
        case clockSkew = "clock_skew"
        /// Registered, was answered, and was never heard again.
        case silentAfterRegister = "silent_after_register"
        /// The same, of an agent that may have saved more messages than its replay can take.
        case backlogHang = "backlog_hang"
        /// A message that is no envelope.
        case unreadableFrame = "unreadable_frame"
        /// A completion after a failure of the same attempt.
        case completionAfterFailure = "completion_after_failure"
        /// Another completion of the same run.
        case repeatedCompletion = "repeated_completion"
        /// The agent's key is on two machines that are both alive.
        case identityConflict = "identity_conflict"
        /// Two messages of one connection came in the opposite order of their numbers.
        case messageReordered = "message_reordered"
        /// A message was made and never came.
        case messageLost = "message_lost"
        /// A run ended because the connection or the process that carried it did.
        case runCutOff = "run_cut_off"
        /// Heartbeats name another version of the configuration than the one that was sent.
        case configNotApplied = "config_not_applied"
        /// An instruction was sent, and what came after shows that it was not followed or may not have arrived.
        case unconfirmedCommand = "unconfirmed_command"

        /// Orders by name.
        public static func < (left: Kind, right: Kind) -> Bool { Text(left.rawValue) < Text(right.rawValue) }
    }

    /// Whose.
    public var agent: AgentID
    /// What.
    public var kind: Kind
    /// The known run it is about.
    public var run: RunID?
    /// More, for people.
    public var detail: Text

    /// An anomaly with all its parts.
    public init(agent: AgentID, kind: Kind, run: RunID?, detail: Text) {
        self.agent = agent
        self.kind = kind
        self.run = run
        self.detail = detail
    }
}

extension Anomaly.Kind {
    /// What to do about it, in one sentence.
    public var remedy: String {
        switch self {
        case .unknownRun:
            "See whether the agent works for another server too, or this one was restored from an older copy: the run "
                + "is not on this log, and its object is an orphan."
        case .foreignRun:
            "Look for a copied state directory: the agent reports about a run that another agent was given."
        case .lateReport:
            "Nothing is needed for one; where they recur, give the job a longer timeout_sec or look at the agent's "
                + "connection, since its reports come after runs were given up."
        case .progressBackwards:
            "Nothing is needed: progress is shown and decides nothing."
        case .sequenceReuse:
            "Nothing is needed: reports are judged by what they say and never by their numbers; where they recur, "
                + "look for a second process with the same key."
        case .processRestart:
            "Find out why the agent was restarted (update, crash, out of memory): a run that it was doing is given up "
                + "after 150 s and tried again as the job's retry says."
        case .clockSkew:
            "Set the host's clock by NTP: the agent's times, those of health results among them, are off by as much."
        case .silentAfterRegister:
            "Restart the agent: it is connected and neither reads nor writes."
        case .backlogHang:
            "Restart the agent: it had saved more reports than it can send again, and hangs until it is restarted; the "
                + "reports that it had begun to send are lost."
        case .unreadableFrame:
            "Look at the agent's version and at proxies before the server: what came is no message of the protocol."
        case .completionAfterFailure:
            "Look at the run's timeline: the agent did a run again that it had reported as failed."
        case .repeatedCompletion:
            "Nothing is needed: the object was judged by what the store has, not by the reports."
        case .identityConflict:
            "Register the second machine as an agent of its own, and rotate this agent's key if you do not know that "
                + "machine."
        case .messageReordered:
            "Nothing is needed: reports are judged by what they say and never by their numbers."
        case .messageLost:
            "Look into the agent's own log for what it could not send, and replace a reference agent by ours, which "
                + "keeps reports until they are confirmed."
        case .runCutOff:
            "Look at the network between agent and server, or at what restarted or killed the agent: a reference agent "
                + "stops its runs with the connection that brought them."
        case .configNotApplied:
            "Restart the agent: it then takes its configuration anew and names the version that it has."
        case .unconfirmedCommand:
            "Look at the run: reference agents confirm no command and only log a cancellation, so the run may go on "
                + "until it ends by itself; stop it on the host if it must not."
        }
    }
}
