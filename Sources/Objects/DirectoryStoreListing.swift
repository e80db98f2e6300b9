public import Engine
import Foundation

extension DirectoryStore {
    /// The objects behind a name; see ``ObjectStore/list(after:limit:)``. Folder by folder, names in the order of their
    /// bytes: a page costs what its folders hold, not what the store holds.
    public func page(after: ObjectName?, limit: Int) throws(ObjectStoreError) -> ObjectListing {
        var listing = ObjectListing()
        listing.isLast = try Self.mapped { () throws(FileError) in
            try walk("", behind: (after?.text ?? "").split(separator: "/")[...], max(1, limit), &listing)
        }
        return listing
    }

    /// - Returns: Whether it came to the end of the folder.
    private func walk(
        _ folder: String, behind: ArraySlice<Substring>, _ limit: Int, _ listing: inout ObjectListing
    ) throws(FileError) -> Bool {
        let bound = behind.first.map(String.init)
        let names: [String]
        do throws(FileError) {
            names = try Files.names(in: "\(root)/\(folder)")
        } catch {
            // Deleting the last object of a folder removes the folder too.
            if !Files.exists("\(root)/\(folder)") { return true }
            throw error
        }
        for name in names.sorted(by: { $0.utf8.lexicographicallyPrecedes($1.utf8) }) {
            if folder.isEmpty, name == Self.incoming { continue }
            if let bound, name != bound, name.utf8.lexicographicallyPrecedes(bound.utf8) { continue }
            let path = folder.isEmpty ? name : "\(folder)/\(name)"
            var status = stat()
            guard lstat("\(root)/\(path)", &status) == 0 else { continue }  // deleted a moment ago
            let kind = status.st_mode & S_IFMT
            if kind == S_IFDIR, ObjectName(path) != nil {
                let rest = name == bound ? behind.dropFirst() : []
                guard try walk(path, behind: rest, limit, &listing) else { return false }
                continue
            }
            if name == bound, behind.count == 1 { continue }
            guard let object = ObjectName(path), kind == S_IFREG else {
                if kind != S_IFREG || !Self.isCompanion(path) { listing.foreignCount += 1 }
                continue
            }
            guard listing.items.count < limit else { return false }
            listing.items.append(.init(name: object, byteCount: UInt64(max(0, status.st_size))))
        }
        return true
    }

    /// Whether the store itself keeps such a file beside an object.
    private static func isCompanion(_ path: String) -> Bool {
        ObjectName.reservedSuffixes.contains {
            path.hasSuffix($0) && ObjectName(String(path.dropLast($0.count))) != nil
        }
    }
}
