import Core
import Digests
import Engine
import Foundation
import Objects
import SQLiteLog

extension Target {
    /// A data directory's log file: as it comes, and a sound one that was changed, cut or made longer. SQLite itself reads
    /// all of it.
    static let logfile = Target(name: "logfile", maximumByteCount: 65_536, seeds: logfileSeeds) { bytes in
        var feed = Feed(bytes)
        let isChanged = feed.byte() & 1 == 0
        let file = isChanged ? changed(LogFile.sound.bytes, by: &feed) : feed.remainder()
        guard let folder = ScratchFolder() else { return }
        folder.write(file, to: "log.sqlite")
        guard let reader = try? SQLiteLogReader(directory: folder.path) else {
            _ = try? SQLiteEventLog(directory: folder.path)
            return
        }
        let report = try? reader.verify()
        let found = entries(reader)
        if let report {
            promise(found.count == Int(clamping: report.entryCount), "what verifies is read")
            promise((try? reader.lastPosition()) == found.last?.position ?? .start, "its end is the last entry")
            // Nobody makes links that fit by chance: what still verifies is the log, or its beginning.
            if isChanged { promise(LogFile.sound.entries.starts(with: found), "what verifies was written") }
        }
        // A writer takes it up only where its end is sound; what it then adds is behind that.
        guard var log = try? SQLiteEventLog(directory: folder.path) else { return }
        var batch = Batch(after: log.head.link)
        batch.append(LogFile.entry(log.head.position.next, after: log.head.recordedAt))
        guard (try? log.commit(batch)) != nil else { return }
        promise((try? reader.lastPosition()) == log.head.position, "a commit is read")
    }

    /// Objects in files, as `backupy decrypt` reads them: the input, its sidecar and a recovery key, all of any bytes, and a
    /// sound object that was changed.
    static let decryptor = Target(name: "decryptor", maximumByteCount: 4_096, seeds: decryptorSeeds) { bytes in
        guard let folder = ScratchFolder() else { return }
        var feed = Feed(bytes)
        let form = feed.byte()
        let key = [UInt8](0..<32)
        let dump = [UInt8](repeating: 7, count: 3_000)
        let sound = object(of: dump, key)
        let output = folder.file("dump")
        folder.write(Array("older".utf8), to: "dump")
        let source: Decryptor.KeySource
        switch form & 3 {
        case 0: source = .dataKey(key, sha256: nil)
        case 1: source = .dataKey(feed.bytes(32), sha256: SHA256.digest(of: sound))
        case 2: source = .token(String(decoding: feed.piece(), as: UTF8.self), nowSeconds: 1_700_000_000)
        default:
            folder.write(feed.piece(), to: "recovery.key")
            folder.write(feed.piece(), to: "object.key")
            source = .recoveryKey(file: folder.file("recovery.key"))
        }
        let object = form & 4 == 0 ? feed.remainder() : changed(sound, by: &feed)
        folder.write(object, to: "object")
        do throws(DecryptionError) {
            let summary = try Decryptor.decrypt(
                input: folder.file("object"), output: output, key: source, skipsDecompression: form & 8 != 0,
                verifiesDigest: form & 16 == 0)
            promise(summary.byteCount == UInt64(object.count), "all bytes count")
            if form & 12 == 4 { promise(folder.read("dump") == dump, "a changed object gives the dump or nothing") }
        } catch {
            promise(!error.description.isEmpty, "it says what is wrong")
            promise(folder.read("dump") == Array("older".utf8), "an older output stays")
        }
        promise(
            folder.names.allSatisfy { ["dump", "object", "object.key", "recovery.key"].contains($0) }, "nothing is left"
        )
    }

    /// A survey of the store in a folder that anything may lie in: files, folders and links of any names.
    static let listing = Target(name: "listing", maximumByteCount: 1_024, seeds: listingSeeds) { bytes in
        guard let folder = ScratchFolder() else { return }
        var feed = Feed(bytes)
        let limit = Int(feed.byte() % 5) + 1
        while !feed.isEmpty {
            let (form, name) = (feed.byte(), String(decoding: feed.shortPiece().filter { $0 != 0 }, as: UTF8.self))
            switch form % 4 {
            case 1: symlink(name, folder.file("link"))
            case _ where !staysInside(name): continue
            case 0: mkdir(folder.file(name), 0o700)
            default: try? Data([form]).write(to: URL(fileURLWithPath: folder.file(name)))
            }
        }
        guard let store = try? DirectoryStore(root: folder.path) else { return }
        var found: [ObjectName] = []
        var after: ObjectName?
        repeat {
            guard let page = try? store.page(after: after, limit: limit) else { return }
            promise(page.items.count <= limit, "a page has its limit")
            found += page.items.map(\.name)
            promise(found.count <= 1_000, "a survey ends")
            after = page.isLast ? nil : page.items.last?.name
            promise(page.isLast || after != nil, "a page that is not the last leads to the next")
        } while after != nil
        promise(Set(found.map(\.text)).count == found.count, "each object is listed once")
        promise(found.allSatisfy { access(folder.file($0.text), F_OK) == 0 }, "and is there")
    }

    /// Whether a name leads nowhere else: neither up, nor through the one link that there may be.
    private static func staysInside(_ name: String) -> Bool {
        let parts = name.split(separator: "/").filter { $0 != "." }
        return !parts.contains("..") && parts.first != "link"
    }

