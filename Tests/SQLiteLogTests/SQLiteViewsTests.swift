import Core
import Digests
import Engine
import Foundation
import Testing

@testable import SQLiteLog

@Suite("Views in SQLite")
struct SQLiteViewsTests {
    private let schemas = [
        CollectionSchema(name: "runs", indexed: ["agent_id", "status"]), CollectionSchema(name: "agents", indexed: []),
    ]

    private func run(_ number: UInt64, agent: String, status: String = "success") -> Document {
        Document(
            collection: "runs", id: "run_\(number)", position: Position(number),
            json: Array(#"{"agent_id":"\#(agent)","status":"\#(status)","created_at":\#(number * 10)}"#.utf8))
    }

    /// The end of a commit with a link of its own.
    private func end(_ number: UInt64) -> CommitEnd {
        CommitEnd(position: Position(number), link: SHA256.digest(of: [UInt8(truncatingIfNeeded: number)]))
    }

    @Test("Documents are stored, replaced and found by id")
    func documents() throws {
        let directory = try TemporaryDirectory()
        let path = directory.file("views.sqlite")
        do {
            let views = try SQLiteViews(path: path, collections: schemas)
            #expect(try views.checkpoint() == .start)
            try views.store([run(1, agent: "a"), run(1, agent: "b"), run(2, agent: "ü")], checkpoint: end(2))
        }
        let views = try SQLiteViews(path: path, collections: schemas)
        #expect(try views.checkpoint() == end(2))
        #expect(try views.document("run_1", in: "runs") == run(1, agent: "b"))
        #expect(try views.document("run_2", in: "runs") == run(2, agent: "ü"))
        #expect(try views.document("run_1", in: "agents") == nil)
        #expect(throws: ViewsError.self) { _ = try views.document("run_1", in: "none") }
        #expect(throws: ViewsError.self) {
            try views.store([Document(collection: "none", id: "", position: .start, json: [])], checkpoint: .start)
        }
    }

    @Test("Views that are cleared are as new")
    func clears() throws {
        let directory = try TemporaryDirectory()
        let views = try SQLiteViews(path: directory.file("views.sqlite"), collections: schemas)
        try views.store([run(1, agent: "a")], checkpoint: end(5))
        try views.clear()
        #expect(try views.checkpoint() == .start)
        #expect(try views.documents(DocumentQuery(collection: "runs", limit: 9)).isEmpty)
        try views.store([run(2, agent: "a")], checkpoint: end(2))
        #expect(try views.document("run_2", in: "runs") == run(2, agent: "a"))
    }

    @Test("Of documents of which only so many are kept, the newest are, and the others all")
    func kept() throws {
        let directory = try TemporaryDirectory()
        let schema = CollectionSchema(
            name: "runs", indexed: ["agent_id", "status"], kept: .init("status", "success", limit: 3))
        let views = try SQLiteViews(path: directory.file("views.sqlite"), collections: [schema])
        try views.store([run(1, agent: "a", status: "open"), run(2, agent: "a")], checkpoint: end(2))
        try views.store((3...8).map { run($0, agent: "a", status: $0 == 5 ? "open" : "success") }, checkpoint: end(8))
        let all = try views.documents(DocumentQuery(collection: "runs", limit: 99)).map(\.id)
        #expect(all == ["run_8", "run_7", "run_6", "run_5", "run_1"])
        try views.store([run(1, agent: "a")], checkpoint: end(9))  // old when it comes to be one of them
        #expect(try views.document("run_1", in: "runs") == nil)
    }

    @Test("Those of which only so many are kept go by a number where one is named: what was long open is kept then")
    func keptByNumber() throws {
        let directory = try TemporaryDirectory()
        let schema = CollectionSchema(
            name: "runs", indexed: ["status"], kept: .init("status", "success", limit: 3, by: "ended_at"))
        let views = try SQLiteViews(path: directory.file("views.sqlite"), collections: [schema])
        func document(_ number: Int, endedAt: Int?) -> Document {
            let body =
                endedAt.map { "{\"status\":\"success\",\"ended_at\":\($0)}" }
                ?? "{\"status\":\"open\",\"ended_at\":null}"
            return Document(
                collection: "runs", id: "run_\(number)", position: Position(UInt64(number)), json: Array(body.utf8))
        }
        try views.store(
            [document(1, endedAt: nil)] + (2...6).map { document($0, endedAt: 100 + $0) }, checkpoint: end(6))
        try views.store([document(1, endedAt: 200)], checkpoint: end(7))
        let all = try views.documents(DocumentQuery(collection: "runs", limit: 99)).map(\.id)
        #expect(all == ["run_6", "run_5", "run_1"])
    }

    @Test("An empty document takes away the one of its id, and only that")
    func takenAway() throws {
        let directory = try TemporaryDirectory()
        let views = try SQLiteViews(path: directory.file("views.sqlite"), collections: schemas)
        try views.store([run(1, agent: "a"), run(2, agent: "a")], checkpoint: end(2))
        var gone = run(1, agent: "a")
        gone.json = []
        try views.store([gone], checkpoint: end(3))
        let all = try views.documents(DocumentQuery(collection: "runs", limit: 99)).map(\.id)
        #expect(try all == ["run_2"] && views.document("run_1", in: "runs") == nil)
    }

    @Test("What is kept goes by an indexed member")
    func keptByIndex() throws {
        let directory = try TemporaryDirectory()
        let schema = CollectionSchema(name: "runs", indexed: [], kept: .init("status", "success", limit: 3))
        #expect(throws: ViewsError.self) {
            _ = try SQLiteViews(path: directory.file("views.sqlite"), collections: [schema])
        }
    }

