/// What an agent said in one frame. `Wire` makes it from the redacted bytes by a total function: texts are cut to
/// bounded lengths, numbers clamped, nonsense absent, maps sorted by key bytes.
public enum Report: Hashable, Sendable {
    /// The first message of a connection.
    case register(Registration)
    /// Each 30 s.
    case heartbeat(Heartbeat)
    /// What the container engine runs.
    case discovery([DiscoveredContainer])
    /// How a run is going, or that it failed.
    case jobUpdate(JobUpdate)
    /// A backup was made and uploaded, the agent says.
    case completed(Completion)
    /// What a probe found.
    case health(HealthResult)
    /// A line of the agent's log.
    case log(LogLine)
    /// Reserved for restores.
    case restore(RestoreUpdate)
    /// The answer to a ping.
    case acknowledgement(accepted: Bool, reason: Text)
    /// An envelope without a message that an agent sends: recorded, and changes nothing. The tag is 0 when there is none.
    case other(tag: UInt32)
}

/// Who the agent says it is.
public struct Registration: Hashable, Sendable {
    /// The build's version text.
    public var agentVersion: Text
    /// The host's name.
    public var hostname: Text
    /// `linux` and the like.
    public var os: Text
    /// `amd64` and the like.
    public var arch: Text
    /// The container engine's version; empty when unknown.
    public var dockerVersion: Text
    /// What it says it can do.
    public var capabilities: [Text]
    /// The version of the configuration it holds; 0 on the first start.
    public var lastKnownConfigVersion: UInt64

    /// A registration with all its parts.
    public init(
        agentVersion: Text, hostname: Text, os: Text, arch: Text, dockerVersion: Text, capabilities: [Text],
        lastKnownConfigVersion: UInt64
    ) {
        self.agentVersion = agentVersion
        self.hostname = hostname
        self.os = os
        self.arch = arch
        self.dockerVersion = dockerVersion
        self.capabilities = capabilities
        self.lastKnownConfigVersion = lastKnownConfigVersion
    }
}

/// A sign of life.
public struct Heartbeat: Hashable, Sendable {
    /// The configuration in force at the agent: the only proof that one was applied.
    public var configVersion: UInt64
    /// The host's figures; nil when the message has none.
    public var metrics: AgentMetrics?
    /// Wire run ids (or job ids, from older agents) of what is being done.
    public var activeJobIDs: [Text]

    /// A heartbeat with all its parts.
    public init(configVersion: UInt64, metrics: AgentMetrics?, activeJobIDs: [Text]) {
        self.configVersion = configVersion
        self.metrics = metrics
        self.activeJobIDs = activeJobIDs
    }
}

/// Figures of an agent's host.
public struct AgentMetrics: Hashable, Sendable {
    /// Use of all processors in thousandths of a percent; nil when the number was no number.
    public var cpuThousandths: UInt32?
    /// Memory in use.
    public var memoryUsedByteCount: UInt64
    /// All memory.
    public var memoryTotalByteCount: UInt64
    /// Disk in use.
    public var diskUsedByteCount: UInt64
    /// All of that disk.
    public var diskTotalByteCount: UInt64
    /// Messages that wait to be sent.
    public var queueDepth: UInt32

    /// Metrics with all their parts.
    public init(
        cpuThousandths: UInt32?, memoryUsedByteCount: UInt64, memoryTotalByteCount: UInt64, diskUsedByteCount: UInt64,
        diskTotalByteCount: UInt64, queueDepth: UInt32
    ) {
        self.cpuThousandths = cpuThousandths
        self.memoryUsedByteCount = memoryUsedByteCount
        self.memoryTotalByteCount = memoryTotalByteCount
        self.diskUsedByteCount = diskUsedByteCount
        self.diskTotalByteCount = diskTotalByteCount
        self.queueDepth = queueDepth
    }
}

/// A database container that the agent saw.
public struct DiscoveredContainer: Hashable, Sendable {
    /// A port of a container.
    public struct Port: Hashable, Comparable, Sendable {
        /// Inside the container.
        public var container: UInt32
        /// On the host; 0 when it is not published.
        public var host: UInt32
        /// `tcp` or `udp`.
        public var transport: Text

        /// A port with all its parts.
        public init(container: UInt32, host: UInt32, transport: Text) {
            self.container = container
            self.host = host
            self.transport = transport
        }

        /// Orders by container port, host port, transport.
        public static func < (left: Port, right: Port) -> Bool {
            (left.container, left.host, left.transport) < (right.container, right.host, right.transport)
        }
    }

