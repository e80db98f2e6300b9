import Engine
import Foundation

/// Room on the file system that holds a store, in bytes.
public struct FreeSpace: Hashable, Sendable {
    /// What an ordinary process may still use.
    public var freeByteCount: UInt64
    /// The size of the whole file system.
    public var totalByteCount: UInt64

    /// Room as given.
    public init(freeByteCount: UInt64, totalByteCount: UInt64) {
        self.freeByteCount = freeByteCount
        self.totalByteCount = totalByteCount
    }

    /// What stays free so that backups cannot stop the log: 5 % of the file system, and at least 1 GiB.
    public var reserveByteCount: UInt64 { max(totalByteCount / 20, 1 << 30) }

    /// Asks the system about the file system that holds `path`; `nil` when it does not say.
    public static func measure(_ path: String) -> FreeSpace? {
        var status = statvfs()
        guard statvfs(path, &status) == 0 else { return nil }
        let unit = UInt64(status.f_frsize)
        return FreeSpace(
            freeByteCount: UInt64(status.f_bavail).multipliedReportingOverflow(by: unit).partialValue,
            totalByteCount: UInt64(status.f_blocks).multipliedReportingOverflow(by: unit).partialValue)
    }

    /// Refuses an object that would eat into the reserve.
    func check(for byteCount: UInt64) throws(ObjectStoreError) {
        let (needed, isOver) = byteCount.addingReportingOverflow(reserveByteCount)
        guard !isOver, needed <= freeByteCount else {
            throw .insufficientSpace(freeByteCount: freeByteCount, neededByteCount: isOver ? .max : needed)
        }
    }
}
