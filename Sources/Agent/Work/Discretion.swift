import Synchronization
import Wire

/// Keeps the agent's secrets out of what it writes down, logs and reports: texts of tools, of hooks and of the server are
/// redacted as the server redacts what it hears.
final class Discretion: Sendable {
    private struct Known: Sendable {
        var passwords: [[UInt8]] = []
        var redactor = Redactor()
    }

    private let known = Mutex(Known())

    /// Takes over the passwords of a configuration. Those of the one before are known until the next.
    func learn(_ settings: StationSettings) {
        known.withLock { known in
            known.redactor = Redactor(secrets: known.passwords + settings.passwords)
            known.passwords = settings.passwords
        }
    }

    /// A text without the passwords of all targets.
    func redacted(_ text: String) -> String { known.withLock { $0.redactor }.redacted(text) }

    /// A text about a run, also without its data key and what is secret in its address.
    func redacted(_ text: String, _ item: Pouch.Item?) -> String {
        guard let item else { return redacted(text) }
        let secrets = Redactor.secrets(inURL: item.order.uploadURL) + [item.order.key]
        return Redactor(secrets: secrets).redacted(redacted(text))
    }
}
