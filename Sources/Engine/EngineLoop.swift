import Core
import Dispatch
import Foundation
import Logging
import Synchronization

/// How the engine waits. Tests have it wait for something else.
@usableFromInline
struct Pace: Sendable {
    /// Away for longer than it meant to be, the engine has stalled.
    @usableFromInline static let stall = Milliseconds.seconds(5)
    /// How long a deadline that does not go away keeps the others waiting.
    @usableFromInline static let rest = Milliseconds.minutes(1)

    /// After a stall: gives what has piled up in sockets and event loops time to get into the inbox.
    @usableFromInline var settle: @Sendable () -> Void = { Thread.sleep(forTimeInterval: 0.25) }
    /// The wait between two commits while the log has no room.
    @usableFromInline var probeInterval = DispatchTimeInterval.seconds(1)
}

extension Engine {
    /// Those who wait for one commit.
    @usableFromInline
    struct PendingBatch {
        @usableFromInline var staged: [(Submission, Range<Int>)] = []
        @usableFromInline var refused: [(Completion, SubmitError)] = []

        @inlinable
        init() {}

        @inlinable
        mutating func add(_ submission: Submission, _ result: Kernel<M, Log, MessageCodec>.Result) {
            switch result {
            case .staged(let range): staged.append((submission, range))
            case .conflict(let revision): refused.append((submission.completion, .conflict(revision)))
            case .notPending: refused.append((submission.completion, .notPending))
            }
        }
    }

    /// What runs on the engine's thread, and the only place that touches the kernel.
    ///
    /// What has arrived always comes before the deadlines that were due by then: a sign of life that waits in the inbox
    /// must not be judged missing, however long the engine was away.
    ///
    /// Inlinable with all it does, so that it is compiled for its machine: see ``Kernel``.
    @usableFromInline
    final class Loop: @unchecked Sendable {  // handed to one thread, used by that alone
        /// The log has no room. Until it has, one commit is tried at a time, and nothing else is staged.
        @usableFromInline
        struct Shortage {
            @usableFromInline var error: LogError
            @usableFromInline var since: Timestamp
            /// What the wall clock had jumped forwards by before that, and is not on the log.
            @usableFromInline var forwards: Milliseconds
            /// What is on the log, so that a commit that fails again costs a copy of the state and no folding.
            @usableFromInline var mark: Kernel<M, Log, MessageCodec>.Mark
            @usableFromInline var probeAt: DispatchTime

            @inlinable
            init(
                error: LogError, since: Timestamp, forwards: Milliseconds, mark: Kernel<M, Log, MessageCodec>.Mark,
                probeAt: DispatchTime
            ) {
                self.error = error
                self.since = since
                self.forwards = forwards
                self.mark = mark
                self.probeAt = probeAt
            }
        }

        @usableFromInline
        enum Progress {
            case quiet, moreDue, failed
        }

        @usableFromInline let engine: Engine
        @usableFromInline var kernel: Kernel<M, Log, MessageCodec>
        @usableFromInline var pending: [Delivery<M.Message>]
        @usableFromInline var time: RecordingClock
        @usableFromInline var hasStarted = false
        @usableFromInline var shortage: Shortage?
        /// Jumps of the wall clock forwards that are not on the log yet, together.
        @usableFromInline var forwards = Milliseconds(0)
        /// Those backwards.
        @usableFromInline var backwards = Milliseconds(0)
        /// Outcomes that found the disk full; they come first when there is room.
        @usableFromInline var held: [Submission] = []
        /// When the engine means to look at the clock again, at the latest.
        @usableFromInline var expectedBy: Timestamp
        /// No deadline passes before, because one of them does not go away.
        @usableFromInline var restsUntil: Timestamp?

        @inlinable
        init(engine: Engine, kernel: Kernel<M, Log, MessageCodec>) {
            self.engine = engine
            self.kernel = kernel
            pending = kernel.pending
            time = RecordingClock(notBefore: kernel.recordedAt, clock: engine.clock)
            expectedBy = time.read(engine.clock).now
        }

        @inlinable
        func run() {
            while true {
                let now = attend()
                let (submissions, isStopping) = take()
                let progress = process(submissions, at: now)
                if progress == .failed { return }
                if isStopping, submissions.isEmpty { return leave() }
                if submissions.isEmpty, progress == .quiet { sleep() }
            }
        }

        /// What is on the log at the end of this process, for the last snapshot.
        @usableFromInline
        func leave() {
            guard kernel.staged.isEmpty else { return }
            engine.check?.offer(at: kernel.folded.position, isLast: true) { kernel.folded }
        }

        /// The time, which is read before the inbox: what is due by it comes behind all that had arrived by then.
        @inlinable
        func attend() -> Timestamp {
            var now = readClock()
            if now - expectedBy > Pace.stall {
                engine.pace.settle()
                now = readClock()
            }
            expectedBy = now
            return now
        }

        @inlinable
        func take() -> ([Submission], isStopping: Bool) {
            var taken: [Submission] = []
            let isStopping = engine.inbox.withLock { inbox in
                swap(&taken, &inbox.waiting)
                inbox.requestCount = 0
                return inbox.isStopping
            }
            return (taken, isStopping)
        }

        @inlinable
        func readClock() -> Timestamp {
            let (now, step) = time.read(engine.clock)
            // Apart, or what leapt and came back would be told as nothing, while the recorded clock has kept it.
            if let step { if step.count > 0 { forwards = forwards + step } else { backwards = backwards + step } }
            return now
        }

