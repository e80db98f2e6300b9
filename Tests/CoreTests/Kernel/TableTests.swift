import Core
import Testing

@Suite("Table")
struct TableTests {
    @Test("iterates in the order of creation, whatever was removed between")
    func order() {
        var table = Table<Text, Int>()
        for number in 0..<100 { table[Text("k\(number)")] = number }
        for number in stride(from: 0, to: 100, by: 3) { table[Text("k\(number)")] = nil }
        table["k0"] = 1_000
        var seen: [Int] = []
        table.forEach { _, value in seen.append(value) }
        #expect(seen == (0..<100).filter { $0 % 3 != 0 } + [1_000])
        #expect(table.count == seen.count)
        #expect(table.idsByCreation.last == "k0")
    }

    @Test("changes in place, and makes what is missing")
    func change() {
        var table = Table<Text, [Int]>()
        table["a", default: []].append(1)
        table["a", default: []].append(2)
        table["b"]?.append(3)
        table["a"]?.append(4)
        #expect(table["a"] == [1, 2, 4])
        #expect(table["b"] == nil)
        table["a"] = nil
        #expect(table.isEmpty)
    }

    @Test("finds everything after its gaps were closed")
    func compaction() {
        var table = Table<Text, Int>()
        for number in 0..<1_000 { table[Text("k\(number)")] = number }
        for number in 0..<990 { table[Text("k\(number)")] = nil }
        #expect((990..<1_000).map { table[Text("k\($0)")] } == Array(990..<1_000))
        #expect(table.idsSorted == (990..<1_000).map { Text("k\($0)") })
    }
}

@Suite("Timers")
struct TimersTests {
    @Test("give the soonest first, equal times in the order of their keys, as a sorted list would")
    func model() {
        var timers = Timers<Text>()
        var model: [Text: Int64] = [:]
        var bits: UInt64 = 1
        for step in 0..<5_000 {
            bits = Mix.bits(seed: bits, counter: UInt64(step))
            let key = Text("k\(bits % 50)")
            if bits % 7 == 0 {
                timers.disarm(key)
                model[key] = nil
            } else {
                let due = Int64(bits >> 32) % 100
                timers.arm(key, due: Timestamp(milliseconds: due), by: Position(UInt64(step)))
                model[key] = due
            }
            let soonest = model.min { ($0.value, $0.key) < ($1.value, $1.key) }
            #expect(timers.first?.key == soonest?.key)
            #expect(timers.first?.due.milliseconds == soonest?.value)
            #expect(timers.count == model.count)
            #expect(timers.due(key)?.milliseconds == model[key])
        }
        let ordered = model.sorted { ($0.value, $0.key) < ($1.value, $1.key) }
        #expect(timers.inOrder.map(\.key) == ordered.map(\.key))
    }
}

@Suite("Text and identifiers")
struct TextTests {
    @Test("Composed and decomposed forms are two texts")
    func forms() {
        #expect(Text("\u{E9}") != Text("e\u{301}"))
        #expect(Set([Text("\u{E9}"), Text("e\u{301}")]).count == 2)
        #expect(Text("Z") < Text("a"))
    }

    @Test("A cut never splits a character's scalars", arguments: 0...9)
    func cut(limit: Int) {
        let text = Text("aé漢😀").prefix(byteCount: limit)
        #expect(text.byteCount <= limit)
        #expect("aé漢😀".hasPrefix(text.string))
    }

    @Test("Identifiers have prefix and 11 base62 characters, and differ")
    func identifiers() {
        #expect(RunID(bits: 0).text == "run_00000000000")
        #expect(RunID(bits: .max).text == "run_LygHa16AHYF")
        #expect(Mix.bits(seed: 7, counter: 1) != Mix.bits(seed: 7, counter: 2))
    }

    @Test(
        "Only our own form of a wire run id has parts",
        arguments: [
            ("run_a-1", "run_a", 1), ("run_a-12", "run_a", 12), ("a-b-3", "a-b", 3), ("run_a-01", nil, 0),
            ("run_a-0", nil, 0), ("run_a-", nil, 0), ("run_a", nil, 0), ("-1", nil, 0), ("run_a-4294967296", nil, 0),
            ("run_a-+1", nil, 0), ("", nil, 0),
        ] as [(String, String?, UInt32)])
    func wire(text: String, run: String?, attempt: UInt32) {
        let parts = WireRunID(Text(text)).parts
        #expect(parts?.run.text.string == run)
        if run != nil { #expect(parts?.attempt.number == attempt) }
    }
}

@Suite("Time")
struct TimestampTests {
    @Test("Sums and differences are clamped instead of trapping")
    func clamped() {
        let end = Timestamp(milliseconds: .max)
        #expect(end + .hours(1) == end)
        #expect(Timestamp(milliseconds: .min) - end == Milliseconds(.min))
        #expect(end - Timestamp(milliseconds: .min) == Milliseconds(.max))
        #expect(Milliseconds.seconds(.max).count == .max)
        #expect(Milliseconds(.min).magnitude == Milliseconds(.max))
        #expect(Timestamp(clamping: .max) == end)
    }
}
