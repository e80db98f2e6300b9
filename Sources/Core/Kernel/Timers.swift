/// Armed deadlines, at most one a key, soonest first; equal times in the order of their keys.
///
/// An indexed binary heap: arming, moving and disarming take logarithmic time. It is derived from the entities, so the
/// canonical encoding leaves it out.
public struct Timers<Key: Hashable & Comparable & Sendable>: Sendable {
    /// One armed deadline.
    public struct Timer: Sendable {
        /// When it is due.
        public var due: Timestamp
        /// What it is for.
        public var key: Key
        /// The entry that armed it.
        public var armedBy: Position
    }

    /// A timer in the heap. What its key is found by stays the same while it moves: moving then hashes nothing.
    private struct Node: Sendable {
        var timer: Timer
        var ticket: Int
    }

    private var heap: [Node] = []
    private var tickets: [Key: Int] = [:]
    /// The place in the heap, by ticket.
    private var places: [Int] = []
    private var freeTickets: [Int] = []

    /// No deadlines.
    public init() {}

    /// How many are armed.
    public var count: Int { heap.count }

    /// The soonest one.
    public var first: Timer? { heap.first?.timer }

    /// All of them, soonest first.
    public var inOrder: [Timer] { heap.sorted(by: precedes).map(\.timer) }

    /// The deadline of this key.
    public func due(_ key: Key) -> Timestamp? { tickets[key].map { heap[places[$0]].timer.due } }

    /// Arms the key, or moves it.
    public mutating func arm(_ key: Key, due: Timestamp, by position: Position) {
        let timer = Timer(due: due, key: key, armedBy: position)
        if let ticket = tickets[key] {
            let place = places[ticket]
            heap[place].timer = timer
            rise(sink(place))
        } else {
            let ticket = freeTickets.popLast() ?? places.count
            if ticket == places.count { places.append(heap.count) } else { places[ticket] = heap.count }
            tickets[key] = ticket
            heap.append(Node(timer: timer, ticket: ticket))
            rise(heap.count - 1)
        }
    }

    /// Disarms the key; nothing happens when it is not armed.
    public mutating func disarm(_ key: Key) {
        guard let ticket = tickets.removeValue(forKey: key) else { return }
        freeTickets.append(ticket)
        let place = places[ticket]
        let last = heap.removeLast()
        guard place < heap.count else { return }
        heap[place] = last
        places[last.ticket] = place
        rise(sink(place))
    }

    private func precedes(_ left: Node, _ right: Node) -> Bool {
        left.timer.due == right.timer.due ? left.timer.key < right.timer.key : left.timer.due < right.timer.due
    }

    private mutating func swap(_ left: Int, _ right: Int) {
        heap.swapAt(left, right)
        places[heap[left].ticket] = left
        places[heap[right].ticket] = right
    }

    private mutating func rise(_ start: Int) {
        var place = start
        while place > 0, precedes(heap[place], heap[(place - 1) / 2]) {
            swap(place, (place - 1) / 2)
            place = (place - 1) / 2
        }
    }

    @discardableResult
    private mutating func sink(_ start: Int) -> Int {
        var place = start
        while true {
            var least = place
            for child in [2 * place + 1, 2 * place + 2]
            where child < heap.count && precedes(heap[child], heap[least]) {
                least = child
            }
            if least == place { return place }
            swap(place, least)
            place = least
        }
    }
}
