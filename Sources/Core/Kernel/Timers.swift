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

    private var heap: [Timer] = []
    private var places: [Key: Int] = [:]

    /// No deadlines.
    public init() {}

    /// How many are armed.
    public var count: Int { heap.count }

    /// The soonest one.
    public var first: Timer? { heap.first }

    /// All of them, soonest first.
    public var inOrder: [Timer] { heap.sorted(by: precedes) }

    /// The deadline of this key.
    public func due(_ key: Key) -> Timestamp? { places[key].map { heap[$0].due } }

    /// Arms the key, or moves it.
    public mutating func arm(_ key: Key, due: Timestamp, by position: Position) {
        let timer = Timer(due: due, key: key, armedBy: position)
        if let place = places[key] {
            heap[place] = timer
            rise(sink(place))
        } else {
            heap.append(timer)
            places[key] = heap.count - 1
            rise(heap.count - 1)
        }
    }

    /// Disarms the key; nothing happens when it is not armed.
    public mutating func disarm(_ key: Key) {
        guard let place = places.removeValue(forKey: key) else { return }
        let last = heap.removeLast()
        guard place < heap.count else { return }
        heap[place] = last
        places[last.key] = place
        rise(sink(place))
    }

    private func precedes(_ left: Timer, _ right: Timer) -> Bool {
        left.due == right.due ? left.key < right.key : left.due < right.due
    }

    private mutating func swap(_ left: Int, _ right: Int) {
        heap.swapAt(left, right)
        places[heap[left].key] = left
        places[heap[right].key] = right
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
