public import Core

/// One thing as people read it, kept in a table of its collection.
public struct Document: Hashable, Sendable {
    /// The table, such as `runs`.
    public var collection: String
    /// The thing's id.
    public var id: String
    /// The entry that created it: lists are in this order.
    public var position: Position
    /// A JSON object; empty where the thing is no longer shown.
    public var json: [UInt8]

    /// A document with all its parts.
    public init(collection: String, id: String, position: Position, json: [UInt8]) {
        self.collection = collection
        self.id = id
        self.position = position
        self.json = json
    }
}

/// Which part of a collection is wanted.
public struct DocumentQuery: Hashable, Sendable {
    /// The table.
    public var collection: String
    /// Values that indexed top-level members must have, such as `["agent_id": "agt_…"]`.
    public var matching: [String: String]
    /// Only documents created before this position (lists run from the newest to the oldest).
    public var before: Position?
    /// A lower bound, inclusive, and an upper bound, exclusive, on the integer member `created_at`.
    public var createdFrom: Timestamp?
    /// See ``createdFrom``.
    public var createdTo: Timestamp?
    /// At most so many.
    public var limit: Int

    /// A query with all its parts.
    public init(
        collection: String, matching: [String: String] = [:], before: Position? = nil, createdFrom: Timestamp? = nil,
        createdTo: Timestamp? = nil, limit: Int
    ) {
        self.collection = collection
        self.matching = matching
        self.before = before
        self.createdFrom = createdFrom
        self.createdTo = createdTo
        self.limit = limit
    }
}

/// A collection and the members of its documents that may be searched for.
public struct CollectionSchema: Hashable, Sendable {
    /// The table.
    public var name: String
    /// Top-level members with an index.
    public var indexed: [String]
    /// Raised whenever what a document holds changes: views of an earlier version are made again from the log.
    public var version: UInt32
    /// Of which documents only so many are kept; nil: all are.
    public var kept: Kept?

    /// Of the documents in which a member has a value, only the last are kept: by a number in them, or as they were created.
    public struct Kept: Hashable, Sendable {
        /// One of the indexed members.
        public var member: String
        /// Its value.
        public var value: String
        /// At most so many, and those that share the last number that is kept.
        public var limit: Int
        /// A top-level member that such documents have, a number by which they go; nil: they go by their positions.
        public var order: String?

        /// A rule with all its parts.
        public init(_ member: String, _ value: String, limit: Int, by order: String? = nil) {
            self.member = member
            self.value = value
            self.limit = limit
            self.order = order
        }
    }

    /// A schema with all its parts.
    public init(name: String, indexed: [String], version: UInt32 = 1, kept: Kept? = nil) {
        self.name = name
        self.indexed = indexed
        self.version = version
        self.kept = kept
    }
}

/// Reads documents. Used from many threads at once.
public protocol ViewsReader: Sendable {
    /// One document.
    func document(_ id: String, in collection: String) throws(ViewsError) -> Document?
    /// Documents from the newest to the oldest.
    func documents(_ query: DocumentQuery) throws(ViewsError) -> [Document]
}

/// Projections kept in tables for reading. May be deleted at any time: the follower makes them again from the log.
/// Owned by the follower's thread.
public protocol Views: ViewsReader {
    /// The commit up to whose end documents are stored: its link tells whether they are this log's.
    func checkpoint() throws(ViewsError) -> CommitEnd
    /// Stores documents and moves the checkpoint, in one transaction. A document of the same id is replaced; an empty one
    /// takes it away.
    func store(_ documents: [Document], checkpoint: CommitEnd) throws(ViewsError)
    /// Forgets all documents, and moves the checkpoint to the start.
    func clear() throws(ViewsError)
}

/// Why views could not be read or written.
public struct ViewsError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The file.
    public var path: String
    /// What was wrong with it.
    public var problem: String
    /// There is no room for now; nothing was stored, and it may be tried again.
    public var isFull: Bool

    /// An error with all its parts.
    public init(path: String, problem: String, isFull: Bool = false) {
        self.path = path
        self.problem = problem
        self.isFull = isFull
    }

    /// What was wrong and what to do.
    public var description: String {
        isFull
            ? "\(path): no room. Reading goes on by itself once there is."
            : "\(path): \(problem). Views are made from the log: stop the server, delete this file and start again."
    }
}

/// Makes a machine's documents from its entries. Pure but for the lookup it is lent.
public protocol Projection<Message>: Sendable {
    associatedtype Message: Hashable & Sendable
    /// The collections it fills.
    var collections: [CollectionSchema] { get }
    /// The documents that an entry creates or changes. `lookup` gives the latest version of a document, this batch included.
    func project(_ entry: Entry<Message>, lookup: (String, String) -> Document?) -> [Document]
}
