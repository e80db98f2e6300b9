import Core
import Synchronization
import Wire
import Workers

/// What only this process knows about runs that are not over: URLs, keys, and the tasks at work. Never written down.
final class Pouch: Sendable {
    /// Why a run is to stop.
    enum Stop: Hashable, Sendable {
        case cancelled
        case timedOut(seconds: UInt32)
        /// Nothing can be uploaded any more.
        case expired
    }

    /// A job and its target as they were when the run was told; later changes do not touch it.
    struct Work: Hashable, Sendable {
        var job: StationSettings.Job
        var target: StationSettings.Target
    }

    /// One run.
    struct Item: Sendable {
        var order: BackupOrder
        var work: Result<Work, RunFailure>
        /// Until when its object can be uploaded, by the monotonic clock; nil when the server does not say.
        var uploadEnd: Duration?
        /// Post-hooks are owed.
        var hooksBegan = false
        var stop: Stop?
        /// Why its upload is still under way: what the last try failed with.
        var uploadProblem: String?
        var task: Task<Station.Outcome, any Error>?
        var timer: Task<Void, Never>?

        init(order: BackupOrder, work: Result<Work, RunFailure>, uploadEnd: Duration?) {
            self.order = order
            self.work = work
            self.uploadEnd = uploadEnd
        }
    }

    private let items = Mutex<[Text: Item]>([:])

    /// The run's item.
    subscript(run: Text) -> Item? { items.withLock { $0[run] } }

    /// Keeps an item; false when the run is known, whose secrets then stay as they are.
    func keep(_ item: Item) -> Bool {
        items.withLock { items in
            guard items[item.order.runID] == nil else { return false }
            items[item.order.runID] = item
            return true
        }
    }

    /// Post-hooks are owed from now on.
    func noteHooks(of run: Text) { items.withLock { $0[run]?.hooksBegan = true } }

    /// Why the last try of its upload failed.
    func noteProblem(of run: Text, _ problem: String) { items.withLock { $0[run]?.uploadProblem = problem } }

    /// The task that works on the run; it is cancelled at once when the run is to stop already.
    func work(on run: Text, _ task: Task<Station.Outcome, any Error>?) {
        let mustStop = items.withLock { items in
            items[run]?.task = task
            return items[run]?.stop != nil
        }
        if mustStop { task?.cancel() }
    }

    /// The timer that ends the run.
    func time(_ run: Text, _ timer: Task<Void, Never>) {
        let isKept = items.withLock { items in
            items[run]?.timer = timer
            return items[run] != nil
        }
        if !isKept { timer.cancel() }
    }

    /// Ends the work on a run. The first reason counts.
    func stop(_ run: Text, _ reason: Stop) {
        let task = items.withLock { items in
            if items[run]?.stop == nil { items[run]?.stop = reason }
            return items[run]?.task
        }
        task?.cancel()
    }

    /// Forgets a run's secrets.
    @discardableResult
    func remove(_ run: Text) -> Item? {
        let item = items.withLock { $0.removeValue(forKey: run) }
        item?.timer?.cancel()
        return item
    }
}