        /// Waits for the next message or the next deadline, whichever is sooner.
        @inlinable
        func sleep() {
            let now = readClock()
            if let shortage, shortage.probeAt > .now() {
                _ = engine.wakeUp.wait(timeout: shortage.probeAt)
                return
            }
            var wait = Milliseconds.seconds(60)
            if let due = kernel.nextDue { wait = min(wait, max(max(due, restsUntil ?? due) - now, Milliseconds(0))) }
            // Counted from when it was attentive last, or a long commit before this would not be noticed.
            expectedBy = expectedBy + wait
            _ = engine.wakeUp.wait(timeout: .now() + .milliseconds(Int(wait.count)))
        }

        /// Stages, commits and publishes.
        @inlinable
        func process(_ arrived: [Submission], at now: Timestamp) -> Progress {
            if let shortage, shortage.probeAt > .now() {
                refuse(arrived, shortage.error)
                return .quiet
            }
            let submissions = held + arrived
            held = []
            var batch = PendingBatch()
            var reached = 0
            do throws(LogError) {
                try speak(at: now)
                for submission in submissions {
                    let result = try kernel.turn(submission.message, expecting: submission.expected, at: now)
                    reached += 1
                    batch.add(submission, result)
                    if kernel.staged.count >= Engine.batchEntryLimit || kernel.stagedByteCount >= Engine.batchByteLimit
                    {
                        try commit(&batch)
                    }
                }
                let isMoreDue = try passDeadlines(at: now)
                try commit(&batch)
                return isMoreDue ? .moreDue : .quiet
            } catch {
                for (completion, reason) in batch.refused { completion(.failure(reason)) }
                refuse(batch.staged.map(\.0) + submissions.dropFirst(reached), error)
                return recover(from: error, at: now) ? .quiet : .failed
            }
        }

        /// Says what the engine itself has to say, before all else.
        @inlinable
        func speak(at now: Timestamp) throws(LogError) {
            if !hasStarted, let started = engine.voice.started(time.behind) { _ = try kernel.turn(started, at: now) }
            // A jump comes before the time without room, which it may lie in: it is measured from the entry before it.
            for step in [forwards, backwards] where step.count != 0 {
                if let message = engine.voice.clockStepped(step) { _ = try kernel.turn(message, at: now) }
            }
            guard hasStarted, let shortage else { return }
            let span = now - shortage.since
            let leap = forwards - shortage.forwards
            if let message = engine.voice.absent(span - min(span, leap)) { _ = try kernel.turn(message, at: now) }
        }

        /// Stages deadlines that are due.
        ///
        /// - Returns: Whether more are due.
        @inlinable
        func passDeadlines(at now: Timestamp) throws(LogError) -> Bool {
            if let restsUntil, now < restsUntil { return false }
            restsUntil = nil
            switch try kernel.passDeadlines(at: now, limit: Engine.deadlineLimit) {
            case .all: return false
            case .more: return true
            case .stuck:
                engine.logger.error("a deadline does not go away when it has passed; the next are passed in a minute")
                restsUntil = now + Pace.rest
                return false
            }
        }

        /// Commits what is staged, and only then tells anyone.
        @inlinable
        func commit(_ batch: inout PendingBatch) throws(LogError) {
            let start = DispatchTime.now().uptimeNanoseconds
            let recorded = try kernel.commit()
            if !recorded.isEmpty {
                engine.meter.committed(recorded.count, DispatchTime.now().uptimeNanoseconds &- start)
                (forwards, backwards) = (Milliseconds(0), Milliseconds(0))
                if shortage != nil { engine.logger.notice("the log has room again") }
                shortage = nil
                engine.check?.offer(at: kernel.folded.position) { kernel.folded }
                engine.observer(recorded)
            }
            for (submission, range) in batch.staged {
                submission.completion(.success(Turn(entries: recorded[range].map { $0.entry })))
            }
            for (completion, reason) in batch.refused { completion(.failure(reason)) }
            batch = PendingBatch()
            if !hasStarted {
                hasStarted = true
                for delivery in pending { engine.host.deliver(delivery) }
                pending = []
            }
            for item in recorded where item.role == .command {
                engine.host.deliver(
                    Delivery(position: item.entry.position, message: item.entry.message, isRedelivered: false))
            }
        }

        /// Tells those who wait that their message is not on the log. Outcomes wait for room, since nobody would report
        /// them again before the next start.
        @inlinable
        func refuse(_ submissions: [Submission], _ error: LogError) {
            for submission in submissions {
                if submission.isOutcome, case .full = error {
                    held.append(submission)
                } else {
                    submission.completion(.failure(.log(error)))
                }
            }
        }

        /// Goes back to what is on the log, when that is known.
        @inlinable
        func recover(from error: LogError, at now: Timestamp) -> Bool {
            engine.meter.failed(error)
            guard case .full = error else {
                engine.logger.critical("the log failed: \(error)")
                engine.onFailure(error)
                return false
            }
            let probeAt = DispatchTime.now() + engine.pace.probeInterval
            if let former = shortage {
                kernel.goBack(to: former.mark)
                shortage?.probeAt = probeAt
                return true
            }
            engine.logger.error("\(error)")
            do {
                try kernel.reload()
            } catch {
                engine.onFailure(error)
                return false
            }
            shortage = Shortage(error: error, since: now, forwards: forwards, mark: kernel.mark, probeAt: probeAt)
            return true
        }
    }
}
