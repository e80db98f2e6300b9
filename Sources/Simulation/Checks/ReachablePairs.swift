import Core

/// The pairs of message and phase that a row of worlds must reach, and those that it need not, each with the reason.
enum ReachablePairs {
    private struct Family {
        var kinds: [Text]
        var phases: [Text]
    }

    /// Kinds that come from outside, with the phases in which they may find what they are about. Phases that begin and end
    /// within one turn (stored, failed, gone, stopped) are met by decisions only.
    private static let families = [
        Family(
            kinds: [
                "frame.job_update", "frame.backup_completed", "deadline.run", "outcome.dispatch", "outcome.observe",
                "outcome.cancel", "request.cancel_run",
            ],
            phases: ["queued", "sending", "unconfirmed", "running", "verifying", "reconciling", "waiting", "closed"]),
        Family(
            kinds: [
                "session.opened", "session.closed", "frame.register", "frame.heartbeat", "frame.ack",
                "frame.discovery", "frame.health_result", "frame.unreadable", "deadline.silence", "deadline.claim",
                "outcome.welcome", "outcome.configure", "outcome.probe", "outcome.refuse", "outcome.disconnect",
                "outcome.run_check",
            ],
            phases: ["away", "registered", "welcomed", "claimed"]),
        Family(
            kinds: [
                "run.told", "run.progressed", "run.staged", "run.uploaded", "run.failed", "run.interrupted",
                "run.delivered", "run.withdrawn",
            ],
            phases: ["absent", "queued", "dumping", "staged", "uploading", "concluded", "reporting", "confirmed"]),
        Family(kinds: ["outcome.probe_target"], phases: ["present", "absent"]),
        // Of objects' runs, which have ended.
        Family(
            kinds: [
                "outcome.delete", "request.delete_run", "request.issue_decryption_token",
            ],
            phases: ["closed"]),
        // What has no phase, or is about more than one thing.
        Family(
            kinds: [
                "alert.opened", "alert.reminded", "alert.repeated", "alert.resolved", "check.unknown", "deadline.alert",
                "deadline.cancellation", "deadline.check", "deadline.deletion", "deadline.idempotency",
                "deadline.leftovers",
                "deadline.retention",
                "deadline.schedule", "deadline.starts", "deadline.survey", "deadline.window", "deadline.zone",
                "engine.clock_stepped", "engine.started",
                "object.expired", "object.orphaned", "outcome.read_zone", "outcome.survey", "request.acknowledge_alert",
                "request.change_check", "request.change_job", "request.change_policy", "request.change_target",
                "request.configure_agent", "request.confirm_clock", "request.create_agent", "request.create_check",
                "request.create_job", "request.create_target", "request.create_token", "request.delete_agent",
                "request.delete_check", "request.delete_job", "request.delete_target", "request.delete_token",
                "request.lock_run", "request.rename_agent", "request.rotate_key", "request.run_check",
                "request.run_job", "request.unlock_run", "slot.judged", "slot.opened",
            ],
            phases: ["any"]),
    ]

