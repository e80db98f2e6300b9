import Core
import Engine
import Synchronization

/// The committed state, folded beside the engine, for whoever needs to look something up.
///
/// The engine tells what it committed before it hands out the commands in it, so a worker finds here what its command is
/// about.
final class StationMirror: Sendable {
    private let state = Mutex(Station.initial)

    /// Starts from the state that the log had. Holds off what is committed meanwhile.
    func start(_ initial: () throws -> Station.State) rethrows {
        try state.withLock { $0 = try initial() }
    }

    /// Takes in what was committed.
    func observe(_ recorded: [Recorded<Station.Message>]) {
        state.withLock { state in
            for item in recorded { _ = Station.fold(item.entry, into: &state) }
        }
    }

    /// One run of the journal.
    func run(_ id: Text) -> Station.Run? { state.withLock { $0.runs[id] } }

    /// Jobs with runs under way, each once, and how many runs wait.
    func load() -> (activeJobs: [Text], waitingCount: Int) {
        state.withLock { state in
            var jobs: Set<Text> = []
            state.runs.forEach { _, run in
                if run.holdsSlot { jobs.insert(run.order.job) }
            }
            return (jobs.sorted(), state.waiting.count)
        }
    }
}
