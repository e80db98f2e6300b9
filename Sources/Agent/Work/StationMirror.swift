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

    /// The job of a run whose dump an earlier process was told to begin; nil for any other run.
    func jobBegunBefore(_ id: Text) -> Text? {
        state.withLock { state in
            guard let run = state.runs[id], run.begunAt != nil, run.begunInStart < state.startCount else { return nil }
            return run.order.job
        }
    }

    /// What `active_job_ids` lists, and how many runs wait. These are run ids of the wire, of all runs that are not over:
    /// by them the server knows that it is in touch with a run again, and else gives it up after its grace.
    func load() -> (activeJobs: [Text], waitingCount: Int) {
        state.withLock { state in
            (state.runs.idsByCreation.filter { state.runs[$0]?.isOpen == true }, state.waiting.count)
        }
    }
}
