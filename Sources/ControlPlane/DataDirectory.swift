import Core
import Digests
import Engine
import Foundation
import Logging
import Objects
import SQLiteLog
import Server
import Workers

/// What a data directory holds besides the log, opened or made.
struct DataDirectory: Sendable {
    let path: String
    let masterKey: MasterKey
    let vault: SQLiteVault
    let store: DirectoryStore
    let views: SQLiteViews
    /// SHA-256 of the token that is accepted.
    let adminTokenDigest: Digest
    /// The name of the file with the key that opens backups without this host.
    static let recoveryKeyName = "recovery.key"
    /// Files with secrets that were made just now.
    let createdFiles: [String]

    /// Makes the folder, mode 0700 where it is new.
    static func make(_ path: String) throws(StartError) {
        do {
            try FileManager.default.createDirectory(
                atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } catch {
            throw .directory(path: path, problem: "cannot be created: \(error.localizedDescription)")
        }
        guard access(path, W_OK | X_OK) == 0 else {
            throw .directory(path: path, problem: "cannot be written: \(String(cString: strerror(errno)))")
        }
    }

    /// Opens the log and with it takes the directory for this process.
    static func openLog(_ path: String) throws(StartError) -> SQLiteEventLog {
        func wrapped(_ error: LogError) -> StartError {
            if case .locked = error { .inUse(path: path) } else { .log(error) }
        }
        let log = try mapped(wrapped) { () throws(LogError) in try SQLiteEventLog(directory: path) }
        // A capture is opened by one of the first entries of its log.
        let first = try mapped(wrapped) { () throws(LogError) in try log.read(after: .start, limit: 8) }
        guard !first.contains(where: { $0.kind == "capture.opened" }) else { throw .holdsCapture(path: path) }
        return log
    }

    /// Opens everything else, or makes it. The log must be this process's already.
    static func open(_ configuration: ControlPlane.Configuration, logger: Logger) throws(StartError) -> DataDirectory {
        let path = configuration.dataDirectory
        var created: [String] = []
        let master = try openMasterKey(path, configuration.masterKeyPath, logger)
        // Told at once: where the start fails further on, the next one makes nothing.
        func note(_ file: String) {
            created.append(file)
            logger.notice("made \(file)")
        }
        if master.isNew { note(configuration.masterKeyPath) }
        if let warning = master.warning { logger.warning("\(warning)") }
        let vault = try mapped(StartError.vault) { () throws(VaultError) in
            try SQLiteVault(directory: path, masterKey: master.key)
        }
        let recoveryKey = path + "/" + recoveryKeyName
        if try prepareRecoveryKey(recoveryKey, vault) { note(recoveryKey) }
        if FileManager.default.fileExists(atPath: recoveryKey) {
            logger.warning(
                """
                store \(recoveryKey) elsewhere and take it from this host: it alone opens the backups if the vault or the \
                master key is lost, and with the objects and their .key files it opens each of them
                """)
        }
        let (digest, isNew) = try prepareAdminToken(path + "/admin.token", vault)
        if isNew { note(path + "/admin.token") }
        let store = try mapped(StartError.store) { () throws(ObjectStoreError) in
            try DirectoryStore(root: path + "/objects")
        }
        let views = try mapped(StartError.views) { () throws(ViewsError) in
            try SQLiteViews(path: path + "/" + SQLiteViews.fileName, collections: FleetProjection().collections)
        }
        return DataDirectory(
            path: path, masterKey: master.key, vault: vault, store: store, views: views, adminTokenDigest: digest,
            createdFiles: created)
    }

    /// The master key. It is made only where nothing was sealed yet: a new one would open nothing.
    private static func openMasterKey(
        _ path: String, _ file: String, _ logger: Logger
    ) throws(StartError) -> MasterKey.Loaded {
        let remainder = try mapped(StartError.vault) { () throws(VaultError) in
            try MasterKeyRotation.complete(directory: path, keyFile: file)
        }
        switch remainder {
        case .none: break
        case .unusedKey(let unused):
            logger.warning(
                "a rotation of the master key was cut short before it changed anything; \(unused) is not in use")
        case .finished: logger.notice("a rotation of the master key that was cut short has been finished")
        }
        guard SQLiteVault.exists(in: path) else {
            return try mapped(StartError.vault) { () throws(VaultError) in try MasterKey.loadOrCreate(file: file) }
        }
        let known = try mapped(StartError.vault) { () throws(VaultError) in try MasterKey.load(file: file) }
        guard let known else { throw .masterKeyMissing(path: file) }
        return known
    }

    /// The vault needs the public half only; once it has that, the file may lie elsewhere. True when a file was made.
    private static func prepareRecoveryKey(_ path: String, _ vault: SQLiteVault) throws(StartError) -> Bool {
        let known = try mapped(StartError.vault) { () throws(VaultError) in
            try vault.reveal(VaultNames.recoveryPublicKey)
        }
        guard known == nil else { return false }
        let isNew = access(path, F_OK) != 0
        let key = try mapped({ StartError.recoveryKey(path: path, $0) }) { () throws(RecoveryKeyError) in
            guard isNew else { return try RecoveryKey(file: path) }
            let key = RecoveryKey.generate()
            try key.write(to: path)
            return key
        }
        try mapped(StartError.vault) { () throws(VaultError) in
            try vault.store(key.publicKey.bytes, as: VaultNames.recoveryPublicKey)
        }
        return isNew
    }

    private static func prepareAdminToken(
        _ path: String, _ vault: SQLiteVault
    ) throws(StartError) -> (digest: Digest, isNew: Bool) {
        let known = try mapped(StartError.vault) { () throws(VaultError) in
            try vault.reveal(VaultNames.adminTokenDigest).flatMap { Digest($0) }
        }
        let kept = try AdminToken.read(path)
        if kept == nil, let known { return (known, false) }
        let token = kept ?? AdminToken.draw()
        if kept == nil { try AdminToken.write(token, to: path) }
        let digest = SHA256.digest(of: Array(token.utf8))
        if digest != known {
            try mapped(StartError.vault) { () throws(VaultError) in
                try vault.store(digest.bytes, as: VaultNames.adminTokenDigest)
            }
        }
        return (digest, kept == nil)
    }

    private static func mapped<Failure: Error, Value>(
        _ wrap: (Failure) -> StartError, _ body: () throws(Failure) -> Value
    ) throws(StartError) -> Value {
        do throws(Failure) {
            return try body()
        } catch {
            throw wrap(error)
        }
    }
}
