import Foundation
public import Logging

/// Writes each log line as one JSON object: `ts`, `level`, `logger`, `message`, then what is known about it, each as a
/// member of its own, such as `trace_id`, `position`, `agent`, `run`.
public struct JSONLogHandler: LogHandler {
    /// What goes with every line.
    public var metadata: Logger.Metadata = [:]
    /// Adds what the task knows.
    public var metadataProvider: Logger.MetadataProvider?
    /// Less is not written.
    public var logLevel: Logger.Level = .info

    private let label: String
    private let redact: @Sendable (String) -> String
    private let now: @Sendable () -> Date
    private let write: @Sendable (String) -> Void

    /// A handler.
    ///
    /// - Parameters:
    ///   - redact: applied to each text before it is written.
    ///   - write: gets a line with its end.
    public init(
        label: String, redact: @escaping @Sendable (String) -> String, now: @escaping @Sendable () -> Date = { Date() },
        write: @escaping @Sendable (String) -> Void
    ) {
        self.label = label
        self.redact = redact
        self.now = now
        self.write = write
    }

    /// One value of what goes with every line.
    public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    /// Writes one line.
    public func log(event: LogEvent) {
        var line = "{\"ts\":\"\(Self.text(of: now()))\",\"level\":\"\(event.level.rawValue)\""
        line += ",\"logger\":\(quoted(label)),\"message\":\(quoted(event.message.description))"
        var all = metadataProvider?.get() ?? [:]
        all.merge(metadata) { $1 }
        all.merge(event.metadata ?? [:]) { $1 }
        for (key, value) in all.sorted(by: { $0.key < $1.key }) {
            // What REST errors call it.
            let name = key == "hb.request.id" ? "trace_id" : key
            // The members above are said once.
            guard !["ts", "level", "logger", "message"].contains(name) else { continue }
            line += ",\(quoted(name)):\(json(value))"
        }
        if let error = event.error { line += ",\"error\":\(quoted("\(error)"))" }
        write(line + "}\n")
    }

    private func json(_ value: Logger.MetadataValue) -> String {
        switch value {
        case .string(let text): number(text) ?? quoted(text)
        case .stringConvertible(let value): number(value.description) ?? quoted(value.description)
        case .array(let values): "[" + values.map(json).joined(separator: ",") + "]"
        case .dictionary(let values):
            "{" + values.sorted { $0.key < $1.key }.map { "\(quoted($0.key)):\(json($0.value))" }.joined(separator: ",")
                + "}"
        }
    }

    /// Positions and counts stay numbers.
    private func number(_ text: String) -> String? {
        guard let value = Int64(text), String(value) == text else { return nil }
        return text
    }

    private func quoted(_ text: String) -> String {
        var out = "\""
        for scalar in redact(text).unicodeScalars {
            switch scalar {
            case "\"": out += "\\\""
            case "\\": out += "\\\\"
            case "\n": out += "\\n"
            case "\r": out += "\\r"
            case "\t": out += "\\t"
            // Also what ends a line for some readers: one entry is one line for all of them.
            case _
            where scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value) || scalar == "\u{2028}"
                || scalar == "\u{2029}":
                let digits = String(scalar.value, radix: 16)
                out += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: out.unicodeScalars.append(scalar)
            }
        }
        return out + "\""
    }

    /// RFC 3339, UTC, milliseconds.
    static func text(of date: Date) -> String {
        let milliseconds = Int64((date.timeIntervalSince1970 * 1_000).rounded(.down))
        var seconds = time_t(milliseconds / 1_000)
        var parts = tm()
        gmtime_r(&seconds, &parts)
        func padded(_ number: Int, _ width: Int) -> String {
            let text = String(number)
            return String(repeating: "0", count: max(0, width - text.count)) + text
        }
        let day =
            "\(padded(Int(parts.tm_year) + 1_900, 4))-\(padded(Int(parts.tm_mon) + 1, 2))-\(padded(Int(parts.tm_mday), 2))"
        let time = "\(padded(Int(parts.tm_hour), 2)):\(padded(Int(parts.tm_min), 2)):\(padded(Int(parts.tm_sec), 2))"
        return "\(day)T\(time).\(padded(Int(milliseconds % 1_000), 3))Z"
    }
}
