import Foundation
import Synchronization
import Wire

/// Reads how the host is. Figures that cannot be read are left out.
final class HostVitals: Sendable {
    /// Processor time since boot, in ticks.
    struct ProcessorTime: Hashable, Sendable {
        var busy: UInt64
        var total: UInt64
    }

    private let folder: String
    private let last = Mutex<ProcessorTime?>(nil)

    /// - Parameter folder: whose disk is measured.
    init(folder: String) { self.folder = folder }

    /// The figures now; the processor's since the last call.
    func read() -> AgentVitals {
        var vitals = AgentVitals()
        if let now = Self.processorTime(Self.text("/proc/stat")) {
            let before = last.withLock { last in
                defer { last = now }
                return last
            }
            if let before { vitals.processorThousandths = Self.load(from: before, to: now) }
        }
        if let memory = Self.memory(Self.text("/proc/meminfo")) {
            vitals.memoryTotalByteCount = memory.total
            vitals.memoryUsedByteCount = memory.used
        }
        var disk = statvfs()
        if statvfs(folder, &disk) == 0 {
            let block = UInt64(disk.f_frsize)
            vitals.diskTotalByteCount = UInt64(disk.f_blocks).multipliedReportingOverflow(by: block).partialValue
            let used = UInt64(disk.f_blocks) &- min(UInt64(disk.f_bfree), UInt64(disk.f_blocks))
            vitals.diskUsedByteCount = used.multipliedReportingOverflow(by: block).partialValue
        }
        return vitals
    }

    /// The first line of `/proc/stat`: ticks in user, nice, system, idle, iowait and further states. Source: proc(5).
    static func processorTime(_ text: String) -> ProcessorTime? {
        guard let line = text.split(separator: "\n").first, line.hasPrefix("cpu ") else { return nil }
        let ticks = line.split(separator: " ").dropFirst().prefix(8).map { UInt64($0) ?? 0 }
        guard ticks.count >= 5 else { return nil }
        let total = ticks.reduce(0, &+)
        let idle = ticks[3] &+ ticks[4]
        return ProcessorTime(busy: total >= idle ? total - idle : 0, total: total)
    }

    /// Busy thousandths between two readings.
    static func load(from before: ProcessorTime, to now: ProcessorTime) -> UInt32 {
        guard now.total > before.total, now.busy >= before.busy else { return 0 }
        let busy = min(now.busy - before.busy, now.total - before.total)
        return UInt32(clamping: busy.multipliedReportingOverflow(by: 1_000).partialValue / (now.total - before.total))
    }

    /// `MemTotal` and what is not `MemAvailable`, in bytes. Source: proc(5); its kB are KiB.
    static func memory(_ text: String) -> (total: UInt64, used: UInt64)? {
        func bytes(_ name: String) -> UInt64? {
            for line in text.split(separator: "\n") where line.hasPrefix("\(name):") {
                return line.split(separator: " ").dropFirst().first.flatMap { UInt64($0) }
                    .map { $0.multipliedReportingOverflow(by: 1_024).partialValue }
            }
            return nil
        }
        guard let total = bytes("MemTotal"), let available = bytes("MemAvailable") else { return nil }
        return (total, total >= available ? total - available : 0)
    }

    /// The name of this host.
    static func hostname() -> String { ProcessInfo.processInfo.hostName }

    /// The processor as Go names it.
    static var architecture: String {
        #if arch(x86_64)
        "amd64"
        #elseif arch(arm64)
        "arm64"
        #else
        "unknown"
        #endif
    }

    /// The system as Go names it.
    static var system: String {
        #if os(Linux)
        "linux"
        #elseif os(macOS)
        "darwin"
        #else
        "unknown"
        #endif
    }

    /// The wall clock.
    static func wallMilliseconds() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) &* 1_000 &+ Int64(time.tv_nsec) / 1_000_000
    }

    private static func text(_ path: String) -> String {
        FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) } ?? ""
    }
}
