public import Core

/// Why an entry is on the log: what it follows from, and what that follows from, back to what came from outside.
///
/// Each entry stands in the tree once; where it is met again, the node has no branches.
public struct CauseTree<Message: Hashable & Sendable>: Sendable {
    /// What a node is to the one above it.
    public enum Relation: String, Sendable {
        /// The entry that was asked about.
        case asked
        /// The one above follows from it.
        case cause
        /// The one above is a decision that rests on it as well.
        case ground
    }

    /// An entry in the tree.
    public struct Node: Sendable {
        /// What it is to the one above it.
        public let relation: Relation
        /// The entry as it is on the log.
        public let entry: EncodedEntry
        /// What it says; nil when this build cannot read it.
        public let message: Message?
        /// Whether its branches stand elsewhere in the tree, or were left out because the tree is full.
        public let isCutOff: Bool
        /// Its cause, then its grounds in the order of the log.
        public let branches: [Node]
    }

    /// The entry that was asked about.
    public let root: Node

    /// How many entries a tree shows.
    public static var nodeLimit: Int { 256 }

    /// Walks back from an entry.
    ///
    /// - Parameters:
    ///   - position: The entry's. Nil comes back where the log has none there.
    ///   - log: Where it is read from. Each entry is a read of its own, so that the cost follows the tree and not the log.
    ///   - codec: Reads the messages.
    ///   - grounds: The positions that a message rests on besides its cause.
    /// - Throws: ``LogError`` when an entry cannot be read.
    public init?(
        of position: Position, in log: some LogReader, codec: some Codec<Message>,
        grounds: (Message) -> [Position]
    ) throws(LogError) {
        var walk = Walk(log: log, codec: codec)
        guard let root = try walk.node(at: position, .asked, grounds: grounds) else { return nil }
        self.root = root
    }

    private struct Walk<Log: LogReader, MessageCodec: Codec> where MessageCodec.Message == Message {
        let log: Log
        let codec: MessageCodec
        var seen: Set<Position> = []

        mutating func node(
            at position: Position, _ relation: Relation, grounds: (Message) -> [Position]
        ) throws(LogError) -> Node? {
            guard let entry = try log.entry(at: position) else { return nil }
            let message = try? codec.decode(entry.body, kind: entry.kind)
            let isNew = seen.count < CauseTree.nodeLimit && seen.insert(position).inserted
            var branches: [Node] = []
            if isNew {
                // Whatever an entry names stands before it: no damage can send the walk round in circles.
                if let cause = entry.cause, cause < position,
                    let branch = try node(at: cause, .cause, grounds: grounds)
                {
                    branches.append(branch)
                }
                for ground in message.map(grounds) ?? [] where ground < position && ground != entry.cause {
                    if let branch = try node(at: ground, .ground, grounds: grounds) { branches.append(branch) }
                }
            }
            return Node(
                relation: relation, entry: entry, message: message,
                isCutOff: !isNew && hasReasons(entry, message, grounds),
                branches: branches)
        }

        private func hasReasons(
            _ entry: EncodedEntry, _ message: Message?, _ grounds: (Message) -> [Position]
        ) -> Bool {
            entry.cause != nil || message.map { !grounds($0).isEmpty } ?? false
        }
    }
}
