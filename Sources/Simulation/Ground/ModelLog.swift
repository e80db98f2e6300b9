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
    func kernel<M: Machine, MessageCodec: Codec>(
        _ machine: M.Type, _ codec: MessageCodec
    ) throws -> Kernel<M, ModelLog, MessageCodec> where M.State: Restorable, MessageCodec.Message == M.Message {
        let snapshots = Snapshots<M, MessageCodec>(store: snapshots, codec: codec)
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
        // A snapshot's pending commands are read from the log.
        let pending = folded.outbox.keys.min().map { Position($0.number - 1) } ?? older
        forget(upTo: min(older, pending))
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
