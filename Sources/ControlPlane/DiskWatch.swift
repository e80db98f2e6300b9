import Core
import Engine
import Logging
import Objects

/// Tells the engine when the control plane's own disks have too little room, and when both have enough again:
/// while there is still room for the log, so that the alert can be recorded. That the log itself had none is told by the
/// engine, once it has.
struct DiskWatch: Sendable {
    /// From one look to the next.
    static let interval = Duration.seconds(60)

    /// The folder of the log, on whose disk a little must stay free.
    let log: String
    /// The folder of the objects: less than their reserve, and uploads are refused.
    let objects: String
    /// How room is measured.
    var measure: @Sendable (String) -> FreeSpace? = FreeSpace.measure

    /// What is to be told, if anything.
    ///
    /// - Parameter isShort: Whether the engine takes them for short of room.
    func fact(isShort: Bool) -> DiskFact? {
        var disks: [(space: FreeSpace, reserve: UInt64)] = []
        // A small disk for the log alone is no fault: its reserve is not more than a twentieth of it.
        if let space = measure(log) { disks.append((space, min(space.totalByteCount / 20, 1 << 30))) }
        if let space = measure(objects) { disks.append((space, space.reserveByteCount)) }
        func missing(_ disk: (space: FreeSpace, reserve: UInt64), of wanted: UInt64) -> UInt64 {
            wanted - min(wanted, disk.space.freeByteCount)
        }
        guard let worst = disks.max(by: { missing($0, of: $0.reserve) < missing($1, of: $1.reserve) }) else {
            return nil
        }
        let room = DiskRoom(
            freeByteCount: worst.space.freeByteCount, totalByteCount: worst.space.totalByteCount)
        if !isShort { return missing(worst, of: worst.reserve) > 0 ? .short(room) : nil }
        // A quarter more than the least, so that one deleted object does not end what the next upload begins anew.
        return disks.count == 2 && disks.allSatisfy { missing($0, of: $0.reserve + $0.reserve / 4) == 0 }
            ? .roomy(room) : nil
    }
}
