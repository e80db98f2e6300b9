public import Core
public import Engine
import Foundation

/// Keeps the collection `runs` for reading: one document a run, with all that ``Core/RunDetail`` tells; and beside it the
/// last results of health checks.
///
/// Everything about a run that counts stands in its own stream (see `Fleet.describe`), whichever id the message itself
/// carries: a frame that names an attempt by its wire id, or only the job, too.
public struct FleetProjection: Projection {
    /// The name of the collection.
    public static let runs = "runs"

    /// The one projection; it holds nothing.
    public init() {}

    /// The collections it fills. The member `created_at` is in milliseconds.
    public var collections: [CollectionSchema] {
        [CollectionSchema(name: Self.runs, indexed: ["agent_id", "job_id", "target_id", "status"])]
            + CheckSightings.collections
    }

    /// The run's document as this entry leaves it; none when it changes nothing that is shown.
    public func project(_ entry: Entry<Fleet.Message>, lookup: (String, String) -> Document?) -> [Document] {
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

    private static func document(of detail: RunDetail) -> Document? {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        guard let json = try? encoder.encode(detail) else { return nil }
        return Document(
            collection: runs, id: detail.id.text.string, position: Position(detail.createdPosition), json: Array(json))
    }

    private static func run(of stream: Core.Stream) -> String? {
        let name = stream.name.string
        return name.hasPrefix("run/") ? String(name.dropFirst(4)) : nil
    }
}
