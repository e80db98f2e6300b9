/// What kind of thing went wrong with a run: decides whether trying again can help.
public enum FailureClass: UInt8, Hashable, Sendable, CaseIterable {
    /// The job, target, tools or credentials of the upload are not set up; trying again changes nothing.
    case configuration = 1
    /// The database or a hook said no.
    case source
    /// The object could not be uploaded.
    case upload
    /// The object is missing from the store, or not what was reported.
    case storage
    /// The run was cut off by the agent's lost connection or restart.
    case disconnect
    /// It took longer than allowed.
    case timeout
    /// Nothing more was heard.
    case lost
    /// None of these could be told.
    case unknown

    /// The class of a word; nil for one that this version does not know.
    public init?(word: Text) {
        guard let known = Self.allCases.first(where: { Text($0.word) == word }) else { return nil }
        self = known
    }

    /// The word that users see.
    public var word: String {
        switch self {
        case .configuration: "configuration"
        case .source: "source"
        case .upload: "upload"
        case .storage: "storage"
        case .disconnect: "disconnect"
        case .timeout: "timeout"
        case .lost: "lost"
        case .unknown: "unknown"
        }
    }
}
