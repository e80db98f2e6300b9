extension Fleet {
    static func sentence(for decision: SlotDecision, of job: JobID) -> String {
        let time = decision.slot.text
        return switch decision {
        case .opened(_, let run, let order, let isLate):
            "Run \(run) of job \(job) was queued for agent \(order.agent), since its schedule says \(time)"
                + (isLate ? "; it is made up for late, as nobody was there at that time." : ".")
        case .judged(_, .completed, _): "The backup that job \(job) was to make at \(time) was made."
        case .judged(_, .failed(let reason), let run):
            "The backup that job \(job) was to make at \(time) failed with \(named(run)): \(reason.word)."
        case .judged(_, .missed(.serverAway), _):
            "Job \(job) missed \(time): the control plane was away then, or its clock jumped over that time."
        case .judged(_, .missed(.agentAway), _): "Job \(job) missed \(time): its agent did not take the run in time."
        case .judged(_, .skipped(let reason), let run):
            "Job \(job) skipped \(time): \(words(for: reason, run))."
        }
    }

    private static func named(_ run: RunID?) -> String { run.map { "run \($0)" } ?? "its run" }

    private static func words(for reason: SlotVerdict.SkipReason, _ run: RunID?) -> String {
        switch reason {
        case .overlap: "\(named(run)) of the job was still open"
        case .queueFull: "\(Limits.openRunsPerJob) runs of the job were open already"
        case .cancelled: "somebody cancelled \(named(run))"
        case .jobChanged: "the schedule was changed before it began"
        case .jobDeleted: "the job was deleted before it began"
        }
    }
}
