import ArgumentParser
import Foundation
import Logging
import Telemetry
import Wire

/// Logs go to standard error, as text or as JSON.
struct Logs {
    private let isJSON: Bool
    private let level: Logger.Level

    /// - Throws: ``Failure`` for words that are none of those known.
    init(format: String?, level: String?) throws {
        switch format?.lowercased() {
        case nil, "", "text": isJSON = false
        case "json": isJSON = true
        case let word?: throw Failure(text: "log-format: “\(word)” is neither text nor json", code: Failure.usage)
        }
        guard let level, !level.isEmpty else {
            self.level = .info
            return
        }
        guard let known = Logger.Level(rawValue: level.lowercased()) else {
            let words = Logger.Level.allCases.map(\.rawValue).joined(separator: ", ")
            throw Failure(text: "log-level: “\(level)” is none of \(words)", code: Failure.usage)
        }
        self.level = known
    }

    /// The same failure, for whoever ends the process: said here as a line of the log where that is JSON, and left to be
    /// said as plain text where it is not.
    func told(_ failure: Failure, by label: String) -> any Error {
        guard isJSON else { return failure }
        make(label).critical("\(failure.text)")
        return ExitCode(failure.code)
    }

    func make(_ label: String, level: Logger.Level? = nil) -> Logger {
        var logger = Logger(label: label) { [isJSON] label in
            guard isJSON else {
                return StreamLogHandler(label: label, stream: VisibleLines { Console.log(line: $0) })
            }
            let redactor = Redactor()
            return JSONLogHandler(
                label: label, redact: { redactor.redacted($0) }, write: { Console.log(line: $0) })
        }
        logger.logLevel = level ?? self.level
        return logger
    }
}
