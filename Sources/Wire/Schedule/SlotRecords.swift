import Core
import SwiftProtobuf

extension RecordFleetSlot {
    init(_ slot: Slot) {
        self.init()
        localMinute = slot.localMinute
        offsetSeconds = slot.offsetSeconds
    }
}

extension Slot {
    init(_ record: RecordFleetSlot) {
        self.init(localMinute: record.localMinute, offsetSeconds: record.offsetSeconds)
    }
}

extension Overlap {
    init(record word: String) throws(RecordProblem) {
        guard let overlap = Overlap(rawValue: word) else { throw .unknown("rule for overlapping runs") }
        self = overlap
    }
}

extension RecordFleetSlotDecision {
    init(_ job: JobID, _ decision: SlotDecision) {
        self.init()
        self.job = job.text.string
        slot = RecordFleetSlot(decision.slot)
        self.decision =
            switch decision {
            case .opened(_, let run, let order, let isLate):
                .opened(
                    .with {
                        $0.order = RecordFleetRunOrder(run, order)
                        $0.isLate = isLate
                    })
            case .judged(_, let verdict, let run):
                .judged(
                    .with {
                        $0.verdict = RecordFleetSlotEnd.OneOf_Verdict(verdict)
                        if let run { $0.run = run.text.string }
                    })
            }
    }
}

extension SlotDecision {
    init(_ record: RecordFleetSlotDecision) throws(RecordProblem) {
        let slot = Slot(record.slot)
        switch record.decision {
        case .opened(let opening):
            self = .opened(
                slot, RunID(Text(opening.order.run)), try RunOrder(opening.order), isLate: opening.isLate)
        case .judged(let end):
            self = .judged(slot, try SlotVerdict(end), run: end.hasRun ? RunID(Text(end.run)) : nil)
        case nil: throw .unknown("decision about a slot")
        }
    }
}

extension RecordFleetSlotEnd.OneOf_Verdict {
    init(_ verdict: SlotVerdict) {
        self =
            switch verdict {
            case .completed: .completed(RecordFleetNothing())
            case .failed(let failure): .failed(UInt32(failure.rawValue))
            case .missed(let reason): .missed(reason.rawValue)
            case .skipped(let reason): .skipped(reason.rawValue)
            }
    }
}

extension SlotVerdict {
    init(_ record: RecordFleetSlotEnd) throws(RecordProblem) {
        switch record.verdict {
        case .completed: self = .completed
        case .failed(let number): self = .failed(try FailureClass(record: number))
        case .missed(let word):
            guard let reason = MissedReason(rawValue: word) else { throw .unknown("reason of a missed slot") }
            self = .missed(reason)
        case .skipped(let word):
            guard let reason = SkipReason(rawValue: word) else { throw .unknown("reason of a skipped slot") }
            self = .skipped(reason)
        case nil: throw .unknown("verdict of a slot")
        }
    }
}

extension RecordFleetZone {
    init(_ rules: ZoneRules) {
        self.init()
        offsetSeconds = rules.offsetSeconds
        untilMs = rules.until.milliseconds
        transitions = rules.transitions.map { transition in
            .with {
                $0.atMs = transition.at.milliseconds
                $0.offsetSeconds = transition.offsetSeconds
            }
        }
    }
}

extension ZoneRules {
    init(_ record: RecordFleetZone) {
        self.init(
            offsetSeconds: record.offsetSeconds,
            transitions: record.transitions.map {
                Transition(at: Timestamp(milliseconds: $0.atMs), offsetSeconds: $0.offsetSeconds)
            }, until: Timestamp(milliseconds: record.untilMs))
    }
}
