import Engine
import Synchronization

/// A vault for tests.
final class MemoryVault: Vault {
    private let secrets = Mutex<[String: [UInt8]]>([:])

    func store(_ secret: [UInt8], as name: String) { secrets.withLock { $0[name] = secret } }
    func reveal(_ name: String) -> [UInt8]? { secrets.withLock { $0[name] } }
    func delete(_ name: String) { secrets.withLock { $0[name] = nil } }
    func names(withPrefix prefix: String) -> [String] {
        secrets.withLock { $0.keys.filter { $0.hasPrefix(prefix) }.sorted() }
    }
}
