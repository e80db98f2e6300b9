import Foundation
import Testing

@testable import Workers

@Suite("Archives of pg_dump")
struct PostgreSQLArchiveTests {
    private func take(_ archive: inout PostgreSQLArchive, _ bytes: some Sequence<UInt8>) throws {
        try Array(bytes).withUnsafeBytes { try archive.take($0) }
    }

    private func read(_ bytes: [UInt8], sliceSize: Int = 1 << 20) throws -> PostgreSQLArchive {
        var archive = PostgreSQLArchive()
        for start in stride(from: 0, to: bytes.count, by: sliceSize) {
            try take(&archive, bytes[start..<min(start + sliceSize, bytes.count)])
        }
        try archive.finish()
        return archive
    }

    @Test("Versions 1.12 to 1.16 are read, in slices of any size", arguments: 12...16 as ClosedRange<UInt8>)
    func versions(minor: UInt8) throws {
        let bytes = ArchiveMaker(minor: minor).bytes
        for size in [1, 3, 64, 100_000] {
            let archive = try read(bytes, sliceSize: size)
            #expect(archive.serverVersion == "14.2 (Test)")
            #expect(archive.toolVersion == "15.18")
            #expect(archive.entryCount == 4)
            #expect(archive.dataEntryCount == 2)
            #expect(archive.percent == 100)
        }
    }

    @Test("However an archive is cut off, it is not whole")
    func cut() throws {
        let bytes = ArchiveMaker(minor: 14).bytes
        var archive = PostgreSQLArchive()
        for byte in bytes {
            #expect(throws: PostgreSQLArchive.Flaw.self) { try archive.finish() }
            try take(&archive, [byte])
        }
        try archive.finish()
    }

    @Test("Another file, another format and a later version are refused by name")
    func foreign() {
        func problem(_ change: (inout [UInt8]) -> Void) -> String {
            var bytes = ArchiveMaker(minor: 14).bytes
            change(&bytes)
            do { _ = try read(bytes) } catch { return "\(error)" }
            return "none"
        }
        #expect(problem { _ in } == "none")
        #expect(problem { $0[0] = 0x51 }.hasSuffix("it does not begin with PGDMP"))
        #expect(problem { $0[6] = 17 }.contains("version 1.17"))
        #expect(problem { $0[10] = 3 }.contains("not the custom one"))
        #expect(problem { $0.append(2) }.contains("a block of type 2"))
        #expect(problem { $0 += ArchiveMaker.rows(id: 2) }.contains("data of entry 2, which is not expected"))
    }

    @Test("No bytes trap it")
    func hostile() {
        var state: UInt64 = 42
        func next(_ limit: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % limit
        }
        let good = ArchiveMaker(minor: 16).bytes
        for _ in 0..<3_000 {
            var bytes = good
            for _ in 0..<(1 + next(4)) {
                bytes[next(bytes.count)] = [0, 1, 0x7F, 0x80, 0xFF, UInt8(next(256))][next(6)]
            }
            _ = try? read(bytes, sliceSize: 1 + next(200))
        }
    }
}

/// Makes small archives by hand: four entries, of which one has rows and one has large objects.
struct ArchiveMaker {
    var minor: UInt8

    static func integer(_ value: Int) -> [UInt8] {
        [value < 0 ? 1 : 0] + (0..<4).map { UInt8(truncatingIfNeeded: value.magnitude >> UInt($0 * 8)) }
    }

    static func text(_ text: String?) -> [UInt8] { text.map { integer($0.utf8.count) + Array($0.utf8) } ?? integer(-1) }

    static func rows(id: Int) -> [UInt8] {
        [1] + integer(id) + integer(6) + Array("1\tone\n".utf8) + integer(6) + Array("2\ttwo\n".utf8) + integer(0)
    }

    var bytes: [UInt8] {
        let text = Self.text, integer = Self.integer
        var bytes = Array("PGDMP".utf8) + [1, minor, 0, 4, 8, 1]
        bytes += minor >= 15 ? [0] : integer(0)
        for number in [59, 58, 23, 28, 1, 124, -1] { bytes += integer(number) }
        bytes += text("shop") + text("14.2 (Test)") + text("15.18") + integer(4)
        for (id, state) in [(1, 3), (2, 3), (30, 1), (31, 1)] as [(Int, UInt8)] {
            bytes += integer(id) + integer(state == 1 ? 1 : 0) + text("0") + text("0") + text("tag \(id)")
            bytes +=
                text("TABLE DATA") + integer(3) + text(nil) + text("") + text("COPY x FROM stdin;\n") + text("public")
            bytes += text(nil)
            if minor >= 14 { bytes += text("heap") }
            if minor >= 16 { bytes += integer(114) }
            bytes += text("postgres") + text("false") + text("1") + text("2") + text(nil)
            bytes += [state] + [UInt8](repeating: 0, count: 8)
        }
        bytes += Self.rows(id: 30)
        bytes += [3] + integer(31)
        for object in [50_001, 4_000_000_000] {
            bytes += integer(object) + integer(3) + [1, 2, 3] + integer(0)
        }
        return bytes + integer(0)
    }
}
