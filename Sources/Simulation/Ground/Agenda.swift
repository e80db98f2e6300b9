import Core

/// What is to happen when: soonest first, equal times in the order in which they were added.
struct Agenda<Item: Sendable>: Sendable {
    /// Small, since the heap moves it about; the item itself stays where it is.
    private struct Slot {
        var due: Timestamp
        var order: UInt64
        var place: Int

        func precedes(_ other: Slot) -> Bool { due == other.due ? order < other.order : due < other.due }
    }

    private var heap: [Slot] = []
    private var items: [Item?] = []
    private var freePlaces: [Int] = []
    private var addedCount: UInt64 = 0

    /// When the soonest is due.
    var nextDue: Timestamp? { heap.first?.due }

    mutating func add(_ item: Item, at due: Timestamp) {
        addedCount += 1
        let place: Int
        if let free = freePlaces.popLast() {
            place = free
            items[place] = item
        } else {
            place = items.count
            items.append(item)
        }
        let slot = Slot(due: due, order: addedCount, place: place)
        heap.append(slot)
        var child = heap.count - 1
        while child > 0, slot.precedes(heap[(child - 1) / 2]) {
            heap[child] = heap[(child - 1) / 2]
            child = (child - 1) / 2
        }
        heap[child] = slot
    }

    mutating func removeFirst() -> Item? {
        guard let first = heap.first, let last = heap.popLast() else { return nil }
        if !heap.isEmpty { sink(last) }
        freePlaces.append(first.place)
        defer { items[first.place] = nil }
        return items[first.place]
    }

    /// Puts a slot in the first place and lets it sink to its own.
    private mutating func sink(_ slot: Slot) {
        var place = 0
        while true {
            var least = 2 * place + 1
            guard least < heap.count else { break }
            if least + 1 < heap.count, heap[least + 1].precedes(heap[least]) { least += 1 }
            guard heap[least].precedes(slot) else { break }
            heap[place] = heap[least]
            place = least
        }
        heap[place] = slot
    }
}
