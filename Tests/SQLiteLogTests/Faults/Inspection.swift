import Core
import Digests
import Engine
import Foundation
import Testing

@testable import SQLiteLog

/// Opens what has survived, with SQLite's own VFS, and compares it with what was answered.
struct Inspection {
    let witness: Witness
    let directory: TemporaryDirectory
    /// What happened, for whoever reads a failure.
    let story: String

    func run() {
        do {
            try checkTraces()
            var site = try Site(directory: directory.path)
            try checkLog(site)
            try checkVault(site.vault)
            try checkViews(site)
            // And it goes on.
            _ = try site.kernel.turn(
                .noted(id: "after", account: "a", text: ""), at: Timestamp(milliseconds: 1_000_000))
            _ = try site.kernel.commit()
            let report = try SQLiteLogReader(directory: directory.path).verify()
            #expect(report.link == site.log.head.link, "\(story)")
        } catch {
            Issue.record("\(story): \(error)")
        }
    }

    private func checkLog(_ site: Site) throws {
        _ = try SQLiteLogReader(directory: directory.path).verify()
        let acknowledged = try site.log.connection.prepare(
            "find a commit", "SELECT link FROM commits WHERE last_position = ?")
        acknowledged.bind(1, witness.head.position.number)
        let isThere = try witness.head.position == .start || acknowledged.step()
        // The link proves all that is before it, too.
        #expect(
            isThere && (witness.head.position == .start || acknowledged.bytes(0) == witness.head.link.bytes),
            "\(story): the commit that ends at \(witness.head.position) was answered, the log ends at \(site.log.head)")
        site.kernel.state.notes.forEach { id, marks in
            #expect(witness.submitted.contains(id), "\(story): \(id) was never submitted")
            #expect(
                marks.noteCount == 1 && marks.echoCount == 1,
                "\(story): \(id) is there \(marks.noteCount) times, its echo \(marks.echoCount) times")
        }
        for account: Text in ["a", "b", "c", "d", "e"] {
            let stream = Core.Stream("account", account)
            let found = try site.log.read(stream: stream, after: .start, limit: 1_000)
            let all = try site.log.read(after: .start, limit: 1_000).filter { $0.stream == stream }
            #expect(found == all, "\(story): the index of streams")
        }
    }

    private func checkVault(_ vault: SQLiteVault) throws {
        var names = Set(witness.secrets.keys)
        if let doubt = witness.doubt { names.insert(doubt.name) }
        for name in names {
            let found = try vault.reveal(name)
            let isDoubtful = witness.doubt.map { $0.name == name && $0.secret == found } ?? false
            #expect(found == witness.secrets[name] || isDoubtful, "\(story): \(name) in the vault")
        }
        let strangers = try vault.names(withPrefix: "").filter { !names.contains($0) }
        #expect(strangers.isEmpty, "\(story): in the vault, although deleted")
    }

    /// Looks for sealed bytes in the files as they were left, before anything mends them.
    private func checkTraces() throws {
        for (name, bytes) in try directory.contents() where name.hasPrefix(SQLiteVault.fileName) {
            let data = Data(bytes)
            for sealed in witness.gone {
                #expect(
                    data.range(of: Data(sealed.prefix(12))) == nil, "\(story): start of a deleted secret in \(name)")
                #expect(data.range(of: Data(sealed.suffix(12))) == nil, "\(story): end of a deleted secret in \(name)")
            }
        }
    }

    private func checkViews(_ site: Site) throws {
        let checkpoint = try site.views.checkpoint().position
        #expect(checkpoint <= site.log.head.position, "\(story): the views know more than the log")
        try site.follow()
        var counts: [String: (first: Position, count: Int)] = [:]
        for entry in try site.log.read(after: .start, limit: 1_000) {
            counts[entry.stream.name.string, default: (entry.position, 0)].count += 1
        }
        let found = try site.views.documents(DocumentQuery(collection: "accounts", limit: 100))
        let expected = counts.map { AccountProjection.document($0.key, $0.value.count, at: $0.value.first) }
        #expect(Set(found) == Set(expected), "\(story): the views")
    }
}
