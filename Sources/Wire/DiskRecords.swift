import Core

extension RecordFleetDisk {
    init(_ fact: DiskFact) {
        self.init()
        self.fact =
            switch fact {
            case .logWasFull(let span): .logWasFullMs(span.count)
            case .short(let room): .short(RecordFleetDiskRoom(room))
            case .roomy(let room): .roomy(RecordFleetDiskRoom(room))
            }
    }
}

extension RecordFleetDiskRoom {
    init(_ room: DiskRoom) {
        self.init()
        freeByteCount = room.freeByteCount
        totalByteCount = room.totalByteCount
    }
}

extension DiskFact {
    init(_ record: RecordFleetDisk) throws(RecordProblem) {
        switch record.fact {
        case .logWasFullMs(let span): self = .logWasFull(Milliseconds(span))
        case .short(let room): self = .short(DiskRoom(room))
        case .roomy(let room): self = .roomy(DiskRoom(room))
        case nil: throw .unknown("fact about a disk")
        }
    }
}

extension DiskRoom {
    init(_ record: RecordFleetDiskRoom) {
        self.init(freeByteCount: record.freeByteCount, totalByteCount: record.totalByteCount)
    }
}
