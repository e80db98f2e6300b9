// How it goes with a check. Only decisions change it; results and their absence say which one is due.
//
//                     ┌──────────── no result for too long, paused, another target ─────────────┐
//                     ▼                                                                         │
//      unknown ── successes in a row ──▶ up ── failures in a row ──▶ down ── changes to and fro ──▶ flapping
//         └────── failures in a row ──▶ down ── successes in a row ──▶ up ◀── a run of one kind, calm ──┘

extension Check {
    /// Small on purpose: deciders get the phase before a fact as a copy.
    public enum Phase: Hashable, Sendable {
        case unknown(Ignorance)
        case up
        case down
        case flapping

        /// The word that users see.
        public var word: String {
            switch self {
            case .unknown: "unknown"
            case .up: "up"
            case .down: "down"
            case .flapping: "flapping"
            }
        }
    }

    /// Why nothing is known.
    public enum Ignorance: String, Hashable, Sendable, CaseIterable {
        /// There were not enough results yet.
        case new
        /// There was no result for too long.
        case silent
        /// There was no result for too long, and the agent that probes is not connected.
        case agentAway = "agent_away"
        /// The agent does not run health checks.
        case unsupported
        /// The prober must not probe the address that it has: nothing is known of what stands there.
        case forbidden
        /// It is paused.
        case paused
    }

    /// The last results, newest in the lowest bit; 1 was well.
    struct Recent: Hashable, Sendable {
        static let capacity: UInt32 = 20
        var bits: UInt32 = 0
        var count: UInt32 = 0

        mutating func add(_ isHealthy: Bool) {
            bits = (bits << 1 | (isHealthy ? 1 : 0)) & (1 << Self.capacity - 1)
            count = min(count + 1, Self.capacity)
        }

        /// How often results that follow each other differ.
        var changes: UInt32 {
            guard count > 1 else { return 0 }
            return UInt32(((bits ^ bits >> 1) & (1 << (count - 1) - 1)).nonzeroBitCount)
        }
    }

    /// The phase that the results call for; nil while it is the present one, or they call for none.
    var duePhase: Phase? {
        guard !spec.isPaused, let last, streak > 0 else { return nil }
        if last.isForbidden { return phase == .unknown(.forbidden) ? nil : .unknown(.forbidden) }
        let settled: Phase? =
            last.isHealthy
            ? (streak >= UInt64(spec.successesToUp) ? .up : nil)
            : (streak >= UInt64(spec.failuresToDown) ? .down : nil)
        let limit = spec.flapChanges
        let next: Phase?
        switch phase {
        case .up, .down, .unknown:
            next = limit > 0 && recent.changes >= limit ? .flapping : settled
        case .flapping:
            // Half as many changes as made it so: at the limit itself it would flap between flapping and not.
            next = limit == 0 || recent.changes <= limit / 2 ? settled : nil
        }
        return next == phase ? nil : next
    }

    /// Takes over what was decided; the time up to now counts for the former phase.
    mutating func become(_ next: Phase, at moment: Timestamp) {
        account(until: moment)
        phase = next
        since = moment
    }
}
