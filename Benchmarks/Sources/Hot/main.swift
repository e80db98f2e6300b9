import Glibc

// The hot parts of Backupy by themselves, each measured beside a limit by `run.sh`, or counted by `instructions.sh`.
// Prints one line of numbers; what they are stands with each measurement.

do {
    var arguments = Array(CommandLine.arguments.dropFirst())
    let name = arguments.isEmpty ? "" : arguments.removeFirst()
    switch (name, arguments.count) {
    case ("turns", 3):
        print(
            Int(
                try Turns.run(directory: arguments[0], batch: try number(arguments[1]), count: try number(arguments[2]))
            ))
    case ("writers", 3):
        let (rate, latency) = try await Writers.run(
            directory: arguments[0], writers: try number(arguments[1]), count: try number(arguments[2]))
        print(Int(rate), latency)
    case ("read", 1): print(Int(try Reading.read(directory: arguments[0])))
    case ("record", 3):
        try Reading.record(
            directory: arguments[0], captures: arguments[1], count: try number(arguments[2]))
    case ("replay", 1): print(Int(try Reading.replay(directory: arguments[0])))
    case ("backup", 2):
        let (megabytes, peak) = try Backup.run(file: arguments[0], output: arguments[1])
        print(megabytes, peak)
    case ("unit", 3):
        try Units.run(arguments[0], count: try number(arguments[1]), directory: arguments[2])
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
