public import Core
public import Engine
import Foundation

/// Keeps the collections `runs` and `slots` for reading: one document a run, with all that ``Core/RunDetail`` tells, and one
/// a slot of a schedule, with ``Core/SlotDetail``; and beside them the last results of health checks.
///
/// Everything about a run that counts stands in its own stream (see `Fleet.describe`), whichever id the message itself
/// carries: a frame that names an attempt by its wire id, or only the job, too.
public struct FleetProjection: Projection {
    /// The name of the collection.
    public static let runs = "runs"
    /// The name of the other one.
    public static let slots = "slots"

    /// The one projection; it holds nothing.
    public init() {}

    /// The collections it fills. The member `created_at` is in milliseconds.
    public var collections: [CollectionSchema] {
        [
            CollectionSchema(name: Self.runs, indexed: ["agent_id", "job_id", "target_id", "status"]),
            CollectionSchema(name: Self.slots, indexed: ["job_id"]),
        ] + CheckSightings.collections
    }

    /// The documents that this entry changes, as it leaves them; none when it changes nothing that is shown.
    public func project(_ entry: Entry<Fleet.Message>, lookup: (String, String) -> Document?) -> [Document] {
        runs(entry, lookup) + slots(entry, lookup)
    }

    private func slots(_ entry: Entry<Fleet.Message>, _ lookup: (String, String) -> Document?) -> [Document] {
        guard case .scheduled(let job, let decision) = entry.message else { return [] }
        let id = SlotDetail.id(decision.slot, of: job)
        var detail = lookup(Self.slots, id).flatMap(Self.slot(of:)) ?? SlotDetail(decision, of: job, entry)
        detail.fold(decision, at: entry.recordedAt)
        return Self.json(detail).map {
            [Document(collection: Self.slots, id: id, position: Position(detail.position), json: $0)]
        } ?? []
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
    public static func detail(of document: Document) -> RunDetail? {
        try? JSONDecoder().decode(RunDetail.self, from: Data(document.json))
    }

    /// The slot that a document describes; nil when it is none of ours.
    public static func slot(of document: Document) -> SlotDetail? {
        try? JSONDecoder().decode(SlotDetail.self, from: Data(document.json))
    }

    private static func document(of detail: RunDetail) -> Document? {
        json(detail).map {
            Document(
                collection: runs, id: detail.id.text.string, position: Position(detail.createdPosition), json: $0)
        }
    }

    private static func json(_ value: some Encodable) -> [UInt8]? {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        return (try? encoder.encode(value)).map { Array($0) }
    }

    private static func run(of stream: Core.Stream) -> String? {
        let name = stream.name.string
        return name.hasPrefix("run/") ? String(name.dropFirst(4)) : nil
    }
}