    /// Why a pair cannot be reached, or does not matter. An asterisk stands for every phase that is not named elsewhere.
    private static let excuses: [(kind: Text, phases: [Text], reason: String)] = [
        ("outcome.dispatch", ["queued"], "a run waits again only after the outcome of its dispatch"),
        ("outcome.dispatch", ["unconfirmed"], "it is this outcome that makes a run unconfirmed"),
        ("outcome.dispatch", ["reconciling"], "dispatch has its outcome within the deadline of the run"),
        (
            "outcome.observe", ["queued", "sending", "unconfirmed", "running"],
            "only late reports of older attempts ask so"
        ),
        ("outcome.cancel", ["queued"], "nothing is sent about a run that waits: it is stopped at once"),
        ("outcome.cancel", ["sending"], "both go out in the agent's lane, and dispatch goes first"),
        (
            "outcome.cancel", ["unconfirmed", "verifying", "reconciling", "waiting"],
            "rare: the phase changes while the frame is written"
        ),
        ("request.cancel_run", ["sending", "unconfirmed", "verifying", "reconciling"], "rare: short phases"),
        ("frame.job_update", ["queued", "unconfirmed"], "rare: a report about an attempt that was taken for unsent"),
        ("frame.backup_completed", ["queued", "sending", "unconfirmed"], "rare: the report overtakes the outcome"),
        (
            "frame.backup_completed", ["reconciling"],
            "rare: reports come within the grace; walked by EveryPhaseTests"
        ),
        (
            "frame.job_update", ["verifying", "reconciling"],
            "rare: one run a target goes on at a time; walked by EveryPhaseTests"
        ),
        (
            "deadline.run", ["sending"],
            "dispatch has its outcome long before the grace is over; walked by EveryPhaseTests"
        ),
        ("frame.health_result", ["away", "registered", "claimed"], "rare: twice a minute at most, and few checks"),
        ("outcome.run_check", ["away", "registered", "claimed"], "rare: the session ends while the frame is written"),
        ("outcome.probe_target", ["absent"], "rare: the check is deleted in the milliseconds of its probe"),
        ("frame.ack", ["away", "registered"], "rare: a ping is answered across the end of its session"),
        ("frame.heartbeat", ["away"], "rare: twice a minute, across the end of its session"),
        ("frame.discovery", ["away"], "rare: once an hour, across the end of its session"),
        ("outcome.welcome", ["welcomed"], "rare: a newer session's welcome was quicker"),
        ("frame.register", ["away", "welcomed"], "an opening comes first, in the same batch"),
        ("frame.heartbeat", ["registered"], "heartbeats follow RegisterAck, whose outcome is quick"),
        ("frame.discovery", ["claimed"], "rare: once an hour, in the 8 s of a claim"),
        ("frame.unreadable", ["away", "registered", "claimed"], "rare: one frame in hundreds is garbled"),
        ("deadline.silence", ["away"], "disarmed with the session"),
        ("deadline.silence", ["registered", "claimed"], "a claim or a welcome comes to its end within 15 s"),
        ("deadline.claim", ["away", "registered", "welcomed"], "disarmed with the claim"),
        ("outcome.welcome", ["claimed"], "rare: a claim within the milliseconds of a welcome"),
        ("outcome.configure", ["registered", "claimed", "away"], "rare: configurations change seldom"),
        ("outcome.probe", ["away", "registered", "welcomed"], "rare: the claim ends while the probe is written"),
        ("outcome.refuse", ["away", "registered", "claimed"], "a refusal follows a sign of life on the session"),
        ("outcome.disconnect", ["claimed"], "rare: the former connection ends when a new one opens"),
        ("session.opened", ["claimed"], "rare: a third host"),
        ("run.progressed", ["*"], "progress is recorded by the worker of the run, which is dumping"),
        ("run.staged", ["*"], "the outcome of dump"),
        ("run.uploaded", ["*"], "the outcome of upload"),
        ("run.failed", ["*"], "the outcome of dump or upload"),
        ("run.interrupted", ["*"], "the outcome of dump or upload"),
        ("run.delivered", ["*"], "the outcome of report"),
        ("run.withdrawn", ["*"], "nobody forgets a run of the last seven days"),
        ("run.told", ["*"], "told again only after a restart of the server, in what the run has come to by then"),
    ]

    /// What must be reached whatever the excuses for other phases of the same kind say.
    private static let musts: Set<Coverage.Pair> = [
        Coverage.Pair(kind: "run.told", phase: "absent"), Coverage.Pair(kind: "run.progressed", phase: "dumping"),
        Coverage.Pair(kind: "run.staged", phase: "dumping"), Coverage.Pair(kind: "run.uploaded", phase: "uploading"),
        Coverage.Pair(kind: "run.failed", phase: "dumping"), Coverage.Pair(kind: "run.interrupted", phase: "dumping"),
        Coverage.Pair(kind: "run.delivered", phase: "reporting"),
    ]

    /// Whether a kind of message from outside stands in one of the families, as each that a world has shown must.
    static func names(_ kind: Text) -> Bool {
        families.contains { $0.kinds.contains(kind) } || onlyGarbled.contains(kind)
    }

    /// What no model agent says, and a bit that turns can make of a frame.
    private static let onlyGarbled: [Text] = ["frame.log", "frame.other", "frame.restore_update"]

    /// All of them.
    static var all: [Coverage.Pair] {
        families.flatMap { family in
            family.kinds.flatMap { kind in family.phases.map { Coverage.Pair(kind: kind, phase: $0) } }
        }
    }

    /// Why a pair need not be reached; nil when it must be.
    static func excuse(for pair: Coverage.Pair) -> String? {
        guard !musts.contains(pair) else { return nil }
        return excuses.first { $0.kind == pair.kind && ($0.phases.contains(pair.phase) || $0.phases == ["*"]) }?.reason
    }
}
