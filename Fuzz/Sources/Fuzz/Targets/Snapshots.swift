import Core
import Digests

@testable import Engine
@testable import Wire

extension Target {
    /// A snapshot, taken up as a start does, gone on from with entries and deadlines, and written again.
    ///
    /// The first byte says what it is: a whole file but for its checksum, the state in the file of a fleet's, or that of a
    /// station's. Two bytes choose a number of a state, and one more what stands in its place. Entries to go on with come
    /// behind their length, then the snapshot. Its checksum and the digest of its state are made here, so that neither
    /// keeps anything out.
    static let snapshot = Target(name: "snapshot", maximumByteCount: 16_384, seeds: snapshotSeeds) { bytes in
        var feed = Feed(bytes)
        let form = feed.byte()
        let choice = Int(feed.byte()) << 8 | Int(feed.byte())
        let number = numbers[Int(feed.byte()) % numbers.count]
        let entries = feed.piece()
        let rest = feed.remainder()
        switch form % 3 {
        case 0: file(rest, entries)
        case 1: state(of: Fleet.self, twisted(rest, choice, number), entries, by: FleetCodec())
        default: state(of: Station.self, twisted(rest, choice, number), entries, by: StationCodec())
        }
    }

    /// What arithmetic trips over: the ends of each width, and what lies next to them.
    private static let numbers: [UInt64] = [
        0, 1, .max, UInt64(Int64.max), UInt64(Int64.max) + 1, UInt64(Int64.max) - 1, .max - 1,
        UInt64(UInt32.max), UInt64(UInt32.max) + 1, UInt64(Int32.max), UInt64(bitPattern: Int64(Int32.min)),
        1 << 62, UInt64(bitPattern: -1 << 62),
    ]

    /// The state with another number in the chosen place; beyond the last one it stays as it is.
    private static func twisted(_ state: [UInt8], _ choice: Int, _ number: UInt64) -> [UInt8] {
        let places = numberPlaces(in: state)
        guard choice < places.count else { return state }
        var state = state
        for (index, shift) in stride(from: 56, through: 0, by: -8).enumerated() {
            state[places[choice] + index] = UInt8(truncatingIfNeeded: number >> shift)
        }
        return state
    }

    /// Where the numbers of a state begin, as ``SnapshotBytes`` writes it. Ends where it is not made of fields.
    private static func numberPlaces(in state: [UInt8]) -> [Int] {
        var places: [Int] = []
        var next = 0
        /// For each value that has begun: how many of its list or table follow, and whether each has an id before it.
        var begun: [(following: Int, hasID: Bool)] = []
        func length() -> Int {
            defer { next += 4 }
            return state.dropFirst(next).prefix(4).reduce(0) { $0 << 8 | Int($1) }
        }
        func skipContent() {
            let count = length()
            next += count
        }
        func begin(hasID: Bool) {
            let count = length()
            guard count > 0 else { return }
            begun.append((count - 1, hasID))
            if hasID { skipContent() }
        }
        while next < state.count {
            next += 1
            switch state[next - 1] {
            case 0, 3, 4: break
            case 1, 2:
                if next + 8 <= state.count { places.append(next) }
                next += 8
            case 5, 6: skipContent()
            case 7: begun.append((0, false))
            case 8:
                guard let value = begun.popLast() else { return places }
                guard value.following > 0 else { break }
                begun.append((value.following - 1, value.hasID))
                if value.hasID { skipContent() }
            case 9: begin(hasID: false)
            case 10: begin(hasID: true)
            default: return places
            }
        }
        return places
    }

    private static func file(_ bytes: [UInt8], _ entries: [UInt8]) {
        // No file ends with a checksum by chance, but it must be read without a trap.
        _ = try? Snapshot(bytes)
        let file = bytes + SHA256.digest(of: bytes).bytes
        guard var snapshot = try? Snapshot(file) else { return }
        promise(snapshot.encoded == file, "a file that is read is written again as it was")
        let state: Fleet.State? = try? SnapshotDecoder.value(of: snapshot.state)
        if let state { snapshot.header.digest = StateDigest(of: state).digest }
        let store = MemorySnapshots()
        store.write(snapshot.encoded, at: snapshot.header.end.position)
        do {
            let log = try MemoryLog(disk: storyDisk)
            let snapshots = Snapshots<Fleet, FleetCodec>(store: store, codec: FleetCodec())
            guard let folded = snapshots.restore(from: log) else { return }
            promise(state != nil, "what is taken up can be read")
            goOn(Fleet.self, from: folded, entries, by: FleetCodec(), on: log)
        } catch {
            fatalError("broken: a log in memory fails: \(error)")
        }
    }

    private static func state<M: Machine, MessageCodec: Codec>(
        of machine: M.Type, _ bytes: [UInt8], _ entries: [UInt8], by codec: MessageCodec
    ) where M.State: Restorable, MessageCodec.Message == M.Message {
        guard let state: M.State = try? SnapshotDecoder.value(of: bytes[...]) else { return }
        let folded = Folded<M>(state: state, outbox: [:], position: Position(1_000), recordedAt: snapshotTime)
        do throws(LogError) {
            goOn(machine, from: folded, entries, by: codec, on: try MemoryLog())
        } catch {
            fatalError("broken: a log in memory fails: \(error)")
        }
    }

