import Core

/// What is to happen when: soonest first, equal times in the order in which they were added.
struct Agenda<Item: Sendable>: Sendable {
    private struct Slot {
        var due: Timestamp
        var order: UInt64
        var item: Item

        func precedes(_ other: Slot) -> Bool { due == other.due ? order < other.order : due < other.due }
    }

    private var heap: [Slot] = []
    private var addedCount: UInt64 = 0

    /// When the soonest is due.
    var nextDue: Timestamp? { heap.first?.due }

    mutating func add(_ item: Item, at due: Timestamp) {
        addedCount += 1
        heap.append(Slot(due: due, order: addedCount, item: item))
        var place = heap.count - 1
        while place > 0, heap[place].precedes(heap[(place - 1) / 2]) {
            heap.swapAt(place, (place - 1) / 2)
            place = (place - 1) / 2
        }
    }

    mutating func removeFirst() -> Item? {
        guard let last = heap.popLast() else { return nil }
        guard let first = heap.first else { return last.item }
        heap[0] = last
        var place = 0
        while true {
            var least = place
            for child in [2 * place + 1, 2 * place + 2]
            where child < heap.count && heap[child].precedes(heap[least]) {
                least = child
            }
            if least == place { return first.item }
            heap.swapAt(place, least)
            place = least
        }
    }
}
