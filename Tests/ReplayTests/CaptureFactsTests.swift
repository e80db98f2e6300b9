import Core
import Engine
import Recordings
import Testing
import Wire

@Suite("What the notes on the captures say is what they fold to")
struct CaptureFactsTests {
    @Test("There are notes on every capture")
    func every() {
        #expect(CaptureFacts.all.map(\.name).sorted() == CaptureFiles.names)
    }

    @Test("Frames, connections, configurations, runs and anomalies", arguments: CaptureFacts.all)
    func facts(_ facts: CaptureFacts) throws {
        var fold = ReplayFold()
        try fold.add(contentsOf: CaptureFiles.log(of: facts.name), codec: FleetCodec())

        #expect(counts(fold.kinds, behind: "frame.") == facts.fromAgent)
        #expect(counts(fold.kinds, behind: "captured.") == facts.fromServer)
        #expect(
            fold.sessions.map { [$0.registerSequence, $0.lastKnownConfigVersion] }
                == facts.connections.map { $0.map(Optional.some) })
        #expect(fold.sessions.flatMap(\.configVersions) == facts.configVersions)
        let agents = fold.state.agents.idsByCreation.compactMap { fold.state.agents[$0] }
        #expect(agents.map(\.appliedConfigVersion) == [facts.lastHeartbeat])

        #expect(fold.runs.count == facts.dispatched)
        #expect(fold.runs.map { Int($0.run.deliveryCount) }.reduce(0, +) == facts.fromServer["run_backup"] ?? 0)
        #expect(fold.runs.filter { $0.run.completionCount > 1 }.map(\.id.text.string) == facts.completedTwice)
        var verdicts: [String: Int] = [:]
        for entry in fold.runs {
            guard case .closed(let verdict) = entry.run.phase else {
                Issue.record("\(entry.id) has not ended")
                continue
            }
            verdicts[verdict.word, default: 0] += 1
        }
        let expected = ["reported": facts.completed, "failed": facts.failedOnly, "lost": facts.unanswered]
        #expect(verdicts == expected.filter { $0.value > 0 })
        #expect(counts(fold.anomalies, behind: "") == facts.anomalies)
    }

    private func counts(_ kinds: [Text: Int], behind prefix: String) -> [String: Int] {
        var counts: [String: Int] = [:]
        for (kind, count) in kinds where kind.string.hasPrefix(prefix) {
            counts[String(kind.string.dropFirst(prefix.count)), default: 0] += count
        }
        return counts
    }

    @Test(
        "The classes of failure, one run each",
        arguments: [
            "source", "source", "configuration", "configuration", "configuration", "source", "timeout", "configuration",
            "configuration", "configuration", "upload", "upload", "upload", "upload",
        ].enumerated().map { ($0.offset, $0.element) })
    func failures(index: Int, word: String) throws {
        var fold = ReplayFold()
        try fold.add(contentsOf: CaptureFiles.log(of: "failures"), codec: FleetCodec())
        #expect(fold.runs[index].run.failure?.word == word, "run \(index + 1) of the notes' list")
    }
}
