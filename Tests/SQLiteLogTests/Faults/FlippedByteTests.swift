import Core
import Engine
import Foundation
import Testing

@testable import SQLiteLog

@Suite("Flipped bytes")
struct FlippedByteTests {
    /// Nightly, every byte of the file; else one in so many, and always other ones of each page.
    private static let step = Thoroughness.isNightly ? 1 : 127

    @Test("A flipped byte of a log of 1 MB is found and its place named, or nothing that is read has changed")
    func everyByte() async throws {
        let log = try FlippedLog(byteCount: 1 << 20)
        var counts: [String: Int] = [:]
        for offset in stride(from: 0, to: log.bytes.count, by: Self.step) {
            await Task.yield()  // others want the thread too
            // Sometimes one bit, sometimes all of them.
            let mask: UInt8 = offset % 2 == 0 ? 0xFF : 1 << UInt8(offset / 2 % 8)
            let finding = try log.finding(at: offset, mask: mask) { try $0.look(at: offset) }
            let page = log.pages[offset / FlippedLog.pageByteCount]
            switch finding {
            case .position(let position):
                // An entry of this page, or the commit that holds it. A commit that claims to be longer is known as wrong
                // where the log ends at the latest.
                if let keys = page.keys {
                    let start = log.commitEnds.last { $0 < keys.lowerBound } ?? 0
                    let end = page.tree == "commits" ? UInt64(log.entries.count) : keys.upperBound
                    #expect((start + 1...end + 1).contains(position), "byte \(offset)")
                }
                counts["position, \(page.tree)", default: 0] += 1
            case .structure: counts["structure, \(page.tree)", default: 0] += 1
            case .refused: counts["refused, \(page.tree)", default: 0] += 1
            case .same: counts["same, \(page.tree)", default: 0] += 1
            }
        }
        let total = counts.values.reduce(0, +)
        let same = counts.filter { $0.key.hasPrefix("same") }.values.reduce(0, +)
        // What may stay unfound: room in pages, and numbers in the header that nobody reads.
        #expect(same * 100 < total * 8, "\(counts)")
        if Thoroughness.isNightly {
            print("flipped \(total) bytes: \(counts.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" })")
        }
    }

    @Test("A whole verification, and opening for writing, find what the parts find")
    func wholeVerification() throws {
        let log = try FlippedLog(byteCount: 1 << 18)
        let count = Thoroughness.isNightly ? 2_000 : 40
        for number in 0..<count {
            let offset = number &* 7_919 % log.bytes.count
            let part = try log.finding(at: offset, mask: 0xFF) { try $0.look(at: offset) }
            let whole = try log.finding(at: offset, mask: 0xFF) { log in
                do throws(LogError) {
                    _ = try SQLiteLogReader(directory: log.directory.path).verify()
                    return .same
                } catch {
                    guard case .damaged(_, let position, _) = error else { throw error }
                    // The prefix reads.
                    let prefix = position.number < 2 ? [] : log.entries.prefix(Int(position.number) - 1)
                    let reader = try SQLiteLogReader(directory: log.directory.path)
                    #expect(try reader.read(after: .start, limit: max(0, prefix.count)) == Array(prefix))
                    if case .structure = part { return .structure }
                    return .position(position.number)
                }
            }
            #expect(whole == part, "byte \(offset)")
        }
    }

    @Test("A damaged write-ahead log is refused, or loses no more than the last two commits")
    func writeAheadLog() async throws {
        let source = try TemporaryDirectory(inMemory: true)
        var log = try SQLiteEventLog(directory: source.path)
        var feed = Feed()
        var ends: [Position] = []
        for number in 0..<12 {
            try feed.commit([["agent/\(number)", "engine"]], to: &log)
            ends.append(log.head.position)
        }
        let name = SQLiteEventLog.fileName
        let directory = try TemporaryDirectory(inMemory: true)
        let database = try Data(contentsOf: URL(fileURLWithPath: source.file(name)))
        let sound = try Data(contentsOf: URL(fileURLWithPath: source.file(name + "-wal")))
        var refusedCount = 0
        // The header and that of the first frame always: each byte of them has a meaning of its own.
        let offsets = sound.indices.filter { Thoroughness.isNightly || $0 < 56 || $0 % 307 == 0 }
        for offset in offsets {
            await Task.yield()  // others want the thread too
            var bytes = sound
            bytes[offset] ^= 0x41
            try database.write(to: URL(fileURLWithPath: directory.file(name)))
            try bytes.write(to: URL(fileURLWithPath: directory.file(name + "-wal")))
            do throws(LogError) {
                let opened = try SQLiteEventLog(directory: directory.path)
                #expect(
                    ends.suffix(3).contains(opened.head.position), "byte \(offset): ends at \(opened.head.position)")
            } catch {
                guard case .damaged(_, let position, _) = error else { throw error }
                refusedCount += 1
                // What is before stays readable, and refusing has not changed the file.
                if position.number > 1 {
                    let reader = try SQLiteLogReader(directory: directory.path)
                    #expect(try reader.lastPosition().next == position)
                    #expect(throws: LogError.self, "byte \(offset)") { _ = try reader.verify() }
                }
                #expect(try Data(contentsOf: URL(fileURLWithPath: directory.file(name + "-wal"))) == bytes)
            }
            for suffix in ["", "-wal", "-shm"] {
                try? FileManager.default.removeItem(atPath: directory.file(name + suffix))
            }
        }
        #expect(refusedCount > 0)
    }
}
