import Core
import Digests
import Engine
import SQLiteLog
import Wire

// Makes a long log in a data directory, and takes its parts up as a start does. `Benchmarks/long-log.sh` measures with it.
//
//     long-log make DIRECTORY COUNT [AGENTS]   at least so many entries: heartbeats each 30 s, ten runs a day an agent
//     long-log fold DIRECTORY                  folds all of them
//     long-log keep DIRECTORY                  the same, and keeps a snapshot of the last commit
//     long-log take DIRECTORY                  takes the snapshot up, and folds what is behind it
let arguments = CommandLine.arguments
guard arguments.count >= 3 else { throw SnapshotError("long-log make|fold|keep|take DIRECTORY [COUNT] [AGENTS]") }
let snapshots = Snapshots<Fleet, FleetCodec>(
    store: SnapshotDirectory(path: arguments[2] + "/" + SnapshotDirectory.folderName), codec: FleetCodec())
let log = try SQLiteEventLog(directory: arguments[2])
switch arguments[1] {
case "make":
    let count = arguments.count > 3 ? UInt64(arguments[3]) ?? 0 : 0
    var traffic = try Traffic(log: log, agentCount: arguments.count > 4 ? UInt64(arguments[4]) ?? 0 : 200)
    try traffic.run(entryCount: count)
    print("\(log.head.position) entries")
case "fold", "keep":
    let kernel = try Kernel<Fleet, SQLiteEventLog, FleetCodec>(log: log, codec: FleetCodec())
    print("folded \(kernel.folded.position) entries: \(StateDigest(of: kernel.state))")
    if arguments[1] == "keep" { try snapshots.save(kernel.folded, in: log) }
case "take":
    let kernel = try Kernel<Fleet, SQLiteEventLog, FleetCodec>(
        log: log, codec: FleetCodec(), start: FoldStart { snapshots.restore(from: $0) })
    print("taken up to \(kernel.folded.position): \(StateDigest(of: kernel.state))")
case let other:
    throw SnapshotError("“\(other)” is none of make, fold, keep, take")
}
