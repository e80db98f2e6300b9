import Foundation

extension Metrics {
    /// Adds what the system knows about this process, by the names of Prometheus' own clients.
    public func addProcess() {
        let start = Date().timeIntervalSince1970
        reading("process_start_time_seconds", "When the process started, as seconds since 1970.") {
            [Sample([], start)]
        }
        reading("process_resident_memory_bytes", "Memory that the process has in RAM.") {
            ProcessFigures.residentByteCount().map { [Sample([], $0)] } ?? []
        }
        reading("process_open_fds", "Open file descriptors.") {
            ProcessFigures.descriptorCount().map { [Sample([], $0)] } ?? []
        }
        reading("process_max_fds", "How many file descriptors may be open.") {
            var limit = rlimit()
            guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return [] }
            return [Sample([], Double(limit.rlim_cur))]
        }
        reading("process_cpu_seconds_total", "Processor time used, of user and system together.", .counter) {
            var usage = rusage()
            guard getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage) == 0 else { return [] }
            func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1_000_000 }
            return [Sample([], seconds(usage.ru_utime) + seconds(usage.ru_stime))]
        }
    }
}

private enum ProcessFigures {
    /// The second field of `statm` counts pages. Source: proc(5).
    static func residentByteCount() -> Double? {
        guard let text = try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8) else { return nil }
        let fields = text.split(separator: " ")
        guard fields.count > 1, let pages = Double(fields[1]) else { return nil }
        return pages * Double(sysconf(Int32(_SC_PAGESIZE)))
    }

    static func descriptorCount() -> Double? {
        (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")).map { Double($0.count) }
    }
}
