import Core
import Digests
import Engine

@testable import SQLiteLog

typealias LedgerKernel = Kernel<Ledger, SQLiteEventLog, JSONCodec<Ledger.Message>>

/// Log, vault and views of a data directory, opened as a control plane opens them.
struct Site {
    var kernel: LedgerKernel
    let reader: any LogReader & Sendable
    let vault: SQLiteVault
    let views: SQLiteViews
    private let viewsPath: String
    private let vfs: String?

    /// - Parameter vfs: nil is SQLite's own.
    init(directory: String, vfs: String? = nil) throws {
        // Small, so that index and checkpoints come often.
        let log = try SQLiteEventLog(directory: directory, vfs: vfs, blockEntryCount: 10)
        try log.connection.execute("checkpoint often", "PRAGMA wal_autocheckpoint=8")
        kernel = try LedgerKernel(log: log, codec: JSONCodec())
        reader = try log.makeReader()
        vault = try SQLiteVault(directory: directory, masterKey: Self.masterKey, vfs: vfs)
        viewsPath = directory + "/views.sqlite"
        views = try SQLiteViews(
            path: viewsPath, collections: AccountProjection().collections, readerCount: 1, vfs: vfs)
        self.vfs = vfs
    }

    static let masterKey = MasterKey([UInt8](repeating: 7, count: MasterKey.byteCount))!

    var log: SQLiteEventLog { kernel.log }

    /// Folds what the views have not seen, as the follower does.
    func follow() throws {
        let checkpoint = try views.checkpoint().position
        let codec = JSONCodec<Ledger.Message>()
        var dirty: [String: Document] = [:]
        let entries = try reader.read(after: checkpoint, limit: 1_000)
        guard let end = entries.last?.position else { return }
        for encoded in entries {
            var failure: ViewsError?
            let documents = AccountProjection().project(try codec.decode(encoded)) { collection, id in
                if let document = dirty[id] { return document }
                do throws(ViewsError) {
                    return try views.document(id, in: collection)
                } catch {
                    failure = error
                    return nil
                }
            }
            if let failure { throw failure }
            for document in documents { dirty[document.id] = document }
        }
        try views.store(dirty.values.sorted { $0.id < $1.id }, checkpoint: reader.commit(upTo: end))
    }

    /// Brings what the write-ahead logs hold into their files.
    func checkpoint() throws {
        try log.connection.execute("checkpoint", "PRAGMA wal_checkpoint(TRUNCATE)")
        try Connection(path: viewsPath, mode: .readWrite, vfs: vfs)
            .execute("checkpoint", "PRAGMA wal_checkpoint(RESTART)")
    }
}

/// What was answered, and so must be there whatever happens; and what was asked for, beside which nothing may be there.
struct Witness {
    /// The log's head at the last commit that was answered.
    var head = LogHead(position: .start, recordedAt: nil, link: Batch.linkBeforeFirst)
    /// Ids of notes that were submitted.
    var submitted: Set<Text> = []
    /// Secrets that were stored and not deleted.
    var secrets: [String: [UInt8]] = [:]
    /// A change of the vault that was asked for and not answered yet: name and new secret, nil for a deletion.
    var doubt: (name: String, secret: [UInt8]?)?
    /// Sealed bytes of secrets that were replaced or deleted.
    var gone: [[UInt8]] = []
}
