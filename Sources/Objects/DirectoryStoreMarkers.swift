public import Engine
import Foundation
import Synchronization

extension DirectoryStore {
    /// Removes the markers of names that were frozen before a moment of the wall clock, and folders that are empty then;
    /// see ``ObjectStore/release(frozenBefore:)``. Looks at every folder.
    ///
    /// - Parameter milliseconds: unix time, compared with when the marker was written.
    /// - Returns: How many were removed.
    @discardableResult
    public func releaseNames(frozenBefore milliseconds: UInt64) throws(ObjectStoreError) -> Int {
        try Self.mapped { () throws(FileError) in try release(in: "", milliseconds) }
    }

    private func release(in folder: String, _ milliseconds: UInt64) throws(FileError) -> Int {
        let names: [String]
        do throws(FileError) {
            names = try Files.names(in: "\(root)/\(folder)")
        } catch {
            if !Files.exists("\(root)/\(folder)") { return 0 }
            throw error
        }
        var count = 0
        for name in names where !(folder.isEmpty && name == Self.incoming) {
            let path = folder.isEmpty ? name : "\(folder)/\(name)"
            var status = stat()
            guard lstat("\(root)/\(path)", &status) == 0 else { continue }  // deleted a moment ago
            switch status.st_mode & S_IFMT {
            case S_IFDIR where ObjectName(path) != nil:
                count += try release(in: path, milliseconds)
            case S_IFREG where Self.isMarker(path):
                let seconds = UInt64(clamping: status.st_mtim.tv_sec)
                guard seconds < milliseconds / 1_000 else { continue }
                try remove(marker: "\(root)/\(path)")
                count += 1
            default:
                continue
            }
        }
        return count
    }

    private func remove(marker path: String) throws(FileError) {
        try names.withLock { _ throws(FileError) in
            try Files.remove(path)
            removeEmptyFolders(from: Folder.of(path))
        }
    }

    private static func isMarker(_ path: String) -> Bool {
        path.hasSuffix(frozenSuffix) && ObjectName(String(path.dropLast(frozenSuffix.utf8.count))) != nil
    }
}
