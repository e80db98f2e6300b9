import Logging
import Synchronization

/// Keeps the lines that a logger is told.
final class Told: Sendable {
    private let stored = Mutex<[String]>([])

    var lines: [String] { stored.withLock { $0 } }
    var logger: Logger { Logger(label: "test") { [self] _ in Handler(told: self) } }

    private struct Handler: LogHandler {
        let told: Told
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.info
        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) { told.stored.withLock { $0.append("\(event.message)") } }
    }
}
