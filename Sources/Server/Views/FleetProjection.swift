public import Core
public import Engine
import Foundation

/// Keeps what is read in lists: `runs`, one document a run, with all that ``Core/RunDetail`` tells; `slots`, one a slot of a
/// schedule, with ``Core/SlotDetail``; `anomalies`, one document for each; `alerts`, one document for each, of
/// those that were resolved the last 10 000; and the last results of health checks.
///
/// Everything about a run that counts stands in its own stream (see `Fleet.describe`), whichever id the message itself
/// carries: a frame that names an attempt by its wire id, or only the job, too.
public struct FleetProjection: Projection {
    /// The name of the collection.
    public static let runs = "runs"
    /// The name of the collection of slots of schedules.
    public static let slots = "slots"

    /// The name of the collection of what was not as it should be.
    public static let anomalies = "anomalies"

    /// The name of the collection of alerts, open and resolved.
    public static let alerts = "alerts"

    /// The one projection; it holds nothing.
    public init() {}

    /// The collections it fills. The member `created_at` is in milliseconds, and of all documents of a collection in the order
    /// of their positions.
    public var collections: [CollectionSchema] {
        [
            CollectionSchema(
                name: Self.runs, indexed: ["agent_id", "job_id", "target_id", "status", "created_at"], version: 3),
            CollectionSchema(name: Self.slots, indexed: ["job_id"]),
            CollectionSchema(name: Self.anomalies, indexed: ["agent_id", "kind"]),
            CollectionSchema(
                name: Self.alerts, indexed: ["state", "kind", "agent_id"],
                kept: .init("state", AlertDetail.State.resolved.rawValue, limit: 10_000, by: "resolved_at")),
        ] + CheckSightings.collections
    }

    /// The documents that this entry changes, as it leaves them; none when it changes nothing that is shown.
    public func project(_ entry: Entry<Fleet.Message>, lookup: (String, String) -> Document?) -> [Document] {
        if case .noted(let anomaly) = entry.message {
            return Self.document(
                AnomalyDetail(anomaly, entry), in: Self.anomalies, id: String(entry.position.number),
                position: entry.position
            ).map { [$0] } ?? []
        }
        if let document = Self.alert(entry, lookup: lookup) { return [document] }
        return runs(entry, lookup) + slots(entry, lookup)
    }

    private static func alert(_ entry: Entry<Fleet.Message>, lookup: (String, String) -> Document?) -> Document? {
        guard let id = AlertDetail.id(in: entry.message) else { return nil }
        var detail: AlertDetail
        if case .alerted(let decision) = entry.message, decision.step == .opened {
            detail = AlertDetail(decision, entry)
        } else {
            guard let known = lookup(alerts, id.text.string).flatMap({ read(AlertDetail.self, $0) }) else { return nil }
            detail = known
            detail.fold(entry)
        }
        return document(detail, in: alerts, id: id.text.string, position: Position(detail.position))
    }

    private func slots(_ entry: Entry<Fleet.Message>, _ lookup: (String, String) -> Document?) -> [Document] {
        guard case .scheduled(let job, let decision) = entry.message else { return [] }
        let id = SlotDetail.id(decision.slot, of: job)
        var detail = lookup(Self.slots, id).flatMap(Self.slot(of:)) ?? SlotDetail(decision, of: job, entry)
        detail.fold(decision, at: entry.recordedAt)
        return Self.document(detail, in: Self.slots, id: id, position: Position(detail.position)).map { [$0] } ?? []
    }

    private func runs(_ entry: Entry<Fleet.Message>, _ lookup: (String, String) -> Document?) -> [Document] {
        guard let id = Self.run(of: entry.stream) else { return CheckSightings.project(entry, lookup: lookup) }
        guard let before = lookup(Self.runs, id).flatMap(Self.detail) else {
            return RunDetail(entry).flatMap(Self.document).map { [$0] } ?? []
        }
        var detail = before
        detail.fold(entry)
        return detail == before ? [] : Self.document(of: detail).map { [$0] } ?? []
    }

    /// The run that a document describes; nil when it is none of ours.
    public static func detail(of document: Document) -> RunDetail? { read(RunDetail.self, document) }

    /// What a document holds; nil when it is none of ours.
    static func read<Value: Decodable>(_ type: Value.Type, _ document: Document) -> Value? {
        try? JSONDecoder().decode(type, from: Data(document.json))
    }

    /// The slot that a document describes; nil when it is none of ours.
    public static func slot(of document: Document) -> SlotDetail? {
        read(SlotDetail.self, document)
    }

    private static func document(of detail: RunDetail) -> Document? {
        document(detail, in: runs, id: detail.id.text.string, position: Position(detail.createdPosition))
    }

    static func document(
        _ value: some Encodable, in collection: String, id: String, position: Position
    ) -> Document? {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        guard let json = try? encoder.encode(value) else { return nil }
        return Document(collection: collection, id: id, position: position, json: Array(json))
    }

    private static func run(of stream: Core.Stream) -> String? {
        let name = stream.name.string
        return name.hasPrefix("run/") ? String(name.dropFirst(4)) : nil
    }
}
