import CSQLite
import CSQLiteBatch
import Engine

/// Lends a batch to one connection as a table, from which a single statement inserts it whole.
///
/// A statement for each entry costs SQLite about as much again as the entry itself: starting, binding, seeking, ending.
final class BatchLending {
    /// The table's name in statements. It is there without being created, and never in the file.
    static let table = "batch"

    // SQLite keeps the address for as long as the connection lives.
    private let batch: UnsafeMutablePointer<backupy_batch>

    init() {
        batch = .allocate(capacity: 1)
        batch.initialize(to: backupy_batch())
    }

    deinit { batch.deallocate() }

    /// Makes the table known to the connection, which must not read it any more once this object is gone.
    func register(on connection: Connection) throws(SQLiteFailure) {
        let code = backupy_batch_register(connection.handle, Self.table, batch)
        guard code == SQLITE_OK else { throw Connection.failure(connection.handle, code, "lend a batch") }
    }

    /// Fills the table with the batch for as long as the body runs.
    func lend(_ batch: borrowing Batch, _ body: () throws(SQLiteFailure) -> Void) throws(SQLiteFailure) {
        let problem: SQLiteFailure? = batch.withEncodings { encodings, checksums in
            self.batch.pointee = backupy_batch(
                encodings: encodings.baseAddress, byte_count: encodings.count, checksums: checksums.baseAddress,
                entry_count: checksums.count)
            defer { self.batch.pointee = backupy_batch() }
            do throws(SQLiteFailure) {
                try body()
                return nil
            } catch {
                return error
            }
        }
        if let problem { throw problem }
    }
}
