/// The one collection of entities: a dictionary inside, iterated only in the order of creation.
///
/// Finding, inserting and removing take constant time (removal leaves a gap; gaps are closed once they are the larger
/// part). A dictionary's own order differs in every process and never shows.
public struct Table<ID: Hashable & Comparable & Sendable, Value: Sendable>: Sendable {
    // Inlinable, so that other modules' tables are compiled for their ids and values too.
    @usableFromInline var places: [ID: Int] = [:]
    @usableFromInline var ids: [ID?] = []
    @usableFromInline var values: [Value?] = []

    /// An empty table.
    @inlinable public init() {}

    /// How many entities there are.
    @inlinable
    public var count: Int { places.count }

    /// Whether there are none.
    @inlinable
    public var isEmpty: Bool { places.isEmpty }

    /// Whether this entity is here.
    @inlinable
    public func contains(_ id: ID) -> Bool { places[id] != nil }

    /// The entity of this id. Assigning creates it at the end or changes it in place; assigning nil removes it.
    @inlinable
    public subscript(id: ID) -> Value? {
        get {
            guard let place = places[id] else { return nil }
            return values[place]
        }
        _modify {
            if let place = places[id] {
                yield &values[place]
                if values[place] == nil { vacate(place, of: id) }
            } else {
                var value: Value?
                yield &value
                if let value { append(id, value) }
            }
        }
    }

    /// The entity of this id, made on first use.
    @inlinable
    public subscript(id: ID, default fallback: @autoclosure () -> Value) -> Value {
        get { self[id] ?? fallback() }
        _modify {
            let place: Int
            if let known = places[id] {
                place = known
            } else {
                append(id, fallback())
                place = values.count - 1
            }
            yield &values[place]!
        }
    }

    /// The ids in the order of creation.
    @inlinable
    public var idsByCreation: [ID] { ids.compactMap { $0 } }

    /// The ids in their own order, as the canonical encoding wants them.
    @inlinable
    public var idsSorted: [ID] { idsByCreation.sorted() }

    /// Calls the body with each entity in the order of creation.
    @inlinable
    public func forEach(_ body: (ID, Value) throws -> Void) rethrows {
        for place in ids.indices {
            if let id = ids[place], let value = values[place] { try body(id, value) }
        }
    }

    @inlinable
    mutating func append(_ id: ID, _ value: Value) {
        places[id] = values.count
        ids.append(id)
        values.append(value)
    }

    @inlinable
    mutating func vacate(_ place: Int, of id: ID) {
        places[id] = nil
        ids[place] = nil
        guard values.count > 32, values.count > 2 * places.count else { return }
        var keptIDs: [ID?] = []
        var keptValues: [Value?] = []
        for place in ids.indices {
            guard let id = ids[place] else { continue }
            places[id] = keptIDs.count
            keptIDs.append(id)
            keptValues.append(values[place])
        }
        ids = keptIDs
        values = keptValues
    }
}