    private static func listingSeeds() throws -> [[UInt8]] {
        func entry(_ form: UInt8, _ name: String) -> [UInt8] { [form, UInt8(name.utf8.count)] + Array(name.utf8) }
        let object = entry(0, "agt_1") + entry(0, "agt_1/job_1") + entry(2, "agt_1/job_1/run_1-1.enc")
        return [
            [4] + object + entry(2, "agt_1/job_1/run_1-1.enc.sha256") + entry(2, "agt_1/job_1/run_2-1.enc"),
            [0] + object + entry(1, "/") + entry(2, "\u{1F600}") + entry(2, "agt_2") + entry(2, ".hidden"),
            [0] + entry(1, ".") + entry(2, "a") + entry(2, "b") + entry(2, "c.frozen"),
        ]
    }

    /// Some bytes turned, then perhaps cut or made longer.
    private static func changed(_ bytes: [UInt8], by feed: inout Feed) -> [UInt8] {
        var bytes = bytes
        let end = feed.byte()
        while !feed.isEmpty, !bytes.isEmpty {
            let place = Int(feed.byte()) << 16 | Int(feed.byte()) << 8 | Int(feed.byte())
            bytes[place % bytes.count] ^= feed.byte()
        }
        switch end & 3 {
        case 1: bytes.removeLast(min(bytes.count, Int(end >> 2) << 9))
        case 2: bytes += [UInt8](repeating: end, count: Int(end) << 5)
        default: break
        }
        return bytes
    }

    private static func entries(_ reader: SQLiteLogReader) -> [EncodedEntry] {
        var found: [EncodedEntry] = []
        while let page = try? reader.read(after: found.last?.position ?? .start, limit: 100), !page.isEmpty {
            found += page
            promise(found.count <= 100_000, "reading ends")
        }
        return found
    }

    private static func object(of dump: [UInt8], _ key: [UInt8]) -> [UInt8] {
        var object: [UInt8] = []
        do {
            let writer = try BlobWriter(dataKey: key) { object += $0 }
            try writer.write(dump)
            _ = try writer.finish()
        } catch {
            fatalError("broken: nothing is wrong with a dump: \(error)")
        }
        return object
    }

    private static func logfileSeeds() throws -> [[UInt8]] {
        let sound = LogFile.sound.bytes
        // The header, a page of each tree, an entry.
        let places = [0, 20, 28, 60, 8_192, 8_200, 16_390, 24_600, sound.count - 40]
        let changes = places.map { [0, 0, UInt8($0 >> 16), UInt8($0 >> 8 & 0xFF), UInt8($0 & 0xFF), 0x41] }
        return [[1] + sound, [1] + sound.prefix(8_192), [1], [0, 0], [0, 17], [0, 130]] + changes
    }

    private static func decryptorSeeds() throws -> [[UInt8]] {
        let key = [UInt8](0..<32)
        let sound = object(of: [UInt8](repeating: 7, count: 300), key)
        let recovery = Array(
            "{\"version\":1}\n-----BEGIN BACKUPY RECOVERY KEY-----\nAAAA\n-----END BACKUPY RECOVERY KEY-----\n".utf8)
        return [
            [0] + sound, [8] + sound, [4, 0], [4, 0, 0, 0, 9, 1], [4, 1, 0, 0, 9, 1], [1] + key + sound,
            [5] + key + [0],
            [2] + Feed.piece(Array("e30.e30.AAAA".utf8)) + sound,
            [3] + Feed.piece(recovery) + Feed.piece(Array("{}".utf8)) + sound,
        ]
    }
}

/// A sound log file, and what is in it.
private struct LogFile {
    static let sound = LogFile()

    let bytes: [UInt8]
    let entries: [EncodedEntry]

    private init() {
        do {
            guard let folder = ScratchFolder() else { fatalError("there is no room for a folder") }
            do {
                let log = try SQLiteEventLog(directory: folder.path)
                for count in [1, 3, 2, 40, 5] {
                    var batch = Batch(after: log.head.link)
                    var (position, recordedAt) = (log.head.position, log.head.recordedAt)
                    for _ in 0..<count {
                        let entry = Self.entry(position.next, after: recordedAt)
                        batch.append(entry)
                        (position, recordedAt) = (entry.position, entry.recordedAt)
                    }
                    try log.commit(batch)
                }
            }
            entries = try SQLiteLogReader(directory: folder.path).read(after: .start, limit: 1_000)
            bytes = folder.read("log.sqlite")
        } catch {
            fatalError("broken: a log of a few entries: \(error)")
        }
    }

    static func entry(_ position: Position, after moment: Timestamp?) -> EncodedEntry {
        // One stream an entry: revisions then are always the first.
        EncodedEntry(
            position: position, recordedAt: (moment ?? Timestamp(milliseconds: 1_700_000_000_000)) + Milliseconds(1),
            stream: Core.Stream(Text("run/\(position)")), revision: Revision.none.next, cause: nil, kind: "frame.log",
            body: [UInt8](repeating: UInt8(truncatingIfNeeded: position.number), count: 30))
    }
}

/// A folder in memory that is gone with this object.
private final class ScratchFolder {
    let path: String

    init?() {
        let root = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : NSTemporaryDirectory()
        path = "\(root)/fuzz-\(getpid())-\(UInt64.random(in: .min ... .max))"
        guard mkdir(path, 0o700) == 0 else { return nil }
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func file(_ name: String) -> String { path + "/" + name }

    var names: [String] { (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? [] }

    func write(_ bytes: [UInt8], to name: String) {
        guard FileManager.default.createFile(atPath: file(name), contents: Data(bytes)) else {
            fatalError("\(file(name)) cannot be written")
        }
    }

    func read(_ name: String) -> [UInt8] { FileManager.default.contents(atPath: file(name)).map { [UInt8]($0) } ?? [] }
}
