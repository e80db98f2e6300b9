import Core

/// How much of what an agent says is kept. A frame may have 4 MiB; a state must not.
enum WireLimits {
    /// A frame, either way. Source: the limit of reference agents.
    static let frame = 4_194_304
    /// What is kept of bytes that are no envelope.
    static let unreadable = 4_096
    /// An id. A longer one is cut and keeps its fingerprint.
    static let id = 256
    /// Names, versions, words.
    static let word = 256
    /// Names of containers, images and objects; steps, reasons, map values.
    static let line = 1_024
    /// Error texts and log lines.
    static let text = 16_384
    static let containers = 4_096
    static let activeJobs = 1_024
    /// Capabilities, networks, ports, pairs of a map.
    static let items = 256
}

extension Text {
    /// What is kept of a text from outside.
    init(_ string: String, limit: Int) { self = Text(string).prefix(byteCount: limit) }

    /// An id from outside. One of more than 256 bytes keeps its first 200 and the fingerprint of the whole, in 16
    /// hexadecimal digits, so that two different ids stay different.
    init(id string: String) {
        guard string.utf8.count > WireLimits.id else {
            self = Text(string)
            return
        }
        let digits = String(Fingerprint(of: string.utf8).value, radix: 16)
        let padding = String(repeating: "0", count: 16 - digits.utf8.count)
        self = Text(Text(string).prefix(byteCount: 200).string + padding + digits)
    }
}

/// The pairs of a map in the order of their keys' bytes: a dictionary's own order differs in every process.
func sortedPairs(_ map: [String: String]) -> [KeyValue] {
    map.map { (key: Text($0), value: Text($1)) }.sorted { $0.key < $1.key }.prefix(WireLimits.items).map {
        KeyValue(
            key: $0.key.prefix(byteCount: WireLimits.word), value: $0.value.prefix(byteCount: WireLimits.line))
    }
}

/// A set of things in their own order, without repetitions.
func sortedUnique<Element: Comparable>(_ elements: some Sequence<Element>) -> [Element] {
    var unique: [Element] = []
    for element in elements.sorted() where element != unique.last { unique.append(element) }
    return Array(unique.prefix(WireLimits.items))
}
