import Logging

/// A logger whose lines go to a closure, on the thread that says them.
func hearing(_ hear: @escaping @Sendable (Logger.Level, String) -> Void) -> Logger {
    Logger(label: "test") { _ in HearingHandler(hear: hear) }
}

private struct HearingHandler: LogHandler {
    let hear: @Sendable (Logger.Level, String) -> Void
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.info

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) { hear(event.level, "\(event.message)") }
}
