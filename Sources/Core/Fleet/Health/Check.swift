/// A health check as far as the log has been read.
public struct Check: Hashable, Sendable {
    /// Who probes; nil: the control plane.
    public var agent: AgentID?
    /// What and how.
    public var spec: CheckSpec
    /// How it goes.
    public internal(set) var phase = Phase.unknown(.new)
    /// Since when.
    public internal(set) var since: Timestamp
    /// The latest result by the prober's clock.
    public internal(set) var last: HealthResult?
    /// Results of the same kind in a row, this one included.
    public internal(set) var streak: UInt64 = 0
    /// The entry of the first of them.
    public internal(set) var streakBegan: Position?
    /// The last results, by whether they were well.
    var recent = Recent()
    /// All results.
    public internal(set) var resultCount: UInt64 = 0
    /// Results that were well.
    public internal(set) var healthyCount: UInt64 = 0
    /// When the latest result was recorded, or waiting for one began anew.
    public internal(set) var heardAt: Timestamp
    /// The command by which the control plane is probing it now; nil when it is not. Never two at the same time.
    public internal(set) var probe: Position?
    /// Whether that probe began before the check asked for something else: what it finds says nothing.
    var isProbeOfFormer = false
    /// When the certificate ends that was told to end soon; nil: none was.
    public internal(set) var expiringCertificate: Timestamp?
    /// Results in a row with a certificate that ends later than that one: several servers may answer to one name.
    var laterCertificates: UInt64 = 0
    /// How long it was up, down and unknown.
    public internal(set) var uptime: Uptime

    /// A check as it is made at a moment.
    public init(agent: AgentID?, spec: CheckSpec, at moment: Timestamp) {
        self.agent = agent
        self.spec = spec
        since = moment
        heardAt = moment
        uptime = Uptime(from: moment)
    }

    /// Results that come in another order than they were made count, and change nothing else; but a clock that was set
    /// back further than this must not make all later ones look old.
    static let disorder = Milliseconds.minutes(5)

    /// Takes in a result. A repetition, or one that was overtaken by a later one, changes only the counts, and when it was
    /// heard: a prober whose clock was set back a little is not silent.
    ///
    /// - Returns: Whether it was news.
    mutating func take(_ result: HealthResult, isLive: Bool, _ position: Position, at moment: Timestamp) -> Bool {
        resultCount &+= 1
        if result.isHealthy { healthyCount &+= 1 }
        if let last, result.probedAt <= last.probedAt {
            guard isLive else { return false }
            guard (last.probedAt - result.probedAt) > Self.disorder else {
                account(until: moment)
                heardAt = moment
                return false
            }
        }
        account(until: moment)
        if last?.isHealthy == result.isHealthy, last?.isForbidden == result.isForbidden, streak > 0 {
            streak &+= 1
        } else {
            streak = 1
            streakBegan = position
        }
        if !result.isForbidden { recent.add(result.isHealthy) }
        if let told = expiringCertificate, let end = result.detail?.certificateExpiresAt {
            laterCertificates = end > told ? laterCertificates &+ 1 : 0
        }
        last = result
        heardAt = moment
        return true
    }

    /// Counts the time since the last account: as the phase says, where there were results often enough; flapping by the
    /// latest result. Time of which nothing is known is counted as such, and time in a pause not at all.
    mutating func account(until moment: Timestamp) {
        let kind: Uptime.Kind? =
            switch phase {
            case .unknown(.paused): nil
            case .unknown: .unknown
            case .up: .up
            case .down: .down
            case .flapping: last?.isHealthy == true ? .up : .down
            }
        let isKnown = moment - heardAt < spec.patience
        uptime.account(until: moment, as: kind.map { isKnown ? $0 : .unknown })
    }

    /// What was found so far says nothing about what is probed from now on.
    mutating func forgetResults(at moment: Timestamp) {
        beginAnew(at: moment)
        last = nil
        tell(of: nil)
    }

    /// Behind a pause, the results before it are no part of a row any more.
    mutating func beginAnew(at moment: Timestamp) {
        streak = 0
        streakBegan = nil
        recent = Recent()
        laterCertificates = 0
        heardAt = moment
    }

    /// That a certificate ends soon has been told, or that none does any more.
    mutating func tell(of end: Timestamp?) {
        expiringCertificate = end
        laterCertificates = 0
    }

    /// Whether a certificate that ends soon was seen, or one that was told of is gone. Nil: nothing to tell.
    var dueCertificate: CheckDecision? {
        guard let last else { return nil }
        func isSoon(_ end: Timestamp) -> Bool {
            spec.certificateDays > 0 && end - last.probedAt < .hours(24 * Int64(spec.certificateDays))
        }
        let end = last.detail?.certificateExpiresAt
        guard let told = expiringCertificate else { return end.flatMap { isSoon($0) ? .certificateExpiring($0) : nil } }
        if !isSoon(told) { return .certificateRenewed }  // it is to be told of later, or not at all
        guard let end, end < told || laterCertificates >= UInt64(spec.successesToUp) else { return nil }
        return isSoon(end) ? .certificateExpiring(end) : .certificateRenewed
    }
}

/// What was decided about a check. A recorded decision is a fact: folding uses it and never decides again.
public enum CheckDecision: Hashable, Sendable {
    /// How it goes from now on. `grounds` are the positions it rests on besides its cause.
    case became(Check.Phase, grounds: [Position])
    /// The server's certificate ends soon.
    case certificateExpiring(Timestamp)
    /// It was replaced by one that does not.
    case certificateRenewed
}
