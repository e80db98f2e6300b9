import Core
import Objects
import Testing

@testable import ControlPlane

@Suite("A look at the room on the server's disks")
struct DiskWatchTests {
    private static let gib = UInt64(1) << 30

    private func fact(_ free: [String: UInt64], isShort: Bool) -> DiskFact? {
        let watch = DiskWatch(log: "data", objects: "objects") {
            // 10 GiB each: 1 GiB must stay free for objects, half of that for the log.
            free[$0].map { FreeSpace(freeByteCount: $0, totalByteCount: 10 * Self.gib) }
        }
        return watch.fact(isShort: isShort)
    }

    private func room(_ free: UInt64) -> DiskRoom { DiskRoom(freeByteCount: free, totalByteCount: 10 * Self.gib) }

    @Test("What objects must leave free is looked at on each disk, and the tightest one is told of")
    func short() {
        let (plenty, little) = (5 * Self.gib, Self.gib - 1)
        #expect(fact(["data": plenty, "objects": plenty], isShort: false) == nil)
        #expect(fact(["data": plenty, "objects": Self.gib], isShort: false) == nil)
        #expect(fact(["data": plenty, "objects": little], isShort: false) == .short(room(little)))
        let less = Self.gib / 2 - 1
        #expect(fact(["data": less + 1, "objects": plenty], isShort: false) == nil)
        #expect(fact(["data": less, "objects": plenty], isShort: false) == .short(room(less)))
        #expect(fact(["data": less, "objects": plenty], isShort: true) == nil, "it is known")
        #expect(fact([:], isShort: false) == nil && fact([:], isShort: true) == nil, "nothing can be measured")
    }

    @Test("There is room again with a quarter more than the least")
    func roomy() {
        let (enough, forLog) = (Self.gib + Self.gib / 4, Self.gib / 2 + Self.gib / 8)
        #expect(fact(["data": forLog - 1, "objects": 5 * Self.gib], isShort: true) == nil)
        #expect(fact(["data": forLog, "objects": enough - 1], isShort: true) == nil, "each disk must have it")
        #expect(fact(["data": forLog, "objects": enough], isShort: true) != nil)
    }
}
