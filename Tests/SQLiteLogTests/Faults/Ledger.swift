import Core
import Engine

/// A machine that echoes each note: so each turn has two entries.
enum Ledger: Machine {
    enum Message: Hashable, Sendable, Codable {
        case noted(id: Text, account: Text, text: String)
        case echoed(id: Text, account: Text)
    }
    struct State: Canonical {
        /// How often each note and its echo are on the log.
        var notes = Table<Text, Marks>()
        func encode<Encoder: CanonicalEncoder>(into encoder: inout Encoder) {
            encoder.encode("notes", table: notes) { $0 }
        }
    }
    struct Marks: Canonical {
        var noteCount: UInt64 = 0
        var echoCount: UInt64 = 0
        func encode<Encoder: CanonicalEncoder>(into encoder: inout Encoder) {
            encoder.encode("notes", noteCount)
            encoder.encode("echoes", echoCount)
        }
    }

    static let rules: UInt32 = 1
    static var initial: State { State() }
    static func fold(_ entry: Entry<Message>, into state: inout State) -> [Message] {
        switch entry.message {
        case .noted(let id, let account, _):
            state.notes[id, default: Marks()].noteCount += 1
            return [.echoed(id: id, account: account)]
        case .echoed(let id, _):
            state.notes[id, default: Marks()].echoCount += 1
            return []
        }
    }
    static func decide(_ change: Message, _ entry: Entry<Message>, in state: borrowing State) -> [Message] { [change] }
    static func describe(_ message: Message, in state: borrowing State) -> Description {
        switch message {
        case .noted(_, let account, _): Description(stream: Stream("account", account), kind: "noted", role: .fact)
        case .echoed(_, let account): Description(stream: Stream("account", account), kind: "echoed", role: .decision)
        }
    }
    static func nextDeadline(in state: borrowing State) -> Deadline<Message>? { nil }
}

/// One document an account: how many entries are about it.
struct AccountProjection: Projection {
    let collections = [CollectionSchema(name: "accounts", indexed: ["parity"])]

    func project(_ entry: Entry<Ledger.Message>, lookup: (String, String) -> Document?) -> [Document] {
        let id = entry.stream.name.string
        let former = lookup("accounts", id)
        let count = former.map(Self.count) ?? 0
        return [Self.document(id, count + 1, at: former?.position ?? entry.position)]
    }

    static func document(_ id: String, _ count: Int, at position: Position) -> Document {
        let json = #"{"count":\#(count),"parity":"\#(count % 2 == 0 ? "even" : "odd")"}"#
        return Document(collection: "accounts", id: id, position: position, json: Array(json.utf8))
    }

    private static func count(_ document: Document) -> Int {
        Int(String(decoding: document.json, as: UTF8.self).drop { !$0.isNumber }.prefix { $0.isNumber }) ?? 0
    }
}
