import Core
import Foundation
import Objects
import Synchronization
import Testing

@testable import Workers

@Suite("Staging")
struct StagingTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    /// Writes pieces of 1 MiB on a disk of which so much is free; gives how many were taken, and the error's text.
    private func fill(free: UInt64, total: UInt64, pieces: Int) throws -> (taken: Int, problem: String) {
        let written = Mutex<UInt64>(0)
        let staging = try StagingArea(folder: folder.file("staging")) { _ in
            FreeSpace(freeByteCount: free - min(free, written.withLock { $0 }), totalByteCount: total)
        }
        let piece = [UInt8](repeating: 7, count: 1 << 20)
        var taken = 0
        do throws(RunFailure) {
            let file = try staging.create("run")
            while taken < pieces {
                var failure: RunFailure?
                piece.withUnsafeBytes { bytes in
                    do throws(RunFailure) { try file.append(bytes) } catch { failure = error }
                }
                if let failure { throw failure }
                written.withLock { $0 += UInt64(piece.count) }
                taken += 1
            }
        } catch {
            staging.discard("run")
            return (taken, error.description)
        }
        staging.discard("run")
        return (taken, "")
    }

    @Test("leaves 1 GiB of a large disk free, and says what to do")
    func largeDisk() throws {
        let gigabyte: UInt64 = 1 << 30
        let (taken, problem) = try fill(free: gigabyte + (40 << 20), total: 500 * gigabyte, pieces: 100)
        #expect((40...40 + StagingFile.lookByteCount >> 20).contains(taken))
        #expect(problem.hasPrefix("dump: staging: \(folder.file("staging")): "))
        #expect(problem.contains("and 1073741824 must stay so; make room there, or move the agent's state directory"))
    }

    @Test("leaves a twentieth of a small one")
    func smallDisk() throws {
        let megabyte: UInt64 = 1 << 20
        #expect(try fill(free: 60 * megabyte, total: 400 * megabyte, pieces: 30) == (30, ""))
        #expect(try fill(free: 60 * megabyte, total: 400 * megabyte, pieces: 100).taken < 60)
        #expect(try fill(free: 20 * megabyte, total: 400 * megabyte, pieces: 1).taken == 0)
    }

    @Test("goes on where the file system does not say how much room there is")
    func silentDisk() throws {
        for space in [nil, FreeSpace(freeByteCount: 0, totalByteCount: 0)] { try fill(space) }
    }

    private func fill(_ space: FreeSpace?) throws {
        let staging = try StagingArea(folder: folder.file("staging")) { _ in space }
        let file = try staging.create("run")
        try [UInt8](repeating: 7, count: 40 << 20).withUnsafeBytes { try file.append($0) }
    }
}
