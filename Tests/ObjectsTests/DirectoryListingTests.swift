import Engine
import Foundation
import Objects
import Testing

@Suite("Listing a directory store")
struct DirectoryListingTests {
    let folder: TemporaryFolder
    let store: DirectoryStore

    init() throws {
        folder = try TemporaryFolder()
        store = try DirectoryStore(root: folder.path) { _ in
            FreeSpace(freeByteCount: 1 << 50, totalByteCount: 1 << 50)
        }
    }

    private func upload(_ text: String, byteCount: Int = 1) throws {
        let name = try #require(ObjectName(text))
        let sink = try store.beginUpload(
            name, declaredByteCount: UInt64(byteCount), maximumByteCount: 1 << 20)
        try sink.write([UInt8](repeating: 1, count: byteCount))
        _ = try sink.finish()
        try store.writeSidecar([1], for: name)
        _ = try store.look(at: name, freezing: true)
    }

    private func all(by limit: Int) throws -> (names: [String], foreignCount: UInt64, pageCount: Int) {
        var names: [String] = []
        var foreignCount: UInt64 = 0
        var pageCount = 0
        var after: ObjectName?
        while true {
            let page = try store.page(after: after, limit: limit)
            pageCount += 1
            #expect(page.items.count <= limit)
            names += page.items.map(\.name.text)
            foreignCount += page.foreignCount
            if page.isLast { return (names, foreignCount, pageCount) }
            after = try #require(page.items.last?.name)
        }
    }

    @Test("Every object once, whatever the size of a page, and nothing that is kept beside them", arguments: 1...9)
    func pages(limit: Int) throws {
        let names = [
            "a/1", "a/2", "a-b/1", "a/b/3", "b", "c/d/e", "c/d/f", "agt_1/job_1/run_1-1.enc",
            "agt_1/job_1/run_1-10.enc", "agt_1/job_1/run_1-2.enc",
        ]
        for name in names { try upload(name) }
        let listed = try all(by: limit)
        #expect(listed.names.count == names.count && Set(listed.names) == Set(names))
        #expect(listed.foreignCount == 0)
        #expect(try all(by: 3).names == listed.names, "the order does not hang on the pages")
    }

    @Test("Sizes are told; what no object can be is counted, and nothing is followed")
    func foreign() throws {
        try upload("a/1", byteCount: 77)
        for name in ["a/.hidden", "a/with space", "stray", "lonely.key"] { _ = try folder.write([1], to: name) }
        try FileManager.default.createSymbolicLink(atPath: folder.path + "/link", withDestinationPath: "/etc")
        try FileManager.default.createDirectory(
            atPath: folder.path + "/.secret/x", withIntermediateDirectories: true)
        let page = try store.page(after: nil, limit: 100)
        #expect(page.items.map(\.name.text) == ["a/1", "stray"] && page.items.first?.byteCount == 77)
        #expect(page.foreignCount == 4 && page.isLast)
        #expect(try all(by: 1).foreignCount == 4)
    }

    @Test("What is deleted between two pages is passed over, and an empty store is one page")
    func changing() throws {
        #expect(try store.page(after: nil, limit: 5).items.isEmpty)
        for name in ["a/1", "a/2", "b/1"] { try upload(name) }
        let first = try store.page(after: nil, limit: 1)
        try FileManager.default.removeItem(atPath: folder.path + "/a")
        let second = try store.page(after: first.items.last?.name, limit: 5)
        #expect(second.items.map(\.name.text) == ["b/1"] && second.isLast)
    }
}
