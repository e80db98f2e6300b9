public import Engine
import Glibc

/// Puts a new master key in the place of the old one, while no server runs.
///
/// The vault is sealed anew in one transaction, and at every moment each key that may be needed is on the disk: first the
/// new key as `KEY.next`, then the vault, then the old key as `KEY.previous`, last the new one as `KEY`. A rotation that was
/// cut short changed nothing, or is finished by the next start or rotation.
///
/// What else derives from the master key changes with it: addresses of objects that were handed out are refused, and
/// signatures of decryption tokens do not verify (those who decrypt offline do not look at them).
public enum MasterKeyRotation {
    /// What has become durable, in this order.
    public enum Step: CaseIterable, Sendable {
        /// The new key, beside the old one.
        case keyWritten
        /// The vault, under the new key.
        case sealed
        /// The old key, under its other name.
        case formerKept
        /// The new key, in its place.
        case inPlace
    }

    /// What was done.
    public struct Summary: Hashable, Sendable {
        /// How many secrets were sealed anew; nil when an earlier rotation had done so.
        public var secretCount: Int?
        /// Names the new key, as in the vault's rows: 8 bytes.
        public var keyID: [UInt8]
        /// Where the old key is now; nil where key files were left alone.
        public var formerKeyFile: String?
    }

    /// What a rotation that was cut short has left.
    public enum Remainder: Hashable, Sendable {
        /// None was cut short.
        case none
        /// A new key that nothing is sealed under, in this file.
        case unusedKey(file: String)
        /// The vault is sealed under the new key; its file has been put in its place just now.
        case finished
    }

    /// Seals the vault under a new key and puts that in the place of the old one.
    ///
    /// - Parameters:
    ///   - directory: The data directory. Its writer's lock is taken.
    ///   - keyFile: Where the master key is.
    ///   - newKeyFile: A file with the new key, made by somebody else; no key file is then moved or written. Nil draws one.
    ///   - didReach: Told of each step once it is durable, for tests.
    /// - Throws: ``MasterKeyRotationError``. Whatever was done by then, the directory can be used.
    public static func rotate(
        directory: String, keyFile: String, newKeyFile: String? = nil, didReach: (Step) -> Void = { _ in }
    ) throws(MasterKeyRotationError) -> Summary {
        guard SQLiteVault.exists(in: directory) else { throw .noVault(directory: directory) }
        let lock: WriterLock
        do throws(LogError) { lock = try WriterLock(directory: directory) } catch { throw .lock(error) }
        defer { withExtendedLifetime(lock) {} }
        do throws(VaultError) {
            let keyFile = resolved(keyFile)
            if newKeyFile == nil, try complete(directory: directory, keyFile: keyFile) == .finished {
                guard let key = try MasterKey.load(file: keyFile)?.key else { throw missing(keyFile) }
                return Summary(secretCount: nil, keyID: key.id, formerKeyFile: keyFile + ".previous")
            }
            return try rotate(directory, keyFile, newKeyFile, didReach)
        } catch {
            throw .vault(error)
        }
    }

    private static func rotate(
        _ directory: String, _ keyFile: String, _ newKeyFile: String?, _ didReach: (Step) -> Void
    ) throws(VaultError) -> Summary {
        guard let old = try MasterKey.load(file: keyFile)?.key else { throw missing(keyFile) }
        let nextFile = newKeyFile ?? next(keyFile)
        // A key that an earlier rotation drew and did not use is as good as a new one.
        if newKeyFile == nil, try MasterKey.load(file: nextFile) == nil { try MasterKey.create(nextFile) }
        guard let new = try MasterKey.load(file: nextFile)?.key else { throw missing(nextFile) }
        if newKeyFile == nil { try handOver(nextFile, toOwnerOf: keyFile) }
        guard new.id != old.id else {
            throw .failed(path: nextFile, problem: "holds the master key that is in use; nothing was changed")
        }
        didReach(.keyWritten)
        var count: Int?
        if try !opens(directory, under: new) {
            count = try SQLiteVault(directory: directory, masterKey: old).rewrap(under: new)
        }
        didReach(.sealed)
        if newKeyFile == nil { try settle(keyFile, didReach) }
        return Summary(
            secretCount: count, keyID: new.id, formerKeyFile: newKeyFile == nil ? keyFile + ".previous" : nil)
    }

    /// Finishes a rotation that was cut short, if the vault is sealed under the new key already. To be called before the
    /// vault is opened, by whoever holds the writer's lock.
    ///
    /// - Throws: ``Engine/VaultError``.
    public static func complete(directory: String, keyFile: String) throws(VaultError) -> Remainder {
        let keyFile = resolved(keyFile)
        guard SQLiteVault.exists(in: directory), let new = try MasterKey.load(file: next(keyFile))?.key else {
            return .none
        }
        guard try opens(directory, under: new) else { return .unusedKey(file: next(keyFile)) }
        try settle(keyFile) { _ in }
        return .finished
    }

    private static func opens(_ directory: String, under key: MasterKey) throws(VaultError) -> Bool {
        do throws(VaultError) {
            _ = try SQLiteVault(directory: directory, masterKey: key)
            return true
        } catch {
            guard case .wrongKey = error else { throw error }
            return false
        }
    }

    /// Renames, so that the key's own name always leads to a key.
    private static func settle(_ keyFile: String, _ didReach: (Step) -> Void) throws(VaultError) {
        let former = keyFile + ".previous"
        guard unlink(former) == 0 || errno == ENOENT else { throw MasterKey.failure(former, "cannot be replaced") }
        guard link(keyFile, former) == 0 || errno == ENOENT else {
            throw MasterKey.failure(former, "cannot be created")
        }
        try MasterKey.synchronizeFolder(of: keyFile)
        didReach(.formerKept)
        unlink(PrivateFile.draft(of: next(keyFile)))  // of a rotation that was killed as it began
        guard rename(next(keyFile), keyFile) == 0 else { throw MasterKey.failure(keyFile, "cannot be replaced") }
        try MasterKey.synchronizeFolder(of: keyFile)
        didReach(.inPlace)
    }

    /// What root makes is the old key's owner's: a server that runs as that user could not read it else.
    private static func handOver(_ nextFile: String, toOwnerOf keyFile: String) throws(VaultError) {
        do throws(FileError) {
            try Ownership.give(nextFile, toOwnerOf: keyFile)
        } catch {
            throw MasterKey.failure(error)
        }
    }

    private static func next(_ keyFile: String) -> String { keyFile + ".next" }

    private static func missing(_ path: String) -> VaultError {
        .failed(path: path, problem: "the master key file is not there; nothing was changed")
    }

    /// Where a symbolic link leads: renaming the link would part the key from its place.
    private static func resolved(_ path: String) -> String {
        guard let found = realpath(path, nil) else { return path }
        defer { free(found) }
        return String(cString: found)
    }
}

/// Why the master key was not rotated.
public enum MasterKeyRotationError: Error, Hashable, Sendable, CustomStringConvertible {
    /// There is nothing to seal anew.
    case noVault(directory: String)
    /// The directory cannot be had alone.
    case lock(LogError)
    /// The vault or a key file cannot be used.
    case vault(VaultError)

    /// What was wrong and what to do.
    public var description: String {
        switch self {
        case .noVault(let directory):
            "\(directory) has no \(SQLiteVault.fileName): name the data directory of a server with --data"
        case .lock(.locked(let path)):
            "\(path): a server is using this data directory. Let its runs finish, stop it, then rotate"
        case .lock(let error): "\(error)"
        case .vault(let error): "\(error)"
        }
    }
}
