/// What was decided about an object in the store. A recorded decision is a fact: folding uses it and never decides again.
public enum ObjectDecision: Hashable, Sendable {
    /// No part of its job's retention keeps it any more, for the reason that stands there: it is deleted.
    case expired(reason: Text)
    /// It is the object of no success: it is deleted.
    case orphaned(OrphanReason)
    /// A survey did not find it in the store.
    case vanished
    /// A later survey found it again.
    case returned

    /// The last part of the kind of its entry.
    public var word: String {
        switch self {
        case .expired: "expired"
        case .orphaned: "orphaned"
        case .vanished: "vanished"
        case .returned: "returned"
        }
    }
}

/// Why an object is the object of no success.
public enum OrphanReason: String, Hashable, Sendable, CaseIterable {
    /// Its run ended without a success.
    case failed
    /// Another attempt made the object of its run's success.
    case replaced
    /// A survey found it, and no run that is known owns it.
    case unowned
}

/// What a survey of the store came to. Lists are bounded; of what is beyond, the next survey tells.
public struct Survey: Hashable, Sendable {
    /// The most entries of each list, so that what follows from them fits into one turn of 256 messages: a decision about
    /// each of three lists, an alert for each of two, and a deletion for each of one.
    public static let limit = 40

    /// All objects in the store.
    public var objectCount: UInt64 = 0
    /// The bytes of all of them.
    public var byteCount: UInt64 = 0
    /// Files whose names are not of our form. They are never deleted.
    public var foreignCount: UInt64 = 0
    /// Objects with names of our form that this log knows nothing of, not even a key: as when the control plane was
    /// restored from an older copy. They are never deleted.
    public var strangerCount: UInt64 = 0
    /// Objects with a key that no run owns.
    public var unowned: [ObjectReference] = []
    /// Objects of successes that are not in the store.
    public var missing: [ObjectKey] = []
    /// Objects that had vanished, and are there.
    public var returned: [ObjectKey] = []
    /// Whether a list was too short for all that was found.
    public var isCut = false

    /// A survey of an empty store.
    public init() {}
}
