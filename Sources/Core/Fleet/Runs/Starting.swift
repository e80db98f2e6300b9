/// Which queued runs start, and what the others wait for.
extension Fleet {
    /// What a run waits for that has no attempt in hand.
    public enum Wait: String, Hashable, Sendable, CaseIterable {
        /// Its agent is not connected, could not be sent anything a moment ago, was not sent its configuration yet, or has
        /// not said what it is working on.
        case agent
        /// Its agent does as much as it may at the same time.
        case slot
        /// Another run of the same target, or an attempt that was given up and that the agent still lists.
        case target
        /// The end of its agent's maintenance.
        case window
        /// The fleet's limit of starts.
        case fleet
        /// The time of its next attempt.
        case retry
    }

    /// What a run waits for; nil when it has an attempt in hand, or is just about to start.
    public static func wait(of id: RunID, at moment: Timestamp, in state: borrowing State) -> Wait? {
        guard let run = state.runs[id] else { return nil }
        if run.nextAttemptAt != nil { return .retry }
        guard run.phase == .queued else { return nil }
        guard let agent = state.agents[run.order.agent], agent.takesRuns(at: moment) else { return .agent }
        if isInMaintenance(agent, at: moment) { return .window }
        if freeSlots(of: agent, in: state) == 0 { return .slot }
        if !Occupancy(of: agent, in: state).admits(run.order) { return .target }
        return state.timers.due(.starts) == nil ? nil : .fleet
    }

    /// As many of an agent's queued runs as may start now.
    static func startQueued(of id: AgentID, at moment: Timestamp, in state: borrowing State) -> [Message] {
        // Others are waiting for their turn, and this agent with them.
        guard state.timers.due(.starts) == nil else { return [] }
        guard var queue = Queue(of: id, at: moment, in: state) else { return [] }
        var messages: [Message] = []
        for _ in 0..<state.startBudget.available(at: moment, state.policy) {
            guard let start = queue.next() else { break }
            messages.append(start)
        }
        return messages
    }

    /// The same for all agents, in turn, each one run at a time: those first that were served longest ago.
    static func startAll(at moment: Timestamp, in state: borrowing State) -> [Message] {
        var budget = state.startBudget.available(at: moment, state.policy)
        var messages: [Message] = []
        var queues: [Queue] = []
        for id in state.queueing where budget > 0 {
            guard var queue = Queue(of: id, at: moment, in: state), let start = queue.next() else { continue }
            messages.append(start)
            queues.append(queue)
            budget -= 1
        }
        var isDone = false
        while budget > 0, !isDone {
            isDone = true
            for place in queues.indices where budget > 0 {
                guard let start = queues[place].next() else { continue }
                messages.append(start)
                budget -= 1
                isDone = false
            }
        }
        return messages
    }

    /// Of attempts that an agent was sent and has lost, those that may begin there anew: not beside one that was given up
    /// and goes on at the same target, and no more than there are places besides such ones.
    static func admitted(
        _ lost: [ListedAttempt], of agent: Agent, in state: borrowing State
    ) -> [ListedAttempt] {
        let strays = state.strays(of: agent)
        guard !strays.isEmpty else { return lost }
        let occupancy = Occupancy(of: strays, in: state)
        let others = Int(agent.inFlightCount) - lost.count + strays.count
        var places = Int(agent.settings.maxParallelJobs) - others
        var admitted: [ListedAttempt] = []
        for item in lost where places > 0 {
            guard let order = state.runs[item.run]?.order, occupancy.admits(order) else { continue }
            admitted.append(item)
            places -= 1
        }
        return admitted
    }

    private static func isInMaintenance(_ agent: Agent, at moment: Timestamp) -> Bool {
        MaintenanceWindow(agent.settings)?.contains(moment) ?? false
    }

    private static func freeSlots(of agent: Agent, in state: borrowing State) -> UInt32 {
        let limit = agent.settings.maxParallelJobs
        let rest = limit - min(agent.inFlightCount, limit)
        return rest - min(UInt32(clamping: state.strays(of: agent).count), rest)
    }

    /// What an agent is working on.
    private struct Occupancy {
        private var jobsByTarget: [TargetID: [JobID]] = [:]
        private var countByJob: [JobID: Int] = [:]

        /// What was given up and goes on.
        init(of strays: [ListedAttempt], in state: borrowing State) {
            for item in strays {
                if let run = state.runs[item.run] { add(run.order) }
            }
        }

        init(of agent: Agent, in state: borrowing State) {
            self.init(of: state.strays(of: agent), in: state)
            guard agent.inFlightCount > 0 else { return }
            for id in agent.openRuns {
                if let run = state.runs[id], run.attemptInFlight != nil { add(run.order) }
            }
        }

        mutating func add(_ order: RunOrder) {
            jobsByTarget[order.target, default: []].append(order.job)
            countByJob[order.job, default: 0] += 1
        }

        /// How many runs of a job are being worked on.
        func count(of job: JobID) -> Int { countByJob[job] ?? 0 }

