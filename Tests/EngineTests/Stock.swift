import Core
import Engine

// example: begin
/// A machine of one's own: keeps stock, and orders more when there is little.
enum Stock: Machine {
    enum Message: Hashable, Sendable, Codable {
        case arrived(item: Text, count: UInt64)
        case taken(item: Text, count: UInt64)
        case order(item: Text)  // a command: carried out by a worker
        case ordered(item: Text, command: UInt64)  // its outcome
    }
    struct State: Canonical {
        var counts = Table<Text, Count>()
        func encode<Encoder: CanonicalEncoder>(into encoder: inout Encoder) {
            encoder.encode("counts", table: counts) { $0 }
        }
    }
    struct Count: Canonical {
        var number: UInt64 = 0
        func encode<Encoder: CanonicalEncoder>(into encoder: inout Encoder) { encoder.encode("number", number) }
    }
    struct Change { var item: Text, before: UInt64 }

    static let rules: UInt32 = 1
    static var initial: State { State() }
    static func fold(_ entry: Entry<Message>, into state: inout State) -> [Change] {
        func add(_ item: Text, _ body: (inout UInt64) -> Void) -> [Change] {
            let before = state.counts[item, default: Count()].number
            body(&state.counts[item, default: Count()].number)
            return [Change(item: item, before: before)]
        }
        return switch entry.message {
        case .arrived(let item, let count): add(item) { $0 &+= count }
        case .taken(let item, let count): add(item) { $0 -= min($0, count) }
        case .order, .ordered: []
        }
    }
    static func decide(_ change: Change, _ entry: Entry<Message>, in state: borrowing State) -> [Message] {
        let now = state.counts[change.item]?.number ?? 0
        return change.before >= 10 && now < 10 ? [.order(item: change.item)] : []
    }
    static func describe(_ message: Message, in state: borrowing State) -> Description {
        switch message {
        case .arrived(let item, _): Description(stream: Stream("item", item), kind: "arrived", role: .fact)
        case .taken(let item, _): Description(stream: Stream("item", item), kind: "taken", role: .fact)
        case .order(let item): Description(stream: Stream("item", item), kind: "order", role: .command)
        case .ordered(let item, let command):
            Description(stream: Stream("item", item), kind: "ordered", role: .outcome(of: Position(command)))
        }
    }
    static func nextDeadline(in state: borrowing State) -> Deadline<Message>? { nil }
}
// example: end
