import Digests
import Engine

/// An object opened for reading. Its bytes stay readable as long as this lives, also after a deletion.
public struct StoredObject: Sendable {
    /// What it is called.
    public let name: ObjectName
    /// The open file, for streaming.
    public let file: StoredFile
    /// Its size in bytes.
    public let byteCount: UInt64
    /// The digest kept beside it; nil when the machine stopped before that was written.
    public let digest: Digest?

    /// Up to `byteCount` bytes from `offset`: fewer only at the object's end, none at or after it.
    public func bytes(at offset: UInt64, byteCount: Int) throws(ObjectStoreError) -> [UInt8] {
        guard offset < self.byteCount, byteCount > 0 else { return [] }
        let count = Int(clamping: min(UInt64(byteCount), self.byteCount - offset))
        return try DirectoryStore.mapped { () throws(FileError) in try Files.read(file, at: offset, byteCount: count) }
    }
}
