import Core
import Engine
import Wire

/// A process's log on its ``ModelDisk``.
struct ModelLog: EventLog, Sendable {
    let disk: ModelDisk
    private(set) var head: LogHead

    /// Opens what is on the disk.
    init(disk: ModelDisk) {
        disk.recover()
        self.disk = disk
        head = disk.head
    }

    mutating func commit(_ batch: borrowing Batch) throws(LogError) {
        try disk.commit(batch)
        head = disk.head
    }

    func lastRevision(of stream: Stream) -> Revision { disk.lastRevision(of: stream) }
    func makeReader() -> any LogReader & Sendable { disk }
    func lastPosition() -> Position { disk.lastPosition() }
    func commit(upTo position: Position) -> CommitEnd { disk.commit(upTo: position) }

    func read(after position: Position, limit: Int) throws(LogError) -> [EncodedEntry] {
        try disk.read(after: position, limit: limit)
    }

    func read(stream: Stream, after position: Position, limit: Int) throws(LogError) -> [EncodedEntry] {
        try disk.read(stream: stream, after: position, limit: limit)
    }
}

typealias FleetKernel = Kernel<Fleet, ModelLog, FleetCodec>
typealias StationKernel = Kernel<Station, ModelLog, StationCodec>

extension ModelDisk {
    /// Folds what is on the disk, from the newest snapshot on.
    ///
    /// - Parameter start: The snapshots to look through; nil: those of the disk.
    func kernel<M: Machine, MessageCodec: Codec>(
        _ machine: M.Type, _ codec: MessageCodec, from start: MemorySnapshots? = nil
    ) throws -> Kernel<M, ModelLog, MessageCodec> where M.State: Restorable, MessageCodec.Message == M.Message {
        let snapshots = Snapshots<M, MessageCodec>(store: start ?? snapshots, codec: codec)
        return try Kernel(log: ModelLog(disk: self), codec: codec, start: FoldStart { snapshots.restore(from: $0) })
    }

    /// Keeps what a commit has ended with.
    ///
    /// - Parameter keepsAll: Else what lies behind the older snapshot, and is nowhere needed, is dropped.
    func keep<M: Machine, MessageCodec: Codec>(
        _ folded: Folded<M>, _ codec: MessageCodec, keepsAll: Bool
    ) throws where M.State: Restorable, MessageCodec.Message == M.Message {
        try Snapshots<M, MessageCodec>(store: snapshots, codec: codec).save(folded, in: self)
        guard !keepsAll, let older = snapshots.positions().last, older < folded.position else { return }
        // A snapshot is good only where the entry that it ends with and its pending commands can be read, and the older one
        // is what is left when the newer one is damaged.
        let former = try Snapshot(snapshots.read(older)).pending.min()
        let needed = [older, former, folded.outbox.keys.min()].compactMap(\.self).min() ?? older
        forget(upTo: Position(needed.number - 1))
    }

    /// Of its snapshots only the newest one before a position; none where the whole log is kept. Nil when nothing that is
    /// kept lies before.
    func snapshots(before position: Position) -> MemorySnapshots? {
        let found = MemorySnapshots()
        if let former = snapshots.positions().first(where: { $0 < position }) {
            found.write(snapshots.read(former), at: former)
        } else if base > .start {
            return nil
        }
        return found
    }

    /// All entries behind a position.
    func entries(after position: Position) throws(LogError) -> [EncodedEntry] {
        var entries: [EncodedEntry] = []
        while true {
            let more = try read(after: entries.last?.position ?? position, limit: .max)
            if more.isEmpty { return entries }
            entries += more
        }
    }
}
