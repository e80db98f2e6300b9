import Core

/// Slots of schedules, and the clocks they are read on, as the interface shows them.
enum SlotJSON {
    /// The entry of a decision about a slot.
    static func decision(_ decision: SlotDecision, of job: JobID) -> JSON {
        switch decision {
        case .opened(let slot, let run, let order, let isLate):
            [
                "job_id": MessageJSON.id(job), "slot": .string(slot.text.string), "run_id": MessageJSON.id(run),
                "agent_id": MessageJSON.id(order.agent), "target_id": MessageJSON.id(order.target),
                "overlap": .optional(order.overlap?.rawValue), "take_by": Moment.json(order.takeBy),
                "late": .bool(isLate),
            ]
        case .judged(let slot, let verdict, let run):
            [
                "job_id": MessageJSON.id(job), "slot": .string(slot.text.string),
                "run_id": run.map(MessageJSON.id) ?? .null, "verdict": .string(verdict.word),
                "reason": .optional(verdict.reason),
            ]
        }
    }

    /// A zone that was read.
    static func zone(_ rules: ZoneRules) -> JSON {
        [
            "type": "zone", "offset_sec": .integer(Int64(rules.offsetSeconds)), "until": Moment.json(rules.until),
            "transitions": .array(
                rules.transitions.map {
                    ["at": Moment.json($0.at), "offset_sec": .integer(Int64($0.offsetSeconds))]
                }),
        ]
    }

    /// The clock that a job is on.
    struct Clock: Sendable {
        let zone: Text
        let rules: ZoneRules?

        /// Nil for a job that is no more.
        init?(of job: JobID, in state: borrowing Fleet.State) {
            guard let zone = state.jobs[job]?.spec.timeZone else { return nil }
            self.zone = zone
            rules = state.zoneRules(of: job)
        }

        /// Whether it shows what a slot says.
        func shows(_ slot: SlotDetail) -> Bool {
            guard let offset = rules?.offset(at: slot.instant) else { return false }
            return Slot(
                localMinute: (slot.instant.milliseconds / 1_000 + Int64(offset)) / 60, offsetSeconds: offset
            ).text == slot.slot
        }
    }

    /// A slot with what became of it, and the zone where the job still is on the clock that showed it.
    static func slot(_ slot: SlotDetail, on clock: Clock?) -> JSON {
        [
            "slot": .string(slot.slot.string),
            "time_zone": .optional(clock.flatMap { $0.shows(slot) ? $0.zone.string : nil }),
            "due_at": Moment.json(slot.instant),
            "opened_at": Moment.json(slot.openedAt),
            "late": .bool(slot.isLate), "run_id": .optional(slot.run?.text.string),
            "verdict": .optional(slot.verdict?.string), "reason": .optional(slot.reason?.string),
            "judged_at": Moment.json(slot.judgedAt),
        ]
    }
}
