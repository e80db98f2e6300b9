extension Station {
    /// How a run ended.
    public enum Ending: Hashable, Sendable {
        /// The store has the object.
        case completed
        /// With the text for the server.
        case failed(Text)
        /// The server asked for it.
        case cancelled
    }

    /// One run of the journal: what a report and a later decision need.
    public struct Run: Hashable, Sendable {
        /// Small on purpose: deciders get the phase before a message as a copy.
        public enum Phase: Hashable, Sendable {
            /// Waits for a slot.
            case queued
            /// The dump command at this position is under way.
            case dumping(Position)
            /// The staging file is complete.
            case staged
            /// The upload command at this position is under way.
            case uploading(Position)
            /// Over; the report is due.
            case concluded(Ending)
            /// Over; the report command at this position is under way.
            case reporting(Ending, Position)
            /// Over, and no report is owed.
            case confirmed(Ending)
        }

        /// What the server said.
        public var order: Order
        /// Where it stands.
        public var phase = Phase.queued
        /// The server wants it to stop.
        public var isCancelled = false
        /// How far the present step has come.
        public var progress = Progress(step: "queued", percent: 0)
        /// What was staged.
        public var staged: Staged?
        /// When the dump was commanded.
        public var begunAt: Timestamp?
        /// How many times an agent process had started when the dump was commanded.
        public var begunInStart: UInt64 = 0
        /// From the command to dump to the end of the upload.
        public var durationMilliseconds: UInt64 = 0
        /// Until when the report, later the run id, is kept.
        public var keptUntil: Timestamp?
        /// How often the server told it again.
        public var repeatCount: UInt32 = 0

        /// A run just told.
        public init(_ order: Order) { self.order = order }

        /// Whether it is not over.
        public var isOpen: Bool { phase == .queued || holdsSlot }

        /// Whether it counts against the limit of runs at a time.
        public var holdsSlot: Bool {
            switch phase {
            case .dumping, .staged, .uploading: true
            case .queued, .concluded, .reporting, .confirmed: false
            }
        }

        /// How it ended; nil while it is open.
        public var ending: Ending? {
            switch phase {
            case .queued, .dumping, .staged, .uploading: nil
            case .concluded(let ending), .reporting(let ending, _), .confirmed(let ending): ending
            }
        }
    }
}

extension Station.Run {
    /// Takes the outcome of the command at a position. Nothing happens when that command is not the present one.
    ///
    /// - Returns: Whether the outcome was expected here.
    mutating func fold(
        _ outcome: Station.Outcome, of position: Position, at now: Timestamp, startCount: UInt64
    ) -> Bool {
        switch (phase, outcome) {
        case (.dumping(position), .staged(let staged)):
            self.staged = staged
            phase = isCancelled ? .concluded(.cancelled) : .staged
        case (.dumping(position), .failed(let text)), (.uploading(position), .failed(let text)):
            conclude(text.prefix(byteCount: Station.Limits.maximumErrorByteCount))
        case (.dumping(position), .interrupted):
            // Commanded by the very process that knows nothing of it: it waited for its turn while the agent restarted.
            conclude(
                begunInStart == startCount
                    ? "interrupted: the agent restarted before the dump began"
                    : "interrupted: the agent restarted during the dump")
        case (.uploading(position), .interrupted):
            conclude("interrupted: the agent restarted before the upload was finished")
        case (.uploading(position), .uploaded):
            // Also when it was cancelled a moment ago: the object is there, and saying otherwise would orphan it.
            durationMilliseconds = UInt64(clamping: (now - (begunAt ?? now)).count)
            phase = .concluded(.completed)
        case (.reporting(let ending, position), .delivered), (.reporting(let ending, position), .withdrawn):
            phase = .confirmed(ending)
        case (.queued, _), (.dumping, _), (.staged, _), (.uploading, _), (.concluded, _), (.reporting, _),
            (.confirmed, _):
            return false
        }
        return true
    }

    /// It came to nothing, or was to be stopped anyway.
    private mutating func conclude(_ failure: Text) {
        phase = .concluded(isCancelled ? .cancelled : .failed(failure))
    }
}
