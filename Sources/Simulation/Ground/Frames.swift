import Core

/// A frame from an agent, as the door would read it from the wire.
struct AgentFrame: Hashable, Sendable {
    var sequence: UInt64
    var sentAt: Timestamp
    var report: Report
    /// What the door concludes from the text of a failure.
    var failure: FailureClass?

    /// A hash of what the bytes would be.
    var fingerprint: UInt64 {
        let about: Text =
            switch report {
            case .register: "register"
            case .heartbeat: "heartbeat"
            case .jobUpdate(let update): Text("update \(update.status.rawValue) \(update.run?.text ?? "")")
            case .completed(let completion): Text("completed \(completion.run.text) \(completion.byteCount)")
            default: "other"
            }
        return about.string.utf8.reduce(Mix.bits(seed: sequence, counter: UInt64(clamping: sentAt.milliseconds))) {
            ($0 ^ UInt64($1)) &* 0x100_0000_01B3
        }
    }

    /// The run that it ends; nil when it is no terminal report.
    var concluded: WireRunID? {
        switch report {
        case .completed(let completion): completion.run
        case .jobUpdate(let update) where update.status == .failed || update.status == .cancelled: update.run
        default: nil
        }
    }
}

/// A frame to an agent. Keys and URLs are left out: the object's name is the run's wire id.
enum ServerFrame: Hashable, Sendable {
    case registerAck(SessionID, configVersion: UInt64, parallelRunLimit: UInt32)
    case configUpdate(configVersion: UInt64, parallelRunLimit: UInt32)
    case runBackup(JobID, WireRunID)
    case cancelJob(JobID)
    case ping
    case reportAcknowledged(WireRunID, sequence: UInt64)
}

/// One connection: two directions in order, until it breaks. Of what is on the way then, some may still arrive.
struct Connection: Sendable {
    /// Which agent dialled.
    var agent: Int
    /// Drawn at the door with the Register; nil before.
    var session: SessionID?
    /// When that Register was built, by the agent's clock.
    var registeredSentAt: Timestamp?
    /// What both sides speak beyond version 1.
    var extensions: [Text]
    /// Whether RegisterAck was written.
    var isWelcomed = false
    /// Whether the door still holds it.
    var isOpenAtServer = true
    /// Whether what is written now goes nowhere.
    var isBroken = false
    /// What was on the way to the server when it broke arrives until then; nil while it is whole.
    var deliversToServerUntil: Timestamp?
    /// The same for the way to the agent.
    var deliversToAgentUntil: Timestamp?
    /// When the last frame of each direction arrives.
    var toServer: Timestamp
    var toAgent: Timestamp
    /// When the server last wrote.
    var lastWritten: Timestamp
}
