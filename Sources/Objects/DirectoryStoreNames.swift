import Digests
import Engine
import Foundation

// How the store finds its way among its own files. All of it is internal.
extension DirectoryStore {
    func path(_ name: ObjectName) -> String { "\(root)/\(name.text)" }

    func temporaryPath() -> String {
        "\(root)/\(Self.incoming)/\(Hex.encode(SecureRandom.bytes(12)))"
    }

    /// Puts a finished upload in place. The digest goes before the old object and comes after the new one, with a
    /// synchronized folder between: whenever the machine stops, a digest beside an object is that object's.
    func commit(_ temporary: StoredFile, as name: ObjectName, digest: Digest) throws(ObjectStoreError) {
        try changingNames { () throws(ObjectStoreError) in
            guard !isFrozen(name) else { throw .conflict(name) }
            do throws(FileError) {
                try makeFolders(for: name)
                let path = path(name)
                let digestPath = path + ".sha256"
                if Files.exists(digestPath) {
                    try Files.remove(digestPath)
                    try Folder.synchronize(Folder.of(path))
                }
                try Files.move(temporary.path, to: path)
                try Folder.synchronize(Folder.of(path))
                try writeDigest(digest, beside: name)
            } catch  where [ENOTDIR, EISDIR, EEXIST, ENOTEMPTY].contains(error.code) {
                throw .conflict(name)
            } catch {
                throw Self.mapped(error)
            }
        }
    }

    func lookUp(_ name: ObjectName) throws(ObjectStoreError) -> StoredObject? {
        try changingNames { () throws(FileError) in
            do throws(FileError) {
                let file = try StoredFile(reading: path(name))
                return StoredObject(
                    name: name, file: file, byteCount: try file.byteCount(), digest: try readDigest(beside: name))
            } catch  where [ENOENT, ENOTDIR, EISDIR].contains(error.code) {
                return nil
            }
        }
    }

    func freeze(_ name: ObjectName) throws(ObjectStoreError) {
        try changingNames { () throws(FileError) in
            guard !isFrozen(name) else { return }
            try makeFolders(for: name)
            try Files.write([], to: path(name) + Self.frozenSuffix, through: temporaryPath())
        }
    }

    /// Reads the whole object, and keeps what was found unless another object took the name meanwhile.
    func computedDigest(of object: StoredObject) throws(ObjectStoreError) -> Digest {
        var hash = SHA256()
        do {
            try object.file.forEachPiece { hash.update($0) }
        } catch {
            throw .failed(reason: "\(error)")
        }
        let digest = hash.finalize()
        try changingNames { () throws(FileError) in
            var own = stat()
            var current = stat()
            guard fstat(object.file.descriptor, &own) == 0, stat(path(object.name), &current) == 0,
                own.st_dev == current.st_dev, own.st_ino == current.st_ino
            else { return }
            try writeDigest(digest, beside: object.name)
        }
        return digest
    }

    /// Removes a folder and those around it for as long as they are empty; never the store's own.
    ///
    /// - Returns: The first that stays.
    @discardableResult
    func removeEmptyFolders(from folder: String) -> String {
        var folder = folder
        while folder.utf8.count > root.utf8.count, rmdir(folder) == 0 { folder = Folder.of(folder) }
        return folder
    }

    func makeFolders(for name: ObjectName) throws(FileError) {
        var folder = root
        for part in name.text.split(separator: "/").dropLast() {
            let parent = folder
            folder += "/\(part)"
            if try Files.makeFolder(folder) { try Folder.synchronize(parent) }
        }
    }

    private func writeDigest(_ digest: Digest, beside name: ObjectName) throws(FileError) {
        let baseName = name.text.split(separator: "/").last ?? ""
        try Files.write(
            Array("\(digest.hex)  \(baseName)\n".utf8), to: path(name) + ".sha256", through: temporaryPath())
    }

    /// `nil` also when the file is unreadable: the object itself can always be asked.
    private func readDigest(beside name: ObjectName) throws(FileError) -> Digest? {
        guard let bytes = try Files.read(path(name) + ".sha256", maximumByteCount: 512) else { return nil }
        return Digest(hex: String(decoding: bytes.prefix(2 * Digest.byteCount), as: UTF8.self))
    }

    static func mapped(_ error: FileError) -> ObjectStoreError {
        .failed(reason: "\(error)")
    }

    static func mapped<Result>(_ body: () throws(FileError) -> Result) throws(ObjectStoreError) -> Result {
        do throws(FileError) {
            return try body()
        } catch {
            throw mapped(error)
        }
    }
}
