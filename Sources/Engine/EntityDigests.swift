import Core
import Digests

/// The digests of a state's fields and entities one by one, to say where two states differ. A list counts as one field.
struct EntityDigests: CanonicalEncoder {
    private var parts: [(name: String, digest: Digest)] = []

    /// The first field or entity that is not the same in both, such as `agents/agt_…`.
    static func firstDifference(_ left: borrowing some Canonical, _ right: borrowing some Canonical) -> String? {
        var (first, second) = (EntityDigests(), EntityDigests())
        left.encode(into: &first)
        right.encode(into: &second)
        for (one, other) in zip(first.parts, second.parts) where one.name != other.name || one.digest != other.digest {
            return min(one.name, other.name)
        }
        if first.parts.count == second.parts.count { return nil }
        let longer = first.parts.count > second.parts.count ? first.parts : second.parts
        return longer[min(first.parts.count, second.parts.count)].name
    }

    private mutating func add(_ name: String, _ encode: (inout CanonicalBytes) -> Void) {
        var bytes = CanonicalBytes()
        encode(&bytes)
        parts.append((name, SHA256.digest(of: bytes.bytes)))
    }

    mutating func encode(_ name: StaticString, _ value: UInt64) { add(name.description) { $0.encode(name, value) } }
    mutating func encode(_ name: StaticString, _ value: Int64) { add(name.description) { $0.encode(name, value) } }
    mutating func encode(_ name: StaticString, _ value: Bool) { add(name.description) { $0.encode(name, value) } }
    mutating func encode(_ name: StaticString, _ value: Text) { add(name.description) { $0.encode(name, value) } }
    mutating func encode(_ name: StaticString, bytes: [UInt8]) {
        add(name.description) { $0.encode(name, bytes: bytes) }
    }
    mutating func encodeAbsence(_ name: StaticString) { add(name.description) { $0.encodeAbsence(name) } }
    mutating func encode<Value: Canonical>(_ name: StaticString, _ value: Value) {
        add(name.description) { $0.encode(name, value) }
    }
    mutating func encode<Value: Canonical>(_ name: StaticString, list: [Value]) {
        add(name.description) { $0.encode(name, list: list) }
    }
    mutating func encode<ID, Value: Canonical>(_ name: StaticString, table: Table<ID, Value>, id: (ID) -> Text) {
        for key in table.idsSorted {
            guard let value = table[key] else { continue }
            add("\(name)/\(id(key))") { value.encode(into: &$0) }
        }
    }
}
