import Core
import Engine
import Testing
import Wire

@testable import Recordings

@Suite("Replay of a log of our own")
struct OwnLogTests {
    static let good = RunID(bits: 10)
    static let bad = RunID(bits: 11)

    private func story(rules: UInt32 = Fleet.rules) throws -> Story {
        var story = try Story(rules: rules)
        try story.succeed(Self.good)
        try story.fail(Self.bad)
        return story
    }

    @Test("Runs stand in the summary after the state has forgotten them")
    func summary() throws {
        var story = try story()
        let before = try ReplaySummary(of: story.kernel.log).json
        let runs = """
            "runs":[{"id":"\(Self.good)","job_id":"\(Story.job)","status":"success","attempts":1,"deliveries":1,\
            "completions":1,"error_class":null,"evidence":{"object":"seen","digest":"store"}},\
            {"id":"\(Self.bad)","job_id":"\(Story.job)","status":"failed","attempts":1,"deliveries":1,\
            "completions":0,"error_class":"source","evidence":{"object":"none","digest":"none"}}],"anomalies":{}}
            """
        let sessions = """
            "sessions":[{"id":"\(Story.session)","register_seq":1,"last_known_config_version":0,"config_versions":[3]}],\
            "agents":[{"id":"\(Story.agent)","name":"a","config_version":3}],
            """
        #expect(before.contains(sessions))
        #expect(before.hasSuffix(runs))
        try story.wait(.hours(24 * 8))
        #expect(!story.kernel.state.runs.contains(Self.good))
        #expect(try ReplaySummary(of: story.kernel.log).json.hasSuffix(runs))
        #expect(try ReplaySummary(of: story.kernel.log).json != before)
    }

    @Test("A fold stops at a position or a moment")
    func at() throws {
        let log = try story().kernel.log
        var fold = ReplayFold()
        try fold.add(contentsOf: log, codec: FleetCodec(), upTo: Position(5))
        #expect(fold.entryCount == 5)
        let moment = try #require(fold.recordedAt)
        var byTime = ReplayFold()
        try byTime.add(contentsOf: log, codec: FleetCodec(), notAfter: moment)
        #expect(byTime.recordedAt == moment && byTime.entryCount >= 5)
    }

    private func check(_ entries: [Entry<Fleet.Message>]) -> ReplayCheck<Fleet> {
        var check = ReplayCheck<Fleet>()
        for entry in entries { check.add(entry) }
        check.finish()
        return check
    }

    @Test("The recorded decisions are what is decided again")
    func agreement() throws {
        let check = check(try story().entries)
        #expect(check.divergences.map(\.description) == [])
        #expect(check.decisionCount > 8)
    }

    @Test("A decision that is missing, changed, out of place or too many is found where it stands")
    func divergence() throws {
        let entries = try story().entries
        for index in entries.indices.dropFirst() {
            let entry = entries[index]
            guard entry.cause != nil, ![.deadlineKind, .outcomeKind].contains(Kind(entry)) else { continue }
            var missing = entries
            missing.remove(at: index)
            #expect(check(missing).errorCount > 0, "without \(entry.position) \(entry.kind)")
            var changed = entries
            changed[index] = entry.with(.presence(Story.agent, .offline), cause: entry.cause)
            #expect(check(changed).divergences.first?.position == entry.position)
            var elsewhere = entries
            elsewhere[index] = entry.with(entry.message, cause: Position(999))
            #expect(check(elsewhere).divergences.first?.position == entry.position)
        }
        let last = try #require(entries.last)
        var more = entries
        more.append(last.with(.presence(Story.agent, .offline), cause: last.position))
        #expect(check(more).divergences.first?.expected == nil)
        let cut = check(Array(entries.dropLast()))
        #expect(cut.divergences.first?.found == nil)
    }

    @Test("Under other rules a difference is a decision diff and no error")
    func otherRules() throws {
        var entries = try story(rules: Fleet.rules + 1).entries
        let index = try #require(entries.firstIndex { $0.kind == "run.closed" })
        entries[index] = entries[index].with(.presence(Story.agent, .offline), cause: entries[index].cause)
        let check = check(entries)
        #expect(check.isGood && check.diffCount > 0)
        #expect(check.divergences.first?.isDecisionDiff == true)
    }
}

private enum Kind: Equatable {
    case deadlineKind, outcomeKind, other

    init(_ entry: Entry<Fleet.Message>) {
        switch entry.message {
        case .deadline: self = .deadlineKind
        case .outcome: self = .outcomeKind
        default: self = .other
        }
    }
}

extension Entry {
    fileprivate func with(_ message: Message, cause: Position?) -> Entry {
        Entry(
            position: position, recordedAt: recordedAt, stream: stream, revision: revision, cause: cause, kind: kind,
            message: message)
    }
}
