extension Station {
    /// What an entry of the agent's log holds. A shipped case is never renamed or reused.
    public enum Message: Hashable, Sendable {
        /// An agent process began to use this log.
        case started(build: Text, rules: UInt32)
        /// A server accepted the connection and sent its `RegisterAck`.
        case connected(session: Text, extensions: [Text])
        /// The connection ended.
        case disconnected(reason: Text)
        /// A configuration took force. Its content is not recorded.
        case configured(version: UInt64, parallelRunLimit: UInt32)
        /// The server wants this run. URL and key are not recorded.
        case told(RunID, Order)
        /// The server wants all open runs of a job to stop.
        case cancelTold(job: Text)
        /// How far a run has come. Recorded sparingly.
        case progressed(RunID, Progress)

        /// Command: tell the server where the run stands.
        case announce(RunID)
        /// Command: hooks and dump, into the encrypted staging file.
        case dump(RunID)
        /// Command: send the staging file.
        case upload(RunID)
        /// Command: end the worker of this run.
        case stop(RunID)
        /// Command: remove the staging file, run the post-hooks.
        case discard(RunID)
        /// Command: deliver the terminal report.
        case report(RunID)
        /// Command: withdraw the report if it is still waiting, delete the sealed key.
        case forget(RunID)

        /// What became of the command at a position.
        case outcome(RunID, of: Position, Outcome)

        /// Deadline: no server took the report in time.
        case reportExpired(RunID)
        /// Deadline: the run id need not be remembered any longer.
        case journalExpired(RunID)
    }

    /// What the server said about a run, without its secrets.
    public struct Order: Hashable, Sendable {
        /// The job.
        public var job: Text
        /// The object's name, which only the server makes.
        public var object: Text
        /// Whether a person asked for it.
        public var isManual: Bool

        /// An order with all its parts.
        public init(job: Text, object: Text, isManual: Bool) {
            self.job = job
            self.object = object
            self.isManual = isManual
        }
    }

    /// How far a run has come.
    public struct Progress: Hashable, Sendable {
        /// The step, such as `dump`.
        public var step: Text
        /// 0 to 100, of the whole run: it never goes back from one step to the next.
        public var percent: UInt32

        /// Where the upload begins. Which of the two takes longer differs; what counts is that the figure only grows.
        private static let dumpShare: UInt32 = 70

        /// So far through a step, 0 to 100: `validate` and `pre_hooks` at 0, `dump` up to 70, `upload` from there.
        public init(step: Text, percentOfStep: UInt32) {
            let done = min(percentOfStep, 100)
            self.step = step
            percent =
                switch step {
                case "dump": done * Self.dumpShare / 100
                case "upload": Self.dumpShare + done * (100 - Self.dumpShare) / 100
                default: 0
                }
        }

        /// Progress with all its parts.
        public init(step: Text, percent: UInt32) {
            self.step = step
            self.percent = percent
        }
    }

    /// What lies in the staging file, or lay there.
    public struct Staged: Hashable, Sendable {
        /// Bytes of the backup object.
        public var byteCount: UInt64
        /// SHA-256 of the backup object, 64 lower-case hexadecimal digits.
        public var digest: Text
        /// The database engine, such as `SQLite 3.40.1`.
        public var engineVersion: Text

        /// A staged object with all its parts.
        public init(byteCount: UInt64, digest: Text, engineVersion: Text) {
            self.byteCount = byteCount
            self.digest = digest
            self.engineVersion = engineVersion
        }
    }

    /// What became of a command.
    public enum Outcome: Hashable, Sendable {
        /// The dump is in the staging file.
        case staged(Staged)
        /// The store has the object.
        case uploaded
        /// It did not work, with the text for the server.
        case failed(Text)
        /// URL and key were only in the memory of a process that is gone.
        case interrupted
        /// The report was delivered; acknowledged when the server said so, else written to a connection that lived on.
        case delivered(isAcknowledged: Bool)
        /// The report is no longer wanted.
        case withdrawn
        /// Announced, stopped, discarded or forgotten.
        case done
    }
}