    @Test("Lists run from the newest to the oldest and can be narrowed")
    func lists() throws {
        let directory = try TemporaryDirectory()
        let views = try SQLiteViews(path: directory.file("views.sqlite"), collections: schemas)
        let all = (1...20).map {
            run($0, agent: $0 % 2 == 0 ? "even" : "odd", status: $0 % 5 == 0 ? "failed" : "success")
        }
        try views.store(all, checkpoint: end(20))
        func ids(_ query: DocumentQuery) throws -> [UInt64] { try views.documents(query).map { $0.position.number } }
        #expect(try ids(DocumentQuery(collection: "runs", limit: 3)) == [20, 19, 18])
        #expect(try ids(DocumentQuery(collection: "runs", before: Position(18), limit: 2)) == [17, 16])
        #expect(try ids(DocumentQuery(collection: "runs", matching: ["agent_id": "even"], limit: 2)) == [20, 18])
        #expect(
            try ids(DocumentQuery(collection: "runs", matching: ["agent_id": "odd", "status": "failed"], limit: 9))
                == [15, 5])
        #expect(
            try ids(
                DocumentQuery(
                    collection: "runs", createdFrom: Timestamp(milliseconds: 50),
                    createdTo: Timestamp(milliseconds: 70),
                    limit: 9)) == [6, 5])
        #expect(try ids(DocumentQuery(collection: "runs", limit: 0)) == [])
        #expect(throws: ViewsError.self) {
            _ = try ids(DocumentQuery(collection: "runs", matching: ["created_at": "5"], limit: 1))
        }
    }

    @Test("An indexed member is searched through its index")
    func indexes() throws {
        let directory = try TemporaryDirectory()
        let path = directory.file("views.sqlite")
        _ = try SQLiteViews(path: path, collections: schemas)
        let table = try #require(ViewsTable(schemas[0]))
        let connection = try Connection(path: path, mode: .readOnly)
        let sql = table.list(matching: ["status"], DocumentQuery(collection: "runs", before: Position(5), limit: 1))
        let plan = try connection.prepare("explain", "EXPLAIN QUERY PLAN " + sql)
        #expect(try plan.step())
        #expect(plan.text(3).contains("view_runs_member_1"))
    }

    @Test("Bounds of time read no document outside of them, where created_at has an index, and list the same")
    func timeBounds() throws {
        let directory = try TemporaryDirectory()
        let path = directory.file("views.sqlite")
        let schema = CollectionSchema(name: "runs", indexed: ["agent_id", "status", "created_at"])
        let views = try SQLiteViews(path: path, collections: [schema])
        let plain = try SQLiteViews(path: directory.file("plain.sqlite"), collections: [schemas[0]])
        // Several of one moment, and moments without any.
        let all = (1...30).map { number in
            Document(
                collection: "runs", id: "run_\(number)", position: Position(number),
                json: Array(
                    #"{"agent_id":"\#(number % 3)","status":"s","created_at":\#(number / 4 * 20)}"#.utf8))
        }
        try views.store(all, checkpoint: end(30))
        try plain.store(all, checkpoint: end(30))
        let moments = [nil] + [-1, 0, 1, 20, 59, 60, 61, 140, 141, 999].map { Timestamp(milliseconds: $0) }
        for from in moments {
            for to in moments {
                for matching in [[:], ["agent_id": "1"]] {
                    let query = DocumentQuery(
                        collection: "runs", matching: matching, before: from == nil ? Position(29) : nil,
                        createdFrom: from, createdTo: to, limit: 7)
                    #expect(try views.documents(query) == plain.documents(query), "\(query)")
                }
            }
        }
        let table = try #require(ViewsTable(schema))
        let connection = try Connection(path: path, mode: .readOnly)
        let bounds = DocumentQuery(
            collection: "runs", createdFrom: Timestamp(milliseconds: 1), createdTo: Timestamp(milliseconds: 2), limit: 9
        )
        for members in [[], ["status"]] {
            let plan = try connection.prepare("explain", "EXPLAIN QUERY PLAN " + table.list(matching: members, bounds))
            var steps: [String] = []
            while try plan.step() { steps.append(plan.text(3)) }
            let outer =
                members.isEmpty ? "by_position (position>? AND position<?)" : "member_1 (<expr>=? AND position>?"
            #expect(steps.contains { $0.contains("USING INDEX view_runs_\(outer)") }, "\(steps)")
            #expect(steps.filter { $0.contains("view_runs_member_2 (<expr>>?)") }.count == 2, "\(steps)")
            #expect(!steps.contains { $0.hasPrefix("SCAN") }, "\(steps)")
        }
    }

    @Test("A file that is damaged, foreign, or of other collections is made anew")
    func recreation() throws {
        let directory = try TemporaryDirectory()
        let path = directory.file("views.sqlite")
        func fill() throws {
            try SQLiteViews(path: path, collections: schemas).store([run(1, agent: "a")], checkpoint: end(1))
        }
        try fill()
        #expect(try SQLiteViews(path: path, collections: schemas).checkpoint() == end(1))
        let other = try SQLiteViews(path: path, collections: [CollectionSchema(name: "runs", indexed: ["status"])])
        #expect(try other.checkpoint() == .start)
        #expect(try other.document("run_1", in: "runs") == nil)
        try fill()
        try Data("no database at all, but some bytes that are long enough".utf8).write(to: URL(fileURLWithPath: path))
        #expect(try SQLiteViews(path: path, collections: schemas).checkpoint() == .start)
    }

    @Test("Names that are no plain words are refused", arguments: ["", "a b", "a'b", "ü", "a.b"])
    func names(name: String) throws {
        let directory = try TemporaryDirectory()
        let path = directory.file("views.sqlite")
        for schema in [CollectionSchema(name: name, indexed: []), CollectionSchema(name: "runs", indexed: [name])] {
            #expect(throws: ViewsError.self) { _ = try SQLiteViews(path: path, collections: [schema]) }
        }
    }

    @Test("Many threads read while one writes")
    func concurrency() async throws {
        let directory = try TemporaryDirectory()
        let views = try SQLiteViews(path: directory.file("views.sqlite"), collections: schemas, readerCount: 2)
        try views.store([run(1, agent: "0")], checkpoint: end(1))
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    for _ in 0..<100 {
                        let found = try views.document("run_1", in: "runs")
                        #expect(found?.id == "run_1")
                    }
                }
            }
            for number in 0..<100 {
                try views.store([run(1, agent: "\(number)")], checkpoint: end(UInt64(number)))
            }
            try await group.waitForAll()
        }
        #expect(try views.document("run_1", in: "runs") == run(1, agent: "99"))
    }
}