    /// Folds what the log has behind the snapshot, then the entries, then what is due within a day.
    private static func goOn<M: Machine, MessageCodec: Codec>(
        _ machine: M.Type, from folded: Folded<M>, _ entries: [UInt8], by codec: MessageCodec, on log: MemoryLog
    ) where M.State: Restorable, MessageCodec.Message == M.Message {
        comesBack(folded.state)
        do {
            var kernel = try Kernel<M, MemoryLog, MessageCodec>(
                log: log, codec: codec, start: FoldStart { _ in folded })
            var feed = Feed(entries)
            // As the engine's time: the clock's, but never before what the snapshot says.
            var moment = max(snapshotTime, kernel.recordedAt ?? snapshotTime)
            for _ in 0..<16 where !feed.isEmpty {
                guard let message = try? codec.decode(feed.piece(), kind: "kind") else { continue }
                // Whatever command an outcome is of, it waited for that.
                if case .outcome(let command) = M.describe(message, in: kernel.state).role {
                    kernel.current.outbox[command] = message
                }
                moment = moment + .minutes(15)
                _ = try kernel.turn(message, at: moment)
            }
            let passed = try kernel.passDeadlines(at: moment + .hours(24), limit: 64)
            promise(passed != .stuck, "a deadline goes away when it has passed")
            comesBack(kernel.state)
        } catch {
            fatalError("broken: a log in memory fails: \(error)")
        }
    }

    private static func comesBack<State: Restorable>(_ state: State) {
        let bytes = SnapshotBytes.fields(of: state)
        do throws(CanonicalError) {
            let restored: State = try SnapshotDecoder.value(of: bytes[...])
            promise(SnapshotBytes.fields(of: restored) == bytes, "a state that is restored is written as it was")
            promise(StateDigest(of: restored) == StateDigest(of: state), "and has the same digest")
        } catch {
            fatalError("broken: a state is not read again: \(error)")
        }
    }

    /// When a state without a file was recorded.
    private static let snapshotTime = Timestamp(milliseconds: 1_800_000_000_000)

    /// The log that files belong to: the beginning of the story, in several commits.
    private static let storyDisk: MemoryDisk = {
        let disk = MemoryDisk()
        do {
            let log = try MemoryLog(disk: disk)
            let entries = try Story.log().prefix(400)
            for start in stride(from: 0, to: entries.count, by: 40) {
                var batch = Batch(after: log.head.link)
                for entry in entries[start...].prefix(40) { batch.append(entry) }
                try log.commit(batch)
            }
        } catch {
            fatalError("the story cannot be told: \(error)")
        }
        return disk
    }()

    /// Of each log the states at a few places, with the entries that follow there; and files of the story.
    private static func snapshotSeeds() throws -> [[UInt8]] {
        var seeds: [[UInt8]] = []
        for log in try Seeds.logs() + Seeds.keptLogs() + [Story.log()] {
            let entries = try log.map { try FleetCodec().decode($0) }
            seeds += states(of: Fleet.self, entries, by: FleetCodec(), form: 1)
        }
        let log = try MemoryLog(disk: storyDisk)
        var folded = Folded<Fleet>()
        for encoded in log.read(after: .start, limit: .max) {
            folded.apply(try FleetCodec().decode(encoded))
            let end = log.commit(upTo: folded.position)
            guard end.position == folded.position else { continue }
            let bytes = SnapshotBytes.fields(of: folded.state)
            seeds.append(
                [0, 0xFF, 0xFF, 0] + Feed.piece([]) + Snapshot(of: folded, at: end, state: bytes).encoded.dropLast(32))
        }
        let story = Target.stationStory.enumerated().map { index, message in
            Entry(
                position: Position(UInt64(index + 1)), recordedAt: snapshotTime, stream: Core.Stream("station"),
                revision: .none,
                cause: nil, kind: "kind", message: message)
        }
        return seeds + states(of: Station.self, story, by: StationCodec(), form: 2)
    }

    private static func states<M: Machine, MessageCodec: Codec>(
        of machine: M.Type, _ log: [Entry<M.Message>], by codec: MessageCodec, form: UInt8
    ) -> [[UInt8]] where M.State: Restorable, MessageCodec.Message == M.Message {
        var state = M.initial
        var seeds: [[UInt8]] = []
        for (index, entry) in log.enumerated() {
            if index.isMultiple(of: max(1, log.count / 8)) {
                let next = log[index...].prefix(8).flatMap { Feed.piece(codec.encode($0.message)) }
                seeds.append([form, 0xFF, 0xFF, 0] + Feed.piece(next) + SnapshotBytes.fields(of: state))
            }
            _ = M.fold(entry, into: &state)
        }
        return seeds
    }
}
