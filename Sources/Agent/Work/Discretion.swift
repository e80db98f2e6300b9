import Synchronization
import Wire

/// Keeps the agent's secrets out of what it writes down, logs and reports: texts of tools, of hooks and of the server are
/// redacted as the server redacts what it hears.
final class Discretion: Sendable {
    /// Passwords found on this host that are remembered: more than a configuration has targets, and as many again for
    /// those that were changed since.
    private static let foundLimit = 512

    private struct Known: Sendable {
        var passwords: [[UInt8]] = []
        var former: [[UInt8]] = []
        var found: [[UInt8]] = []
        var redactor = Redactor()

        mutating func renew() { redactor = Redactor(secrets: passwords + former + found) }
    }

    private let known = Mutex(Known())

    /// Takes over the passwords of a configuration. Those of the one before are known until they change again: each welcome
    /// brings the same ones once more, and a run of before may be at work still.
    func learn(_ settings: StationSettings) {
        known.withLock { known in
            guard known.passwords != settings.passwords else { return }
            known.former = known.passwords
            known.passwords = settings.passwords
            known.renew()
        }
    }

    /// Takes over a password that a target only names, and that was found on this host.
    func learn(_ password: StationSettings.Password) {
        let bytes = Array(password.text.utf8)
        known.withLock { known in
            guard !known.found.contains(bytes) else { return }
            if known.found.count == Self.foundLimit { known.found.removeFirst() }
            known.found.append(bytes)
            known.renew()
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
