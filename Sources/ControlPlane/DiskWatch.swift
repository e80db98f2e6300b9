import Core
import Engine
import Logging
import Objects

/// Tells the engine when the control plane's own disks have too little room for objects, and when they have enough again:
/// while there is still room for the log, so that the alert can be recorded. That the log itself had none is told by the
/// engine, once it has.
struct DiskWatch: Sendable {
    /// From one look to the next.
    static let interval = Duration.seconds(60)

    /// The folders whose disks are looked at.
    let folders: [String]
    /// How room is measured.
    var measure: @Sendable (String) -> FreeSpace? = FreeSpace.measure

    /// What is to be told, if anything.
    ///
    /// - Parameter isShort: Whether the engine takes them for short of room.
    func fact(isShort: Bool) -> DiskFact? {
        let spaces = folders.compactMap { measure($0) }
        guard let least = spaces.min(by: { $0.surplus < $1.surplus }) else { return nil }
        let room = DiskRoom(freeByteCount: least.freeByteCount, totalByteCount: least.totalByteCount)
        if !isShort { return least.surplus < 0 ? .short(room) : nil }
        // A quarter more than the least, so that one deleted object does not end what the next upload begins anew.
        return least.surplus >= Int64(clamping: least.reserveByteCount / 4) ? .roomy(room) : nil
    }
}

extension FreeSpace {
    /// What is free beyond what must stay free; negative where less is.
    fileprivate var surplus: Int64 {
        Int64(clamping: freeByteCount).subtractingReportingOverflow(Int64(clamping: reserveByteCount)).partialValue
    }
}
