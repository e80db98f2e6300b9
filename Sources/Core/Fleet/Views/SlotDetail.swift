/// A slot of a job's schedule as people read it: when it was, and what became of it.
public struct SlotDetail: Hashable, Sendable, Codable {
    /// The job.
    public let job: JobID
    /// What the local clock showed, with its distance from UTC: `2026-03-29T03:00:00+02:00`.
    public let slot: Text
    /// The moment that it was.
    public let instant: Timestamp
    /// When its run was made; nil when none was.
    public private(set) var openedAt: Timestamp?
    /// Whether it was made up for later than its time.
    public private(set) var isLate = false
    /// Its run, or the one that was in its way.
    public private(set) var run: RunID?
    /// `completed`, `failed`, `missed`, `skipped`; nil while its run is open.
    public private(set) var verdict: Text?
    /// Why; nil for a completed one, and while its run is open.
    public private(set) var reason: Text?
    /// When it had its verdict.
    public private(set) var judgedAt: Timestamp?
    /// The number of the entry that it was met by.
    public let position: UInt64

    /// The slot that an entry is the first to speak of.
    ///
    /// - Parameter decision: What the entry says.
    public init(_ decision: SlotDecision, of job: JobID, _ entry: Entry<Fleet.Message>) {
        self.job = job
        slot = decision.slot.text
        instant = decision.slot.instant
        position = entry.position.number
        fold(decision, at: entry.recordedAt)
    }

    /// Applies what was decided about it.
    public mutating func fold(_ decision: SlotDecision, at moment: Timestamp) {
        switch decision {
        case .opened(_, let run, _, let isLate):
            openedAt = moment
            self.isLate = isLate
            self.run = run
        case .judged(_, let verdict, let run):
            self.verdict = Text(verdict.word)
            reason = verdict.reason.map { Text($0) }
            judgedAt = moment
            self.run = run ?? self.run
        }
    }

    /// Names the slot of a job among all slots.
    public static func id(_ slot: Slot, of job: JobID) -> String {
        "\(job)/\(slot.localMinute)/\(slot.offsetSeconds)"
    }

    private enum CodingKeys: String, CodingKey {
        case job = "job_id"
        case slot
        case instant = "due_at"
        case openedAt = "opened_at"
        case isLate = "late"
        case run = "run_id"
        case verdict, reason
        case judgedAt = "judged_at"
        case position
    }
}
