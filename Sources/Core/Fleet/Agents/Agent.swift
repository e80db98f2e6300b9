/// An agent as far as the log has been read.
public struct Agent: Hashable, Sendable {
    /// Whether it can be reached, as users see it.
    public enum Status: String, Hashable, Sendable, CaseIterable {
        case neverConnected = "never_connected"
        case online
        case offline
    }

    /// One connection, from Register to close.
    public struct Session: Hashable, Sendable {
        /// Its id; nil in a capture without RegisterAck.
        public internal(set) var id: SessionID?
        /// Where the agent dialled from.
        public internal(set) var remoteAddress: Text
        /// The extensions both sides speak.
        public internal(set) var extensions: [Text]
        /// When its Register was built, by the agent's clock.
        var registeredSentAt: Timestamp?
        /// When RegisterAck was sent; nil before.
        public internal(set) var welcomedAt: Timestamp?
        /// Whether anything but Register came.
        var hasSpoken = false
        /// Whether it has said, in a first heartbeat, which runs it knows.
        var hasListedRuns = false
        /// What its last heartbeat lists of the runs that this log knows, without what was reported to be over since.
        var listed: [ListedAttempt] = []
        /// What it was told to stop, since nobody waits for it any more, and lists all the same.
        var stops: [SentStop] = []
        /// Whether it has been told that one of them goes on for too long.
        var isStopNoted = false
        /// Whether RunBackup can be sent: it was welcomed, and nothing has failed to go out since.
        public internal(set) var takesRuns = false
        /// How many messages it may have saved when it registered: of runs without a terminal report, and discoveries.
        var savedCount: UInt32 = 0
        /// Whether its skew has been told.
        var isSkewNoted = false
        /// Whether it has been told that its configuration is another than the one it was sent.
        var isConfigurationNoted = false

        /// Whether RegisterAck was sent.
        public var isWelcomed: Bool { welcomedAt != nil }
    }

    /// What the operator calls it; in a capture, its hostname.
    public internal(set) var name: Text
    /// SHA-256 of its key, 32 bytes; empty in a capture.
    public internal(set) var keyDigest: [UInt8]
    /// Whether it is known from a capture only: nothing is ever commanded to it.
    public internal(set) var isCaptured: Bool
    /// Whether it can be reached.
    public internal(set) var status = Status.neverConnected
    /// What it is told besides targets and jobs.
    public internal(set) var settings = AgentSettings()
    /// The version of the configuration it should have; in a capture, the last one it was sent.
    public internal(set) var configVersion: UInt64 = 1
    /// The version its last heartbeat spoke of; nil before the first one.
    public internal(set) var appliedConfigVersion: UInt64?
    /// When its present version was sent over the present connection; nil before.
    var configSentAt: Timestamp?
    /// The last change of its settings, or its creation.
    public internal(set) var settingsPosition = Position(0)
    /// When the last heartbeat was sent, by the agent's clock.
    var heartbeatSentAt: Timestamp?
    /// Who it says it is.
    public internal(set) var registration: Registration?
    /// The open connection.
    public internal(set) var session: Session?
    /// Whether it said that it journals runs.
    public internal(set) var journalsRuns = false
    /// The host's figures.
    public internal(set) var metrics: AgentMetrics?
    /// What its container engine runs.
    public internal(set) var discovered: [DiscoveredContainer] = []
    /// When that was reported, by the agent's clock.
    var discoveredSentAt: Timestamp?
    /// When it was last heard.
    public internal(set) var lastSeenAt: Timestamp?
    /// Its databases, in the order of creation. With ``jobs`` and ``checks`` derived from their tables, so that the
    /// configuration of one agent costs nothing of the others'.
    public internal(set) var targets: [TargetID] = []
    /// Its jobs, in the order of creation.
    public internal(set) var jobs: [JobID] = []
    /// Its health checks, in the order of creation.
    public internal(set) var checks: [CheckID] = []
    /// Runs that have no verdict, in the order they were asked for.
    public internal(set) var openRuns: [RunID] = []
    /// How many of them may be being worked on.
    public internal(set) var inFlightCount: UInt32 = 0
    /// How many of them wait to be started.
    public internal(set) var queuedCount: UInt32 = 0
    /// The highest number of a live frame of this process.
    var highestLiveSequence: UInt64 = 0
    /// Which numbers are missing.
    var numbers = MessageNumbers()
    /// The Register by which a new process was noticed last.
    var restartedBy: Position?
    /// The last frames, to recognise exact repetitions.
    var recent = RecentFrames()
    /// Exact repetitions.
    public internal(set) var duplicateCount: UInt64 = 0
    /// How often each anomaly was noted, by the order of ``Anomaly/Kind/allCases``.
    var anomalyCounts = [UInt64](repeating: 0, count: Anomaly.Kind.allCases.count)

    init(name: Text, keyDigest: [UInt8], isCaptured: Bool) {
        self.name = name
        self.keyDigest = keyDigest
        self.isCaptured = isCaptured
    }

    /// How often each kind was noted, without those that never were, in the order of their names.
    public var anomalies: [(kind: Anomaly.Kind, count: UInt64)] {
        zip(Anomaly.Kind.allCases, anomalyCounts).filter { $1 > 0 }.map { ($0, $1) }.sorted { $0.kind < $1.kind }
    }

    /// Whether its heartbeats name the configuration that it should have.
    public var isConfigurationApplied: Bool { appliedConfigVersion == configVersion }

    mutating func note(_ kind: Anomaly.Kind) {
        guard let place = Anomaly.Kind.allCases.firstIndex(of: kind) else { return }
        anomalyCounts[place] &+= 1
    }
}

/// The fingerprints of an agent's last 64 frames. A repetition is counted and changes nothing; everything
/// else is judged by its meaning.
struct RecentFrames: Hashable, Sendable {
    struct Frame: Hashable, Sendable {
        var sequence: UInt64
        var fingerprint: UInt64
    }

    enum Finding {
        case new
        case repeated
        /// The number was on another message.
        case reused
    }

    private(set) var frames: [Frame] = []
    private(set) var next = 0
    static let capacity = 64

    init(frames: [Frame] = [], next: Int = 0) {
        self.frames = frames
        self.next = next
    }

    mutating func add(sequence: UInt64, fingerprint: UInt64) -> Finding {
        let frame = Frame(sequence: sequence, fingerprint: fingerprint)
        if frames.contains(where: { $0.fingerprint == fingerprint }) { return .repeated }
        let isReused = sequence != 0 && frames.contains { $0.sequence == sequence }
        if frames.count < Self.capacity {
            frames.append(frame)
        } else {
            frames[next] = frame
            next = (next + 1) % Self.capacity
        }
        return isReused ? .reused : .new
    }

    mutating func clear() {
        frames.removeAll(keepingCapacity: true)
        next = 0
    }
}
