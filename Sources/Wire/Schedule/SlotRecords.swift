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
