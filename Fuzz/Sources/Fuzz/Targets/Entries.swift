import Core
import Digests
import Engine
import Foundation

@testable import Recordings
@testable import Wire

extension Target {
    /// Bodies of entries, decoded, folded and decided upon one after the other, as a damaged or foreign log may hold them.
    static let entries = Target(name: "entries", maximumByteCount: 4_096, seeds: entrySeeds) { bytes in
        var feed = Feed(bytes)
        let codec = FleetCodec()
        var state = Fleet.initial
        var log = Folding(log: "fleet")
        while !feed.isEmpty, log.count < 64 {
            let body = feed.piece()
            guard let message = try? codec.decode(body, kind: "kind") else { continue }
            let again = codec.encode(message)
            promise((try? codec.decode(again, kind: "kind")) == message, "what is stored comes back")
            checkJSON(message)
            log.fold(Fleet.self, message, again, into: &state)
        }
        _ = StateDigest(of: state)
        log.check()
    }

    /// The same of an agent's own log.
    static let station = Target(name: "station", maximumByteCount: 4_096, seeds: stationSeeds) { bytes in
        var feed = Feed(bytes)
        let codec = StationCodec()
        var state = Station.initial
        var log = Folding(log: "station")
        while !feed.isEmpty, log.count < 64 {
            let body = feed.piece()
            guard let message = try? codec.decode(body, kind: "kind") else { continue }
            let again = codec.encode(message)
            promise((try? codec.decode(again, kind: "kind")) == message, "what is stored comes back")
            log.fold(Station.self, message, again, into: &state)
        }
        _ = StateDigest(of: state)
        log.check()
    }

    /// The log of each capture, of each release and of a story: entries alone, and some that follow each other.
    private static func entrySeeds() throws -> [[UInt8]] {
        let recorded = try (Seeds.logs() + Seeds.keptLogs() + [Story.log()]).flatMap { log in
            log.map { Feed.piece($0.body) }
                + stride(from: 0, to: log.count, by: 40).map { start in
                    log[start...].prefix(40).flatMap { Feed.piece($0.body) }
                }
        }
        return recorded + rare.map { Feed.piece(FleetCodec().encode($0)) }
    }

    /// What no recording leads to, with the edges of what can stand in it.
    private static let rare: [Fleet.Message] = [
        .noted(Anomaly(agent: AgentID(""), kind: .unknownRun, run: RunID(""), detail: "")),
        .clockStepped(Milliseconds(.min)), .clockStepped(Milliseconds(.max)), .disk(.logWasFull(Milliseconds(.max))),
        .started(EngineStart(build: "b", rules: Fleet.rules, seed: 1, clockBehind: Milliseconds(.max))),
        .accepted(.clockConfirmed, Ticket(token: "t")), .accepted(.policyChanged(FleetPolicy()), Ticket(token: "t")),
        .deadline(.starts), .faulted("x"), .presence(AgentID("a"), .offline),
        .deadline(.silence(AgentID("a"))),
        .deadline(.idempotency(IdempotencyKey(token: "t", key: "k"))),
        .requested(.createAgent(AgentID("a"), name: "n", keyDigest: [1]), Ticket(token: "t")),
        .requested(.cancelRun(RunID("r")), Ticket(token: "t", idempotency: .init(key: "k", bodyDigest: [2]))),
        .refused(Refusal(code: .conflict, field: "f", text: "t")),
        .accepted(.repeated(Position(.max)), Ticket(token: "t")),
        .unreadable(AgentID("a"), UnreadableFrame(isFromAgent: false, byteCount: .max, start: [0xFF], problem: "p")),
    ]

    private static func stationSeeds() -> [[UInt8]] {
        let pieces = stationStory.map { Feed.piece(StationCodec().encode($0)) }
        return pieces + [pieces.flatMap { $0 }]
    }

    /// What an agent may go through.
    static let stationStory: [Station.Message] = {
        let order = Station.Order(job: "job_1", object: "a/b.zst", isManual: true)
        let staged = Station.Staged(byteCount: 9, digest: "00ff", engineVersion: "SQLite 3")
        return [
            .started(build: "b", rules: 1), .connected(session: "s", extensions: ["report-ack"]),
            .configured(version: 2, parallelRunLimit: 1), .told("run_1", order), .told("run_2", order), .dump("run_1"),
            .progressed("run_1", Station.Progress(step: "dump", percent: 40)),
            .outcome("run_1", of: Position(6), .staged(staged)), .upload("run_1"),
            .outcome("run_1", of: Position(9), .uploaded), .report("run_1"),
            .outcome("run_1", of: Position(11), .delivered(isAcknowledged: true)), .cancelTold(job: "job_1"),
            .stop("run_2"), .outcome("run_2", of: Position(14), .interrupted), .announce("run_2"),
            .outcome("run_2", of: Position(16), .failed("dump: no")), .discard("run_2"), .forget("run_2"),
            .reportExpired("run_1"), .journalExpired("run_1"), .disconnected(reason: "gone"),
        ]
    }()
}

/// Folds messages as entries of a log, with what follows from them but without appending it.
struct Folding {
    private var batch = Batch(after: Batch.linkBeforeFirst)
    private var appended: [EncodedEntry] = []
    private(set) var count = 0
    private let stream: Core.Stream

    init(log: Text) { stream = Core.Stream(log) }

    mutating func fold<M: Machine>(_ machine: M.Type, _ message: M.Message, _ body: [UInt8], into state: inout M.State)
    {
        count += 1
        let description = M.describe(message, in: state)
        // Time goes on by a quarter of an hour, so that grace and retention pass.
        let entry = Entry(
            position: Position(UInt64(count)), recordedAt: Timestamp(milliseconds: Int64(count) * 900_000),
            stream: description.stream, revision: Revision(UInt64(count)), cause: nil, kind: description.kind,
            message: message)
        let encoded = EncodedEntry(
            position: entry.position, recordedAt: entry.recordedAt, stream: entry.stream, revision: entry.revision,
            cause: entry.cause, kind: entry.kind, body: body)
        batch.append(encoded)
        appended.append(encoded)
        for change in M.fold(entry, into: &state) { _ = M.decide(change, entry, in: state) }
        _ = M.nextDeadline(in: state)
    }

    /// What a log lends to its disk is what was appended.
    func check() {
        promise(batch.entries == appended, "what was appended, read from the encodings")
        promise(batch.places.map(\.revision) == appended.map(\.revision), "revisions in order")
        promise(batch.count == count, "all of them")
    }
}
