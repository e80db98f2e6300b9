import Digests

/// Where backup objects are kept. An object is written once through a signed URL, observed, and later deleted.
public protocol ObjectStore: Sendable {
    /// Looks at an object.
    ///
    /// - Parameter freezing: true once its completion was reported. From then on the name takes no upload any more, also
    ///   when nothing is found: what was judged must stay as it was judged.
    func observe(_ name: ObjectName, freezing: Bool) async throws(ObjectStoreError) -> Observation

    /// Removes the object, its sidecar and all that is kept beside it. Removing what is not there is a success.
    func delete(_ name: ObjectName) async throws(ObjectStoreError)

    /// Writes `NAME.key` beside the object, replacing an older one. At most 64 KiB.
    func putSidecar(_ bytes: [UInt8], for name: ObjectName) async throws(ObjectStoreError)

    /// The sidecar's bytes; `nil` when there is none.
    func sidecar(for name: ObjectName) async throws(ObjectStoreError) -> [UInt8]?

    /// The objects behind a name, in an order of the store's own that stays the same.
    ///
    /// - Parameters:
    ///   - after: The last name of the page before; nil from the start.
    ///   - limit: The most objects of a page, at least 1.
    func list(after: ObjectName?, limit: Int) async throws(ObjectStoreError) -> ObjectListing

    /// Forgets that names were frozen before a moment of the wall clock, unix milliseconds. The caller knows that no address
    /// of theirs is good any more.
    func release(frozenBefore milliseconds: UInt64) async throws(ObjectStoreError)

    /// Up to `byteCount` bytes from `offset`; fewer only at the end of the object, none at or after it.
    func read(_ name: ObjectName, at offset: UInt64, byteCount: Int) async throws(ObjectStoreError) -> [UInt8]
}

/// A page of what is in a store. Files that a store keeps beside an object are not listed.
public struct ObjectListing: Hashable, Sendable {
    /// One object.
    public struct Item: Hashable, Sendable {
        /// Its name.
        public var name: ObjectName
        /// Its size.
        public var byteCount: UInt64

        /// An object with both parts.
        public init(name: ObjectName, byteCount: UInt64) {
            self.name = name
            self.byteCount = byteCount
        }
    }

    /// The objects.
    public var items: [Item] = []
    /// What was met on the way whose name no object can have.
    public var foreignCount: UInt64 = 0
    /// Whether nothing is behind them.
    public var isLast = true

    /// An empty page, the last one.
    public init() {}
}

/// What was seen of an object in its store.
public enum Observation: Hashable, Sendable {
    /// It is there. `digest` is nil where the store knows none without reading everything back.
    case found(byteCount: UInt64, digest: Digest?)
    /// Nothing under that name.
    case missing
}

/// Gives out addresses under which one object may be put or fetched for a while, without any other credential.
public protocol ObjectURLs: Sendable {
    /// An address for one `PUT` of at most `maximumByteCount` bytes, until the wall clock passes `expiresAtMilliseconds`.
    func uploadURL(for name: ObjectName, maximumByteCount: UInt64, expiresAtMilliseconds: UInt64) -> String

    /// An address for `GET`, until the wall clock passes `expiresAtMilliseconds`.
    func downloadURL(for name: ObjectName, expiresAtMilliseconds: UInt64) -> String
}

/// Why a store did not do what it was asked. No text holds a signature or a key.
public enum ObjectStoreError: Error, Hashable, CustomStringConvertible {
    /// The name is frozen, or stands where another object needs a folder.
    case conflict(ObjectName)
    /// More bytes than the signed maximum.
    case tooLarge(byteCount: UInt64, maximumByteCount: UInt64)
    /// The upload ended at another size than it declared.
    case lengthMismatch(declared: UInt64, received: UInt64)
    /// Storing this would leave less than the store keeps free.
    case insufficientSpace(freeByteCount: UInt64, neededByteCount: UInt64)
    /// Nothing under that name.
    case notFound(ObjectName)
    /// The store itself failed; `reason` names the operation and what the system said.
    case failed(reason: String)

    /// What was wrong and what to do.
    public var description: String {
        switch self {
        case .conflict(let name):
            "\(name) takes no upload any more. Use a new attempt, which has a name of its own."
        case .tooLarge(let count, let maximum):
            "\(count) bytes are more than the \(maximum) that this address allows. Raise the limit of the job."
        case .lengthMismatch(let declared, let received):
            "\(received) bytes arrived, \(declared) were declared. Nothing was stored; upload again."
        case .insufficientSpace(let free, let needed):
            "no room: \(free) bytes are free and \(needed) are needed, reserve included. Delete backups or add space."
        case .notFound(let name):
            "there is no object \(name)."
        case .failed(let reason):
            "the object store failed: \(reason)"
        }
    }
}
