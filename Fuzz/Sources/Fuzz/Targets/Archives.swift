@testable import Archives

extension Target {
    /// An archive of `pg_dump` as it passes by, in pieces of several sizes. The first byte is one of the sizes.
    static let archive = Target(name: "archive", maximumByteCount: 4_096, seeds: archiveSeeds) { bytes in
        var feed = Feed(bytes)
        let size = Int(feed.byte())
        let archive = feed.remainder()
        let whole = verdict(on: archive, inPiecesOf: max(1, archive.count))
        for size in [1, 3, 64, 1 + size] {
            promise(verdict(on: archive, inPiecesOf: size) == whole, "the same verdict, whatever the pieces")
        }
        promise(whole.byteCount <= UInt64(archive.count), "no more bytes are counted than came")
        promise(whole.flaw != nil || whole.byteCount == UInt64(archive.count), "a sound archive is read to its end")
        promise(whole.flaw != nil || whole.percent == (whole.dataEntryCount == 0 ? 0 : 100), "a sound one is all there")
        promise((0...100).contains(whole.percent), "percent are percent")
    }

    /// All that one learns of an archive.
    private struct ArchiveVerdict: Hashable {
        var flaw: PostgreSQLArchive.Flaw?
        var versions: [String]
        var entryCount: Int64
        var dataEntryCount: Int
        var byteCount: UInt64
        var percent: Int
    }

    private static func verdict(on bytes: [UInt8], inPiecesOf size: Int) -> ArchiveVerdict {
        var archive = PostgreSQLArchive()
        var flaw: PostgreSQLArchive.Flaw?
        do {
            for start in stride(from: 0, to: bytes.count, by: size) {
                try bytes[start..<min(start + size, bytes.count)].withUnsafeBytes { try archive.take($0) }
            }
            try archive.finish()
        } catch {
            flaw = error as? PostgreSQLArchive.Flaw
            promise(flaw != nil, "no error but a flaw")
        }
        return ArchiveVerdict(
            flaw: flaw, versions: [archive.serverVersion, archive.toolVersion], entryCount: archive.entryCount,
            dataEntryCount: archive.dataEntryCount, byteCount: archive.byteCount, percent: archive.percent)
    }

    /// Small archives of each version that is known, whole and cut off.
    private static func archiveSeeds() -> [[UInt8]] {
        var seeds: [[UInt8]] = []
        for minor: UInt8 in 12...16 {
            let archive = SmallArchive(minor: minor).bytes
            for count in [archive.count, archive.count - 7, archive.count / 2] {
                seeds.append([6] + archive.prefix(count))
            }
        }
        return seeds
    }
}

/// Makes an archive by hand: three entries, of which one has rows and one has large objects.
private struct SmallArchive {
    let minor: UInt8

    var bytes: [UInt8] {
        var bytes = Array("PGDMP".utf8) + [1, minor, 0, 4, 8, 1]
        bytes += minor >= 15 ? [0] : integer(0)
        for number in [59, 58, 23, 28, 1, 124, -1] { bytes += integer(number) }
        bytes += text("shop") + text("17.2 (Test)") + text("15.18") + integer(3)
        for (id, state) in [(1, 3), (30, 1), (31, 2)] as [(Int, UInt8)] { bytes += entry(id, dataState: state) }
        bytes += [1] + integer(30) + text("1\tone\n") + text("2\ttwo\n") + integer(0)
        bytes += [3] + integer(31)
        for object in [50_001, 4_000_000_000] { bytes += integer(object) + text("abc") + integer(0) }
        return bytes + integer(0)
    }

    private func entry(_ id: Int, dataState: UInt8) -> [UInt8] {
        var bytes = integer(id) + integer(dataState == 3 ? 0 : 1) + text("0") + text("0") + text("tag")
        bytes += text("TABLE DATA") + integer(3) + text(nil) + text("") + text("COPY x FROM stdin;\n")
        bytes += text("public") + text(nil)
        if minor >= 14 { bytes += text("heap") }
        if minor >= 16 { bytes += integer(114) }
        bytes += text("postgres") + text("false") + text("1") + text("2") + text(nil)
        return bytes + [dataState] + [UInt8](repeating: 0, count: 8)
    }

    private func integer(_ value: Int) -> [UInt8] {
        [value < 0 ? 1 : 0] + (0..<4).map { UInt8(truncatingIfNeeded: value.magnitude >> UInt($0 * 8)) }
    }

    private func text(_ text: String?) -> [UInt8] {
        guard let text else { return integer(-1) }
        return integer(text.utf8.count) + Array(text.utf8)
    }
}