    /// The engine's full id.
    public var id: Text
    /// Without a leading slash.
    public var name: Text
    /// The image text as configured.
    public var image: Text
    /// `postgresql` and the like.
    public var databaseType: Text
    /// A set, sorted.
    public var networks: [Text]
    /// Which settings its environment has, sorted by name; values are the word `set`.
    public var environmentHints: [KeyValue]
    /// A set, sorted.
    public var ports: [Port]

    /// A container with all its parts.
    public init(
        id: Text, name: Text, image: Text, databaseType: Text, networks: [Text], environmentHints: [KeyValue],
        ports: [Port]
    ) {
        self.id = id
        self.name = name
        self.image = image
        self.databaseType = databaseType
        self.networks = networks
        self.environmentHints = environmentHints
        self.ports = ports
    }
}

/// One pair of a map.
public struct KeyValue: Hashable, Sendable {
    /// The key.
    public var key: Text
    /// Its value.
    public var value: Text

    /// A pair with both parts.
    public init(key: Text, value: Text) {
        self.key = key
        self.value = value
    }
}

/// How a run is going.
public struct JobUpdate: Hashable, Sendable {
    /// The wire's `JobStatus`.
    public enum Status: UInt8, Hashable, Sendable {
        case unspecified = 0
        case queued
        case running
        case success
        case failed
        case cancelled
        /// A number that version 1 does not name.
        case unknown
    }

    /// The job.
    public var job: JobID
    /// The run; nil from agents that know only jobs.
    public var run: WireRunID?
    /// The state it reports.
    public var status: Status
    /// 0 to 100.
    public var progressPercent: UInt32
    /// What it is doing.
    public var step: Text
    /// Why it failed, redacted.
    public var errorText: Text

    /// An update with all its parts.
    public init(
        job: JobID, run: WireRunID?, status: Status, progressPercent: UInt32, step: Text, errorText: Text
    ) {
        self.job = job
        self.run = run
        self.status = status
        self.progressPercent = progressPercent
        self.step = step
        self.errorText = errorText
    }
}

/// A backup was made and uploaded, the agent says.
public struct Completion: Hashable, Sendable {
    /// The job.
    public var job: JobID
    /// The run.
    public var run: WireRunID
    /// The object's name as the agent echoes it.
    public var objectName: Text
    /// The object's size.
    public var byteCount: UInt64
    /// The object's SHA-256, 32 bytes; nil when the text was no such digest.
    public var digest: [UInt8]?
    /// From the first check to the end of the upload.
    public var durationMilliseconds: UInt64
    /// `zstd` from all known agents.
    public var compression: Text
    /// Such as `SQLite 3.40.1`.
    public var databaseVersion: Text

    /// A completion with all its parts.
    public init(
        job: JobID, run: WireRunID, objectName: Text, byteCount: UInt64, digest: [UInt8]?, durationMilliseconds: UInt64,
        compression: Text, databaseVersion: Text
    ) {
        self.job = job
        self.run = run
        self.objectName = objectName
        self.byteCount = byteCount
        self.digest = digest
        self.durationMilliseconds = durationMilliseconds
        self.compression = compression
        self.databaseVersion = databaseVersion
    }
}

/// A line of the agent's log.
public struct LogLine: Hashable, Sendable {
    /// When the agent wrote it, by its own clock.
    public var writtenAt: Timestamp
    /// 0 trace to 4 error.
    public var level: UInt32
    /// The job it is about; empty when none.
    public var job: Text
    /// What it says.
    public var text: Text
    /// More, sorted by key bytes.
    public var fields: [KeyValue]

    /// A line with all its parts.
    public init(writtenAt: Timestamp, level: UInt32, job: Text, text: Text, fields: [KeyValue]) {
        self.writtenAt = writtenAt
        self.level = level
        self.job = job
        self.text = text
        self.fields = fields
    }
}

/// Reserved by the protocol for restores; recorded, and changes nothing.
public struct RestoreUpdate: Hashable, Sendable {
    /// The restore.
    public var restore: Text
    /// The wire's `JobStatus`.
    public var status: JobUpdate.Status
    /// 0 to 100.
    public var progressPercent: UInt32

    /// An update with all its parts.
    public init(restore: Text, status: JobUpdate.Status, progressPercent: UInt32) {
        self.restore = restore
        self.status = status
        self.progressPercent = progressPercent
    }
}
