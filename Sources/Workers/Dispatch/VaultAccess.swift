import Engine
import NIOPosix

extension Vault {
    /// Works with the vault on a thread of its own: it waits for the disk, and the threads of tasks are few.
    func aside<Value: Sendable>(_ body: @escaping @Sendable (any Vault) throws -> Value) async throws -> Value {
        try await VaultThread.pool.runIfActive { try body(self) }
    }
}

private enum VaultThread {
    /// One suffices: a vault takes one call at a time. It lasts as long as the process.
    static let pool: NIOThreadPool = {
        let pool = NIOThreadPool(numberOfThreads: 1)
        pool.start()
        return pool
    }()
}
