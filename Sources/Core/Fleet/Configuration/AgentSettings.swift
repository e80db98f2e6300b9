/// What an agent is told besides its targets and jobs.
public struct AgentSettings: Hashable, Sendable {
    /// `HH:MM` in UTC; empty for no window.
    public var maintenanceStart: Text = ""
    /// `HH:MM` in UTC; empty for no window.
    public var maintenanceEnd: Text = ""
    /// Runs at the same time.
    public var maxParallelJobs: UInt32 = 4
    /// `trace` to `error`; empty for the agent's own.
    public var logLevel: Text = ""
    /// Whether the agent may replace itself.
    public var autoUpdate = false

    /// The defaults.
    public init() {}

    /// What is wrong with it; nil when nothing is.
    public var problem: Refusal? {
        for (field, value) in [
            ("maintenance.start_utc", maintenanceStart), ("maintenance.end_utc", maintenanceEnd),
        ] where !value.isEmpty && !Self.isTimeOfDay(value) {
            return Refusal(code: .validation, field: Text(field), text: "must be a time of day in UTC as HH:MM")
        }
        if maintenanceStart.isEmpty != maintenanceEnd.isEmpty {
            return Refusal(
                code: .validation, field: "maintenance", text: "needs both start_utc and end_utc, or neither")
        }
        // Above 64 the starts that one free agent causes would not fit into one turn.
        if maxParallelJobs < 1 || maxParallelJobs > 64 {
            return Refusal(code: .validation, field: "advanced.max_parallel_jobs", text: "must be 1 to 64")
        }
        if !["", "trace", "debug", "info", "warn", "error"].contains(logLevel) {
            return Refusal(
                code: .validation, field: "advanced.log_level", text: "must be trace, debug, info, warn or error")
        }
        return nil
    }

    private static func isTimeOfDay(_ text: Text) -> Bool {
        let bytes = Array(text.string.utf8)
        guard bytes.count == 5, bytes[2] == UInt8(ascii: ":") else { return false }
        let digits = [bytes[0], bytes[1], bytes[3], bytes[4]]
        guard digits.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) else { return false }
        return (bytes[0] - 0x30) * 10 + (bytes[1] - 0x30) < 24 && bytes[3] < UInt8(ascii: "6")
    }
}

/// One thing to set in an agent's settings.
public enum SettingsField: Hashable, Sendable {
    case maintenance(start: Text, end: Text)
    case maxParallelJobs(UInt32)
    case logLevel(Text)
    case autoUpdate(Bool)
}

extension AgentSettings {
    /// Sets one thing.
    public mutating func set(_ field: SettingsField) {
        switch field {
        case .maintenance(let start, let end):
            maintenanceStart = start
            maintenanceEnd = end
        case .maxParallelJobs(let value): maxParallelJobs = value
        case .logLevel(let value): logLevel = value
        case .autoUpdate(let value): autoUpdate = value
        }
    }
}
