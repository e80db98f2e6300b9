import Glibc

/// Open files of this process: connections may not use up what the log and the store need.
enum Descriptors {
    /// What is left for everything but connections.
    static let reserve = 256
    /// Fewer connections are not worth a server.
    static let least = 64

    /// Takes as many as the system allows, and says how many connections may be open at a time.
    static func connectionLimit() -> Int {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return least }
        if limit.rlim_cur < limit.rlim_max {
            var wanted = limit
            wanted.rlim_cur = min(limit.rlim_max, 1 << 20)
            if setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &wanted) == 0 { limit = wanted }
        }
        return max(least, Int(min(limit.rlim_cur, 1 << 20)) - reserve)
    }
}
