import Digests
import Engine
import Objects
import Testing

@Suite("Directory store")
struct DirectoryStoreTests {
    let folder: TemporaryFolder
    let store: DirectoryStore
    let name: ObjectName

    init() throws {
        folder = try TemporaryFolder()
        store = try DirectoryStore(root: folder.path, freeSpace: plenty)
        name = try #require(ObjectName("agt_1/run_1-1.enc"))
    }

    @Test("An upload appears whole, with its digest beside it")
    func upload() throws {
        let bytes = SecureRandom.bytes(100_000)
        let sink = try store.beginUpload(name, declaredByteCount: 100_000, maximumByteCount: 100_000)
        try sink.write(Array(bytes.prefix(60_000)))
        #expect(try store.look(at: name, freezing: false) == .missing)
        try sink.write(Array(bytes.dropFirst(60_000)))
        let digest = try sink.finish()
        #expect(digest == SHA256.digest(of: bytes))
        #expect(try store.look(at: name, freezing: false) == .found(byteCount: 100_000, digest: digest))
        let line = "\(digest.hex)  run_1-1.enc\n"
        #expect(folder.read("agt_1/run_1-1.enc.sha256") == Array(line.utf8))
        #expect(try folder.files() == ["agt_1/run_1-1.enc", "agt_1/run_1-1.enc.sha256"])
    }

    @Test("Ranges are read, also from an object that is deleted meanwhile")
    func ranges() async throws {
        let bytes = Array(0..<100) as [UInt8]
        try upload(bytes)
        let object = try store.open(name)
        #expect(object.byteCount == 100)
        #expect(object.digest == SHA256.digest(of: bytes))
        try store.remove(name)
        #expect(try object.bytes(at: 90, byteCount: 50) == Array(90..<100))
        #expect(try object.bytes(at: 10, byteCount: 5) == Array(10..<15))
        #expect(try object.bytes(at: 100, byteCount: 5) == [])
        #expect(try object.bytes(at: .max, byteCount: .max) == [])
        await #expect(throws: ObjectStoreError.notFound(name)) { try await store.read(name, at: 0, byteCount: 1) }
    }

    @Test("A name is taken for uploads again once it was frozen before the moment given, and its empty folders go")
    func releasing() throws {
        _ = try store.look(at: name, freezing: true)
        let second = try #require(ObjectName("agt_1/run_2-1.enc"))
        _ = try store.look(at: second, freezing: true)
        try upload([1], as: try #require(ObjectName("agt_1/frozen")))
        try folder.age("agt_1/run_1-1.enc.frozen", toSeconds: 1_000)
        try folder.age("agt_1/run_2-1.enc.frozen", toSeconds: 1_001)
        try folder.age("agt_1/frozen", toSeconds: 1_000)

        #expect(try store.releaseNames(frozenBefore: 1_000_999) == 0, "frozen in that very second")
        #expect(try store.releaseNames(frozenBefore: 1_001_000) == 1)
        #expect(!store.isFrozen(name) && store.isFrozen(second))
        try store.remove(try #require(ObjectName("agt_1/frozen")))
        #expect(try store.releaseNames(frozenBefore: 1_002_000) == 1)
        #expect(try folder.files().isEmpty)
        #expect(!folder.exists("agt_1"))
        try upload([4])
    }

    @Test("An object may be replaced until it is frozen, which a restart does not undo")
    func freezing() throws {
        try upload([1])
        try upload([2, 3])
        let digest = SHA256.digest(of: [2, 3])
        #expect(try store.look(at: name, freezing: true) == .found(byteCount: 2, digest: digest))
        #expect(throws: ObjectStoreError.conflict(name)) { try upload([4]) }
        let reopened = try DirectoryStore(root: folder.path, freeSpace: plenty)
        #expect(reopened.isFrozen(name))
        #expect(throws: ObjectStoreError.conflict(name)) {
            try reopened.beginUpload(name, declaredByteCount: 1, maximumByteCount: 1)
        }
        #expect(try reopened.look(at: name, freezing: true) == .found(byteCount: 2, digest: digest))
    }

    @Test("A name judged missing stays missing, also for an upload that was under way")
    func freezingNothing() throws {
        let sink = try store.beginUpload(name, declaredByteCount: 1, maximumByteCount: 1)
        try sink.write([1])
        #expect(try store.look(at: name, freezing: true) == .missing)
        #expect(throws: ObjectStoreError.conflict(name)) { try sink.finish() }
        #expect(try store.look(at: name, freezing: false) == .missing)
        #expect(try folder.files() == ["agt_1/run_1-1.enc.frozen"])
    }

    @Test("An upload of another size than declared leaves nothing")
    func lengths() throws {
        let short = try store.beginUpload(name, declaredByteCount: 3, maximumByteCount: 10)
        try short.write([1, 2])
        #expect(throws: ObjectStoreError.lengthMismatch(declared: 3, received: 2)) { try short.finish() }
        let long = try store.beginUpload(name, declaredByteCount: 3, maximumByteCount: 10)
        #expect(throws: ObjectStoreError.lengthMismatch(declared: 3, received: 4)) { try long.write([1, 2, 3, 4]) }
        #expect(throws: ObjectStoreError.tooLarge(byteCount: 11, maximumByteCount: 10)) {
            try store.beginUpload(name, declaredByteCount: 11, maximumByteCount: 10)
        }
        #expect(try folder.files() == [])
        try upload([])
        #expect(try store.look(at: name, freezing: false) == .found(byteCount: 0, digest: SHA256.digest(of: [])))
    }

