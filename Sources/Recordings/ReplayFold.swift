public import Core
public import Engine

/// Folds a log of the control plane and keeps what its golden result needs, also of runs that the state has forgotten.
public struct ReplayFold: Sendable {
    /// One connection of an agent.
    public struct Session: Hashable, Sendable {
        /// Its id; nil in a capture without RegisterAck.
        public var id: SessionID?
        /// `seq` of its Register.
        public var registerSequence: UInt64?
        /// The version of the configuration that the agent said it had.
        public var lastKnownConfigVersion: UInt64?
        /// Versions that it was sent, in order.
        public var configVersions: [UInt64] = []
    }

    /// What the entries have been folded into.
    public private(set) var state = Fleet.initial
    /// How many entries there were.
    public private(set) var entryCount = 0
    /// When the last one was recorded.
    public private(set) var recordedAt: Timestamp?
    /// How many of each kind.
    public private(set) var kinds: [Text: Int] = [:]
    /// Connections in order.
    public private(set) var sessions: [Session] = []
    /// Runs in the order of their creation, as they were when last seen.
    public private(set) var runs: [(id: RunID, run: Run)] = []
    /// How often each kind of anomaly was noted.
    public private(set) var anomalies: [Text: Int] = [:]
    private var places: [RunID: Int] = [:]
    private var openSessions: [AgentID: Int] = [:]
    /// Versions that commands without an outcome will send.
    private var versions: [Position: UInt64] = [:]

    /// Nothing folded yet.
    public init() {}

    /// Folds one entry; returns what it changed, for deciding again.
    @discardableResult
    public mutating func add(_ entry: Entry<Fleet.Message>) -> [Fleet.Change] {
        let changes = Fleet.fold(entry, into: &state)
        entryCount += 1
        recordedAt = entry.recordedAt
        kinds[entry.kind, default: 0] += 1
        noteSessions(entry)
        if case .noted(let anomaly) = entry.message { anomalies[Text(anomaly.kind.rawValue), default: 0] += 1 }
        if let id = entry.run, let run = state.runs[id] { note(id, run) }
        return changes
    }

    /// Folds the entries of a log, from its start.
    ///
    /// - Parameters:
    ///   - limit: The last position to fold.
    ///   - moment: Entries that were recorded later are left out.
    /// - Throws: `LogError`, or `CodecError` for an entry that this build cannot read.
    public mutating func add(
        contentsOf reader: any LogReader, codec: some Codec<Fleet.Message>, upTo limit: Position = Position(.max),
        notAfter moment: Timestamp = Timestamp(milliseconds: .max)
    ) throws {
        var last = Position.start
        while last < limit {
            let entries = try reader.read(after: last, limit: 1_024)
            guard let end = entries.last else { return }
            for entry in entries {
                guard entry.position <= limit, entry.recordedAt <= moment else { return }
                add(try codec.decode(entry))
            }
            last = end.position
        }
    }

    private mutating func note(_ id: RunID, _ run: Run) {
        if let place = places[id] {
            runs[place].run = run
        } else {
            places[id] = runs.count
            runs.append((id, run))
        }
    }

    private mutating func noteSessions(_ entry: Entry<Fleet.Message>) {
        switch entry.message {
        case .sessionOpened(let agent, let opening):
            openSessions[agent] = sessions.count
            sessions.append(Session(id: opening.session))
        case .received(let agent, let frame):
            guard case .register(let registration) = frame.report, let place = openSessions[agent] else { return }
            sessions[place].registerSequence = frame.sequence
            sessions[place].lastKnownConfigVersion = registration.lastKnownConfigVersion
        case .captured(let agent, let frame):
            switch frame.order {
            case .registerAck(_, let version?), .configUpdate(let version?): sent(version, to: agent)
            case .registerAck, .configUpdate, .runBackup, .cancelJob, .other: break
            }
        case .command(.welcome(let agent, _)):
            versions[entry.position] = state.agents[agent]?.configVersion
        case .command(.configure(_, let version)):
            versions[entry.position] = version
        case .outcome(let outcome):
            guard let version = versions.removeValue(forKey: outcome.position), outcome.result == .done else { return }
            switch outcome.command {
            case .welcome(let agent, _), .configure(let agent, _): sent(version, to: agent)
            case .dispatch, .cancel, .observe, .delete, .survey, .disconnect, .probe, .refuse, .probeTarget, .runCheck,
                .readZone:
                break
            }
        case .started, .clockStepped, .disk, .faulted, .captureOpened, .sessionClosed, .unreadable, .requested,
            .accepted,
            .refused, .deadline, .presence, .noted, .decided, .object, .judged, .alerted, .scheduled, .command:
            break
        }
    }

    private mutating func sent(_ version: UInt64, to agent: AgentID) {
        if let place = openSessions[agent] { sessions[place].configVersions.append(version) }
    }
}

extension Entry {
    /// The run whose stream it stands in.
    fileprivate var run: RunID? {
        let prefix = "run/"
        let name = stream.name.string.utf8
        guard name.starts(with: prefix.utf8) else { return nil }
        return String(name.dropFirst(prefix.utf8.count)).map { RunID(Text($0)) }
    }
}
