public import Core
public import Engine

/// The tree of causes and evidence of an entry.
public enum WhyJSON {
    /// The tree as the interface shows it; each node has one plain sentence, and `because` holds what it follows from.
    public static func tree(_ tree: CauseTree<Fleet.Message>) -> JSON { node(tree.root) }

    /// What an entry says, as one plain sentence.
    public static func sentence(_ node: CauseTree<Fleet.Message>.Node) -> String {
        node.message.map(Fleet.sentence) ?? "This build cannot read what the entry says."
    }

    private static func node(_ node: CauseTree<Fleet.Message>.Node) -> JSON {
        [
            "position": .integer(node.entry.position.number),
            "recorded_at": Moment.json(node.entry.recordedAt),
            "stream": .string(node.entry.stream.name.string),
            "kind": .string(node.entry.kind.string),
            "relation": .string(node.relation.rawValue),
            "sentence": .string(sentence(node)),
            "shown_elsewhere": .bool(node.isCutOff),
            "because": .array(node.branches.map(Self.node)),
        ]
    }
}