    @Test("An aborted upload, one let go of, and one cut off by a crash leave nothing and keep the older object")
    func aborts() throws {
        try upload([9])
        let sink = try store.beginUpload(name, declaredByteCount: 3, maximumByteCount: 10)
        try sink.write([1])
        sink.abort()
        sink.abort()
        do {
            let dropped = try store.beginUpload(name, declaredByteCount: 3, maximumByteCount: 10)
            try dropped.write([1])
        }
        #expect(try folder.files().count == 2)
        _ = try folder.write([1, 2], to: ".incoming/left-behind")
        let reopened = try DirectoryStore(root: folder.path, freeSpace: plenty)
        #expect(try folder.files().count == 2)
        #expect(try reopened.look(at: name, freezing: false) == .found(byteCount: 1, digest: SHA256.digest(of: [9])))
    }

    @Test("Without room for object and reserve nothing is accepted; uploads under way count")
    func space() throws {
        let gibibyte: UInt64 = 1 << 30
        let small = try DirectoryStore(root: folder.path) { _ in
            FreeSpace(freeByteCount: gibibyte + 100, totalByteCount: 10 * gibibyte)
        }
        let first = try small.beginUpload(name, declaredByteCount: 60, maximumByteCount: 1_000)
        let full = ObjectStoreError.insufficientSpace(freeByteCount: gibibyte + 100, neededByteCount: gibibyte + 101)
        #expect(throws: full) { try small.beginUpload(name, declaredByteCount: 41, maximumByteCount: 1_000) }
        _ = try small.beginUpload(name, declaredByteCount: 40, maximumByteCount: 1_000)
        first.abort()
        let again = try small.beginUpload(name, declaredByteCount: 100, maximumByteCount: 1_000)
        again.abort()
        let large = try DirectoryStore(root: folder.path) { _ in
            FreeSpace(freeByteCount: 4 * gibibyte, totalByteCount: 100 * gibibyte)
        }
        #expect(
            throws: ObjectStoreError.insufficientSpace(freeByteCount: 4 * gibibyte, neededByteCount: 5 * gibibyte + 1)
        ) { try large.beginUpload(name, declaredByteCount: 1, maximumByteCount: 1) }
        #expect(throws: ObjectStoreError.self) {
            try large.beginUpload(name, declaredByteCount: .max, maximumByteCount: .max)
        }
    }

    @Test("Deleting takes everything of an object, nothing of others, and may be repeated")
    func deleting() async throws {
        let other = try #require(ObjectName("agt_1/other"))
        try upload([1])
        try upload([2], as: other)
        try await store.putSidecar([5], for: name)
        _ = try await store.observe(name, freezing: true)
        try await store.delete(name)
        let left = ["agt_1/other", "agt_1/other.sha256", "agt_1/run_1-1.enc.frozen"]
        #expect(try folder.files() == left)
        try await store.delete(name)
        try await store.delete(try #require(ObjectName("agt_1")))
        try await store.delete(try #require(ObjectName("never/was")))
        #expect(try folder.files() == left)
        try await store.delete(other)
        #expect(try folder.files() == ["agt_1/run_1-1.enc.frozen"])
        #expect(throws: ObjectStoreError.conflict(name)) { try upload([3]) }
        #expect(try store.look(at: name, freezing: false) == .missing)
        try upload([3], as: other)
        #expect(try store.look(at: other, freezing: false) == .found(byteCount: 1, digest: SHA256.digest(of: [3])))
    }

    @Test("A sidecar is kept, replaced, and bounded")
    func sidecars() async throws {
        #expect(try await store.sidecar(for: name) == nil)
        try await store.putSidecar([1, 2], for: name)
        try await store.putSidecar([3], for: name)
        #expect(try await store.sidecar(for: name) == [3])
        #expect(folder.read("agt_1/run_1-1.enc.key") == [3])
        await #expect(throws: ObjectStoreError.tooLarge(byteCount: 65_537, maximumByteCount: 65_536)) {
            try await store.putSidecar([UInt8](repeating: 0, count: 65_537), for: name)
        }
    }

    @Test("A digest lost in a crash is found again from the object")
    func lostDigest() throws {
        try upload([1, 2, 3])
        let expected = try #require(folder.read("agt_1/run_1-1.enc.sha256"))
        for damage in [[], Array("garbage".utf8)] as [[UInt8]] {
            _ = try folder.write(damage, to: "agt_1/run_1-1.enc.sha256")
            #expect(try store.open(name).digest == nil)
            #expect(
                try store.look(at: name, freezing: true) == .found(byteCount: 3, digest: SHA256.digest(of: [1, 2, 3])))
            #expect(folder.read("agt_1/run_1-1.enc.sha256") == expected)
        }
    }

    @Test("An object where another needs a folder, or the other way round, is a conflict")
    func collisions() throws {
        let first = try #require(ObjectName("a/b"))
        try upload([1], as: first)
        let above = try #require(ObjectName("a"))
        #expect(throws: ObjectStoreError.conflict(above)) { try upload([1], as: above) }
        let below = try #require(ObjectName("a/b/c"))
        #expect(throws: ObjectStoreError.conflict(below)) { try upload([1], as: below) }
        #expect(try store.look(at: above, freezing: false) == .missing)
        #expect(try store.look(at: below, freezing: false) == .missing)
        #expect(try folder.files() == ["a/b", "a/b.sha256"])
    }

    private func upload(_ bytes: [UInt8], as other: ObjectName? = nil) throws {
        let sink = try store.beginUpload(
            other ?? name, declaredByteCount: UInt64(bytes.count), maximumByteCount: 1 << 20)
        try sink.write(bytes)
        _ = try sink.finish()
    }
}

@Sendable private func plenty(_ path: String) -> FreeSpace? {
    FreeSpace(freeByteCount: 1 << 50, totalByteCount: 1 << 50)
}
