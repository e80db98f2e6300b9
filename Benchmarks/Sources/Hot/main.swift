import HotParts

// The hot parts of Backupy by themselves, each measured beside a limit by `run.sh`, or counted by `instructions.sh`.
// Prints one line of numbers; what they are stands with each measurement.

/// A part by the name that `instructions.sh` has for it, and the directory or the captures that it needs.
func part(_ name: String, place: String) throws -> any Part {
    switch name {
    case "turn": try Turns(directory: place, batch: 1_000)
    case "entry": try Entries(directory: place)
    case "frame": try Frames(captures: place)
    case "heartbeat": try Heartbeats(captures: place)
    case "chunk": Chunks()
    default: throw Complaint("no unit is called \(name)")
    }
}

do {
    var arguments = Array(CommandLine.arguments.dropFirst())
    let name = arguments.isEmpty ? "" : arguments.removeFirst()
    switch (name, arguments.count) {
    case ("turns", 3):
        var turns = try Turns(directory: arguments[0], batch: try number(arguments[1]))
        print(Int(try turns.rate(of: try number(arguments[2]))))
    case ("writers", 3):
        let (rate, latency) = try await Writers.run(
            directory: arguments[0], writers: try number(arguments[1]), count: try number(arguments[2]))
        print(Int(rate), latency)
    case ("read", 1): print(Int(try Reading.read(directory: arguments[0])))
    case ("record", 3):
        try Replays.record(directory: arguments[0], captures: arguments[1], count: try number(arguments[2]))
    case ("replay", 1):
        var replays = try Replays(directory: arguments[0])
        print(Int(try replays.entryRate()))
    case ("backup", 2):
        let (megabytes, peak) = try Backup.run(file: arguments[0], output: arguments[1])
        print(megabytes, peak)
    case ("unit", 3):
        var part = try part(arguments[0], place: arguments[2])
        try part.work(try number(arguments[1]))
    default:
        leave(
            2,
            """
            usage: Hot turns DIRECTORY BATCH COUNT       turns per second
                   Hot writers DIRECTORY WRITERS COUNT   turns per second, 99th percentile of the wait in microseconds
                   Hot read DIRECTORY                    entries per second
                   Hot record DIRECTORY CAPTURES COUNT   makes the log that `replay` reads
                   Hot replay DIRECTORY                  entries per second
                   Hot backup FILE OUTPUT                megabytes per second, peak of resident memory in MiB
                   Hot unit turn|frame|heartbeat|entry|chunk COUNT DIRECTORY
            """)
    }
} catch {
    leave(1, "Hot: \(error)")
}
