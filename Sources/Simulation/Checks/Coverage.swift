public import Core

/// Which messages met which phases: what a set of worlds has shown, and what it has not.
public struct Coverage: Sendable {
    /// A kind of message and the phase that it met.
    public struct Pair: Hashable, Comparable, Sendable, CustomStringConvertible {
        /// As entries have it.
        public var kind: Text
        /// Of the run, agent or other thing that the message is about.
        public var phase: Text

        /// A pair with both parts.
        public init(kind: Text, phase: Text) {
            self.kind = kind
            self.phase = phase
        }

        /// Orders by kind, then phase.
        public static func < (left: Pair, right: Pair) -> Bool {
            (left.kind, left.phase) < (right.kind, right.phase)
        }

        /// Both, as the list of unreached pairs has them.
        public var description: String { "\(kind) \(phase)" }
    }

    private var counts: [Pair: Int] = [:]

    /// Nothing reached yet.
    public init() {}

    /// The pairs that were reached, in order.
    public var pairs: [Pair] { counts.keys.sorted() }

    /// What came from outside, to the control plane, and is in no family of pairs that must be reached: kinds that were
    /// added and forgotten there.
    public var unlisted: [Text] {
        let outside = ["frame.", "request.", "outcome.", "deadline.", "session.opened", "session.closed", "engine."]
        let kinds = Set(counts.keys.map(\.kind)).filter { kind in outside.contains { kind.string.hasPrefix($0) } }
        return kinds.filter { !ReachablePairs.names($0) }.sorted()
    }

    /// How often a pair was.
    public func count(of pair: Pair) -> Int { counts[pair] ?? 0 }

    /// The pairs that might be reached and were not, with the reason where that does not matter.
    public var unreached: [(pair: Pair, excuse: String?)] {
        ReachablePairs.all.filter { counts[$0] == nil }.map { ($0, ReachablePairs.excuse(for: $0)) }
    }

    /// Adds what other worlds have reached.
    public mutating func add(_ other: Coverage) { counts.merge(other.counts) { $0 + $1 } }

    mutating func note(_ entry: Entry<Fleet.Message>, in state: borrowing Fleet.State) {
        counts[Pair(kind: entry.kind, phase: Self.phase(of: entry.message, entry.stream, in: state)), default: 0] += 1
    }

    mutating func note(_ entry: Entry<Station.Message>, in state: Station.State?) {
        guard let state else { return }
        counts[Pair(kind: entry.kind, phase: Self.phase(of: entry.message, in: state)), default: 0] += 1
    }
}

extension Coverage {
    private static func phase(
        of message: Fleet.Message, _ stream: Stream, in state: borrowing Fleet.State
    ) -> Text {
        switch message {
        case .received(let agent, let frame):
            switch frame.report {
            case .jobUpdate(let update): phase(of: update.run, agent, stream, in: state)
            case .completed(let completion): phase(of: completion.run, agent, stream, in: state)
            default: phase(of: agent, in: state)
            }
        case .sessionOpened(let agent, _), .sessionClosed(let agent, _, _), .unreadable(let agent, _),
            .presence(let agent, _), .captureOpened(let agent), .captured(let agent, _):
            phase(of: agent, in: state)
        case .noted(let anomaly): anomaly.run.map { phase(of: $0, in: state) } ?? phase(of: anomaly.agent, in: state)
        case .decided(let run, _): phase(of: run, in: state)
        case .command(let command): phase(of: command, in: state)
        case .outcome(let outcome): phase(of: outcome.command, in: state)
        case .deadline(.run(let run)): phase(of: run, in: state)
        case .deadline(.silence(let agent)), .deadline(.claim(let agent)): phase(of: agent, in: state)
        case .requested(.cancelRun(let run), _), .requested(.deleteRun(let run), _),
            .requested(.issueDecryptionToken(let run), _):
            phase(of: run, in: state)
        default: "any"
        }
    }

    private static func phase(
        of wire: WireRunID?, _ agent: AgentID, _ stream: Stream, in state: borrowing Fleet.State
    ) -> Text {
        guard let run = wire?.parts?.run, stream == .run(run) else { return phase(of: agent, in: state) }
        return phase(of: run, in: state)
    }

    private static func phase(of command: Command, in state: borrowing Fleet.State) -> Text {
        switch command {
        case .welcome(let agent, _), .configure(let agent, _), .disconnect(let agent, _), .probe(let agent, _),
            .refuse(let agent, _), .runCheck(let agent, _):
            phase(of: agent, in: state)
        case .probeTarget(let check): state.checks.contains(check) ? "present" : "absent"
        case .survey, .readZone: "any"
        case .dispatch(_, let run, _, _), .cancel(_, let run, _), .observe(let run, _), .delete(let run, _):
            phase(of: run, in: state)
        }
    }

    private static func phase(of run: RunID, in state: borrowing Fleet.State) -> Text {
        state.runs[run]?.phase.word ?? "absent"
    }

    private static func phase(of agent: AgentID, in state: borrowing Fleet.State) -> Text {
        guard let known = state.agents[agent] else { return "absent" }
        guard let session = known.session else { return "away" }
        if state.claims.contains(agent) { return "claimed" }
        return session.isWelcomed ? "welcomed" : "registered"
    }

    private static func phase(of message: Station.Message, in state: borrowing Station.State) -> Text {
        switch message {
        case .started, .connected, .disconnected, .configured: state.session == nil ? "away" : "connected"
        case .cancelTold: "any"
        case .told(let id, _), .progressed(let id, _), .announce(let id), .dump(let id), .upload(let id), .stop(let id),
            .discard(let id), .report(let id), .forget(let id), .outcome(let id, _, _), .reportExpired(let id),
            .journalExpired(let id):
            switch state.runs[id]?.phase {
            case nil: "absent"
            case .queued: "queued"
            case .dumping: "dumping"
            case .staged: "staged"
            case .uploading: "uploading"
            case .concluded: "concluded"
            case .reporting: "reporting"
            case .confirmed: "confirmed"
            }
        }
    }
}
