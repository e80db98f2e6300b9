import Engine
import Foundation
import Synchronization
import Testing

@testable import SQLiteLog

@Suite("The lock of a data directory")
struct WriterLockTests {
    @Test("Refused, it closes no file of another thread")
    func refused() throws {
        let directory = try TemporaryDirectory()
        let lock = try WriterLock(directory: directory.path)
        let isOver = Atomic(false)
        let lostCount = Atomic(0)
        let hasEnded = DispatchSemaphore(value: 0)
        Thread.detachNewThread {
            while !isOver.load(ordering: .relaxed) {
                let file = open("/dev/null", O_RDONLY | O_CLOEXEC)
                for _ in 0..<20 where fcntl(file, F_GETFD) < 0 {
                    lostCount.add(1, ordering: .relaxed)
                    break
                }
                close(file)
            }
            hasEnded.signal()
        }
        for _ in 0..<20_000 {
            #expect(throws: LogError.locked(path: directory.path)) { try WriterLock(directory: directory.path) }
        }
        isOver.store(true, ordering: .relaxed)
        hasEnded.wait()
        withExtendedLifetime(lock) { #expect(lostCount.load(ordering: .relaxed) == 0) }
    }
}