        /// One run a target: two dumps of one database at the same time burden it twice and tell nothing more. Runs of a
        /// job whose schedule lets them go on side by side do, beside their like.
        func admits(_ order: RunOrder) -> Bool {
            guard let jobs = jobsByTarget[order.target] else { return true }
            return order.overlap == .alongside && jobs.allSatisfy { $0 == order.job }
        }
    }

    /// The queued runs of an agent, while some of them are chosen to start.
    private struct Queue {
        private struct Candidate {
            var id: RunID
            var order: RunOrder
            var start: Message
            /// The last start of its job; later than any for a job that was started in this turn.
            var jobStartedBy: Position
        }

        private var candidates: [Candidate] = []
        private var occupancy: Occupancy
        private var freeSlots: UInt32

        /// Nil when the agent may start nothing.
        init?(of id: AgentID, at moment: Timestamp, in state: borrowing State) {
            guard let agent = state.agents[id], agent.queuedCount > 0, agent.takesRuns(at: moment),
                !Fleet.isInMaintenance(agent, at: moment)
            else { return nil }
            freeSlots = Fleet.freeSlots(of: agent, in: state)
            guard freeSlots > 0 else { return nil }
            occupancy = Occupancy(of: agent, in: state)
            for id in agent.openRuns {
                guard let run = state.runs[id], run.phase == .queued else { continue }
                let start = Message.decided(id, .started(run.attempt.next, isRepeatable: agent.journalsRuns))
                candidates.append(
                    Candidate(
                        id: id, order: run.order, start: start,
                        jobStartedBy: state.jobs[run.order.job]?.startedBy ?? .start))
            }
        }

        /// The start of the next run: of the job that has the fewest in flight, then of the one that was started longest
        /// ago, then the oldest. So a job that is asked for often cannot keep the others waiting.
        mutating func next() -> Message? {
            guard freeSlots > 0 else { return nil }
            var best: Int?
            for place in candidates.indices where occupancy.admits(candidates[place].order) {
                if best.map({ isAhead(candidates[place], of: candidates[$0]) }) ?? true { best = place }
            }
            guard let best else { return nil }
            let chosen = candidates.remove(at: best)
            occupancy.add(chosen.order)
            freeSlots -= 1
            for place in candidates.indices where candidates[place].order.job == chosen.order.job {
                candidates[place].jobStartedBy = Position(.max)
            }
            return chosen.start
        }

        /// Candidates come in the order in which they were asked for, so that equals stay in it.
        private func isAhead(_ candidate: Candidate, of other: Candidate) -> Bool {
            let (count, otherCount) = (occupancy.count(of: candidate.order.job), occupancy.count(of: other.order.job))
            return count == otherCount ? candidate.jobStartedBy < other.jobStartedBy : count < otherCount
        }
    }
}

extension Fleet.State {
    /// Opens a run that somebody, or a schedule, wants: it waits for its agent.
    mutating func queue(_ id: RunID, _ order: RunOrder, _ entry: Entry<Fleet.Message>) -> [Fleet.Change] {
        let run = Run(order: order, phase: .queued, at: entry.recordedAt)
        runs[id] = run
        agents[order.agent]?.openRuns.append(id)
        timers.arm(.run(id), due: run.due, by: entry.position)
        countQueued(of: order.agent, 1, entry)
        watchLateness(of: id, entry)
        return [.ready(order.agent)]
    }

    /// Keeps an agent's count of queued runs, its place among those that wait, and the deadline of its maintenance.
    mutating func countQueued(of id: AgentID, _ difference: Int64, _ entry: Entry<Fleet.Message>) {
        guard let before = agents[id]?.queuedCount else { return }
        let after = UInt32(clamping: Int64(before) + difference)
        agents[id]?.queuedCount = after
        if before == 0, after > 0 { queueing.append(id) }
        if before > 0, after == 0 { queueing.removeAll { $0 == id } }
        if (before == 0) != (after == 0) { armWindow(of: id, entry) }
    }

    /// An attempt begins: its job and its agent are served last from now on, and the fleet has one start less.
    mutating func countStart(of order: RunOrder, _ entry: Entry<Fleet.Message>) {
        jobs[order.job]?.startedBy = entry.position
        if let place = queueing.firstIndex(of: order.agent) { queueing.append(queueing.remove(at: place)) }
        startBudget.take(at: entry.recordedAt, policy)
        if startBudget.available(at: entry.recordedAt, policy) == 0 { armStarts(entry) }
    }

    /// The bucket of starts has filled again.
    mutating func passStarts(_ entry: Entry<Fleet.Message>) -> [Fleet.Change] {
        // Fewer starts were allowed meanwhile.
        if startBudget.available(at: entry.recordedAt, policy) == 0 {
            armStarts(entry)
            return []
        }
        return queueing.isEmpty ? [] : [.startsFree]
    }

    private mutating func armStarts(_ entry: Entry<Fleet.Message>) {
        timers.arm(.starts, due: startBudget.refilled(after: entry.recordedAt, policy), by: entry.position)
    }
}
