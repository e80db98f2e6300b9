import ArgumentParser
import Core
import Foundation
import Server

/// A moment of RFC 3339 as somebody wrote it; the server reads it.
struct Moment: ExpressibleByArgument {
    let text: String
    var json: JSON { .string(text) }

    /// Nil for what the server would refuse in any case.
    init?(argument: String) {
        let form =
            /([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt ]([0-9]{2}):([0-9]{2}):([0-9]{2})(\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})/
        guard let parts = argument.wholeMatch(of: form),
            DateComponents(
                calendar: Calendar(identifier: .gregorian), year: Int(parts.1), month: Int(parts.2), day: Int(parts.3)
            ).isValidDate
        else { return nil }
        text = argument
    }
}

extension Role: ExpressibleByArgument {}
