/// What was decided about a run. A recorded decision is a fact: folding uses it and never decides again.
public enum RunDecision: Hashable, Sendable {
    /// This attempt begins. `isRepeatable`: the agent said that it journals runs, so that sending twice is harmless.
    case started(Attempt, isRepeatable: Bool)
    /// An attempt came to nothing, and another one will follow. `grounds` are the positions that this rests on besides
    /// its cause.
    case retried(Retry, grounds: [Position])
    /// The run has ended. `grounds` are the positions it rests on besides its cause.
    case closed(Verdict, grounds: [Position])
}

/// That another attempt follows one that came to nothing.
public struct Retry: Hashable, Sendable {
    /// The attempt that came to nothing.
    public var attempt: Attempt
    /// What went wrong with it.
    public var failure: FailureClass
    /// When the next one may begin.
    public var due: Timestamp
    /// Whether it leaves the job's attempts as they are: the first one that was cut off does.
    public var isFree: Bool

    /// A retry with all its parts.
    public init(attempt: Attempt, failure: FailureClass, due: Timestamp, isFree: Bool) {
        self.attempt = attempt
        self.failure = failure
        self.due = due
        self.isFree = isFree
    }
}

/// How a run ended.
public enum Verdict: Hashable, Sendable {
    /// The object was seen in its store.
    case success(Attempt, Evidence)
    /// A captured agent said so, and no object was looked for.
    case reported
    /// It failed.
    case failed(FailureClass)
    /// A cancellation was confirmed.
    case cancelled
    /// Nothing more was heard, and there is no object.
    case lost(FailureClass)

    /// The word that users see.
    public var word: String {
        switch self {
        case .success: "success"
        case .reported: "reported"
        case .failed: "failed"
        case .cancelled: "cancelled"
        case .lost: "lost"
        }
    }

    /// The class of what went wrong; nil when nothing did.
    public var failure: FailureClass? {
        switch self {
        case .failed(let failure), .lost(let failure): failure
        case .success, .reported, .cancelled: nil
        }
    }
}

/// What proved a success.
public struct Evidence: Hashable, Sendable {
    /// Where the digest that was compared came from.
    public enum DigestSource: String, Hashable, Sendable, CaseIterable {
        /// None was compared.
        case none
        /// The store computed it.
        case store
        /// The object was read back.
        case readBack = "read_back"
    }

    /// The object's size as the store has it.
    public var byteCount: UInt64
    /// The object's SHA-256 as the store has it, 32 bytes.
    public var digest: [UInt8]?
    /// What the reported digest was compared with.
    public var source: DigestSource

    /// Evidence with all its parts.
    public init(byteCount: UInt64, digest: [UInt8]?, source: DigestSource) {
        self.byteCount = byteCount
        self.digest = digest
        self.source = source
    }
}

/// An instruction to a worker. It names things and does not carry them: the worker puts in keys, passwords and signed
/// URLs when it acts.
public enum Command: Hashable, Sendable {
    /// Answer Register with RegisterAck and the full configuration.
    case welcome(AgentID, SessionID)
    /// Push the configuration; at least this version.
    case configure(AgentID, version: UInt64)
    /// Send RunBackup. May be sent again after a restart only if the agent journals runs.
    case dispatch(AgentID, RunID, Attempt, isRepeatable: Bool)
    /// Send CancelJob for the job of this attempt.
    case cancel(AgentID, RunID, Attempt)
    /// Ask the store about the attempt's object, and freeze its name.
    case observe(RunID, Attempt)
    /// Delete the attempt's object and its data key.
    case delete(RunID, Attempt)
    /// Look through the store for what the state does not have, and the other way round.
    case survey
    /// Close the agent's connection.
    case disconnect(AgentID, SessionID)
    /// Ask a connection for a sign of life: another host came with the agent's key.
    case probe(AgentID, SessionID)
    /// End a connection that came with the key of an agent which is connected from another host.
    case refuse(AgentID, SessionID)
    /// Read the rules of a time zone from the host's data, from a moment on and some years beyond now.
    case readZone(Text, from: Timestamp)
    /// Probe what a health check names, from here.
    case probeTarget(CheckID)
    /// Send RunHealthCheck.
    case runCheck(AgentID, CheckID)
}

/// What became of an instruction.
public struct CommandOutcome: Hashable, Sendable {
    /// What happened.
    public enum Result: Hashable, Sendable {
        /// It was done. A sent frame was written to the connection; whether the agent acts on it is another matter.
        case done
        /// It was certainly not done.
        case undone(Text)
        /// Whether it was done cannot be known: an earlier process died while doing it.
        case unknown
        /// The store has the object.
        case found(byteCount: UInt64, digest: [UInt8]?)
        /// The store has no such object.
        case missing
        /// The store was looked through.
        case surveyed(Survey)
        /// The zone's rules.
        case zone(ZoneRules)
        /// A health check was probed, and this was found.
        case probed(HealthResult)
    }

    /// The instruction's entry.
    public var position: Position
    /// The instruction.
    public var command: Command
    /// What happened.
    public var result: Result

    /// An outcome with all its parts.
    public init(position: Position, command: Command, result: Result) {
        self.position = position
        self.command = command
        self.result = result
    }
}
