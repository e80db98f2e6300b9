public import Foundation
import Wire

/// Finds the passwords that targets only name: `env:NAME` in the agent's environment, `file:PATH` on its host.
public struct PasswordSource: Sendable {
    /// The most bytes a password may have.
    static let maximumByteCount = 4_096

    private let environment: [String: String]
    private let found: @Sendable (StationSettings.Password) -> Void

    /// A source of passwords.
    ///
    /// - Parameters:
    ///   - environment: of the agent's process.
    ///   - found: is told each password that a reference led to, before anybody else gets it.
    public init(
        environment: [String: String] = ProcessInfo.processInfo.environment,
        found: @escaping @Sendable (StationSettings.Password) -> Void = { _ in }
    ) {
        self.environment = environment
        self.found = found
    }

    /// The target with its password itself in place of a reference to it.
    ///
    /// - Throws: ``RunFailure`` that says what was looked for where, and never what was found.
    public func resolve(_ target: StationSettings.Target) throws(RunFailure) -> StationSettings.Target {
        let reference = target.password.text
        var resolved = target
        if reference.hasPrefix("env:") {
            resolved.password = try variable(String(reference.dropFirst(4)))
        } else if reference.hasPrefix("file:") {
            resolved.password = try file(String(reference.dropFirst(5)))
        }
        guard !resolved.password.text.utf8.contains(0) else {
            throw Self.failure(Self.isReference(reference) ? reference : "the password", "holds a zero byte")
        }
        if Self.isReference(reference) { found(resolved.password) }
        return resolved
    }

    private static func isReference(_ text: String) -> Bool { text.hasPrefix("env:") || text.hasPrefix("file:") }

    private static func failure(_ what: String, _ problem: String) -> RunFailure {
        RunFailure("pipeline: target: password_secret_ref: \(what): \(problem)")
    }

    private func variable(_ name: String) throws(RunFailure) -> StationSettings.Password {
        let what = "env:\(name)"
        // Whoever may configure targets could else have the agent show its own key to a host of their choice.
        guard !name.hasPrefix("BACKUP_"), !name.hasPrefix("BACKUPY_") else {
            throw Self.failure(what, "the agent's own variables are no passwords of databases; use another name")
        }
        guard let value = environment[name], !value.isEmpty else {
            throw Self.failure(what, "not set in the agent's environment, or empty; set it and restart the agent")
        }
        guard value.utf8.count <= Self.maximumByteCount else {
            throw Self.failure(what, "has more than \(Self.maximumByteCount) bytes")
        }
        return StationSettings.Password(value)
    }

    /// Read anew each time, so that a changed file needs no restart.
    private func file(_ path: String) throws(RunFailure) -> StationSettings.Password {
        let what = "file:\(path)"
        guard path.hasPrefix("/"), !path.utf8.contains(0) else {
            throw Self.failure(what, "must be an absolute path on the agent's host")
        }
        // Not blocking: the path may name a pipe. Links are followed: mounted secrets are links.
        let descriptor = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY)
        guard descriptor >= 0 else { throw Self.failure(what, String(cString: strerror(errno))) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw Self.failure(what, "not a regular file")
        }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: Self.maximumByteCount + 3)
        while bytes.count <= Self.maximumByteCount + 2 {
            let count = read(descriptor, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw Self.failure(what, String(cString: strerror(errno))) }
            if count == 0 { break }
            bytes += buffer[..<count]
        }
        // The line break that editors and `echo` leave; one, since a password may end in another.
        if bytes.last == 0x0A {
            bytes.removeLast()
            if bytes.last == 0x0D { bytes.removeLast() }
        }
        guard !bytes.isEmpty else { throw Self.failure(what, "the file is empty") }
        guard bytes.count <= Self.maximumByteCount else {
            throw Self.failure(what, "has more than \(Self.maximumByteCount) bytes")
        }
        guard let text = String(validating: bytes, as: UTF8.self) else { throw Self.failure(what, "is not UTF-8") }
        return StationSettings.Password(text)
    }
}
