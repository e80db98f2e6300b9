import Core
import Synchronization

/// Hands commands to the worker: those of one lane one after the other in the order of the log, lanes side by side.
@usableFromInline
final class WorkerHost<Message: Hashable & Sendable>: Sendable {
    /// The commands of one lane that wait. Taking the first copies nothing but once in a while, when half are gone.
    private struct Lane: Sendable {
        private var deliveries: [Delivery<Message>] = []
        private var first = 0

        mutating func append(_ delivery: Delivery<Message>) { deliveries.append(delivery) }

        mutating func popFirst() -> Delivery<Message>? {
            guard first < deliveries.count else { return nil }
            defer {
                first += 1
                if first >= 64, first * 2 >= deliveries.count {
                    deliveries.removeFirst(first)
                    first = 0
                }
            }
            return deliveries[first]
        }
    }

    private struct State: Sendable {
        var lanes: [Text: Lane] = [:]
        var tasks: [UInt64: Task<Void, Never>] = [:]
        var taskCount: UInt64 = 0
        var submit: (@Sendable (Message) -> Void)?
        var hasEnded = false
    }

    private let worker: any Worker<Message>
    private let state = Mutex(State())

    init(worker: any Worker<Message>) { self.worker = worker }

    @usableFromInline
    func begin(submit: @escaping @Sendable (Message) -> Void) { state.withLock { $0.submit = submit } }

    @usableFromInline
    func deliver(_ delivery: Delivery<Message>) {
        let lane = worker.lane(for: delivery.message)
        state.withLock { state in
            guard !state.hasEnded else { return }
            if let lane {
                let isIdle = state.lanes[lane] == nil
                state.lanes[lane, default: Lane()].append(delivery)
                guard isIdle else { return }
            }
            state.taskCount &+= 1
            let id = state.taskCount
            state.tasks[id] = Task { [self] in
                if let lane { await drain(lane) } else { await perform(delivery) }
                self.state.withLock { $0.tasks[id] = nil }
            }
        }
    }

    private func drain(_ lane: Text) async {
        while let delivery = next(in: lane) {
            await perform(delivery)
        }
    }

    private func next(in lane: Text) -> Delivery<Message>? {
        state.withLock { state in
            if !state.hasEnded, let first = state.lanes[lane]?.popFirst() { return first }
            state.lanes[lane] = nil
            return nil
        }
    }

    private func perform(_ delivery: Delivery<Message>) async {
        guard let submit = state.withLock({ $0.submit }) else { return }
        do {
            let outcome = try await worker.perform(delivery, report: submit)
            submit(outcome)
        } catch {
            // Cancelled: the command stays pending and goes out again at the next start.
        }
    }

    /// Cancels what is being done and waits until it has stopped.
    func end() async {
        let tasks = state.withLock { state in
            state.hasEnded = true
            state.lanes = [:]
            return Array(state.tasks.values)
        }
        for task in tasks { task.cancel() }
        for task in tasks { await task.value }
    }
}
