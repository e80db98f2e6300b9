/// Names the kinds of things of a fleet.
public enum FleetNames {
    /// An agent.
    public enum Agent: Named {
        /// What its identifiers begin with.
        public static let prefix = "agt_"
    }
    /// A database to back up.
    public enum Target: Named {
        /// What its identifiers begin with.
        public static let prefix = "tgt_"
    }
    /// What to back up and when.
    public enum Job: Named {
        /// What its identifiers begin with.
        public static let prefix = "job_"
    }
    /// One execution of a job.
    public enum Run: Named {
        /// What its identifiers begin with.
        public static let prefix = "run_"
    }
    /// A health check.
    public enum Check: Named {
        /// What its identifiers begin with.
        public static let prefix = "chk_"
    }
    /// One connection of an agent, from Register to close.
    public enum Session: Named {
        /// What its identifiers begin with.
        public static let prefix = "ses_"
    }
    /// A token of the REST interface.
    public enum Token: Named {
        /// What its identifiers begin with.
        public static let prefix = "tok_"
    }
    /// Alerts.
    public enum Alert: Named {
        /// What identifiers begin with.
        public static let prefix = "alt_"
    }
}

/// Names an alert.
public typealias AlertID = Identifier<FleetNames.Alert>
/// Names an agent.
public typealias AgentID = Identifier<FleetNames.Agent>
/// Names a database to back up.
public typealias TargetID = Identifier<FleetNames.Target>
/// Names a job.
public typealias JobID = Identifier<FleetNames.Job>
/// Names a run.
public typealias RunID = Identifier<FleetNames.Run>
/// Names a health check.
public typealias CheckID = Identifier<FleetNames.Check>
/// Names a session.
public typealias SessionID = Identifier<FleetNames.Session>
/// Names an API token.
public typealias TokenID = Identifier<FleetNames.Token>

/// One numbered try at a run, from 1. Facts about it go stale with the next.
public struct Attempt: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The number, from 1; 0 before the first.
    public let number: UInt32

    /// The try of this number.
    public init(_ number: UInt32) { self.number = number }

    /// No try yet.
    public static let none = Attempt(0)
    /// The first try.
    public static let first = Attempt(1)
    /// The try after this one.
    public var next: Attempt { Attempt(number &+ 1) }

    /// Orders by number.
    public static func < (left: Attempt, right: Attempt) -> Bool { left.number < right.number }

    /// The number in decimal.
    public var description: String { String(number) }
}

/// The run id as the wire carries it.
///
/// For a run of our own: its id, `-`, and the attempt in decimal without leading zero (`run_7Hq2mZ0aB1c-2`).
public struct WireRunID: Hashable, Sendable {
    /// The text on the wire.
    public let text: Text

    /// A text as it came.
    public init(_ text: Text) { self.text = text }

    /// What we send for an attempt of our own run.
    public init(_ run: RunID, _ attempt: Attempt) { text = Text("\(run)-\(attempt)") }

    /// The parts of an id of our own form; nil when it has another form.
    public var parts: (run: RunID, attempt: Attempt)? {
        let bytes = Array(text.string.utf8)
        guard let dash = bytes.lastIndex(of: UInt8(ascii: "-")), dash > 0 else { return nil }
        let digits = bytes[(dash + 1)...]
        guard let first = digits.first, first != UInt8(ascii: "0"),
            digits.allSatisfy({ $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }),
            let number = UInt32(String(decoding: digits, as: UTF8.self))
        else { return nil }
        return (RunID(Text(String(decoding: bytes[..<dash], as: UTF8.self))), Attempt(number))
    }
}

/// FNV-1a over the bytes of a text: the same 64 bits on any machine, and spread enough for a lot. Source: Fowler, Noll, Vo;
/// draft-eastlake-fnv.
enum FNV {
    static func hash(of text: Text) -> UInt64 {
        text.string.utf8.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01B3 }
    }
}
