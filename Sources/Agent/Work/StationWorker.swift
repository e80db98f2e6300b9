import Core
import Engine
import Logging
import Wire
import Workers

/// Carries out the agent's commands.
struct StationWorker: Worker {
    /// Bytes of a data key.
    static let keyByteCount = 32
    /// How long a dump may take whose upload address says nothing about its own end.
    static let longestDump = Duration.seconds(24 * 3_600)

    let pouch: Pouch
    let mirror: StationMirror
    let settings: SettingsBoard
    let outbox: Outbox
    let desk: ReportDesk
    let keys: SealedKeys
    let pipeline: DumpPipeline
    let hooks: HookRunner
    let uploader: Uploader
    let staging: StagingArea
    let discretion: Discretion
    let time: any AgentTime
    let logger: Logger

    /// Each command by itself: the machine gives the next one of a run only after the outcome of the last, and what
    /// stops a run must not wait behind it.
    func lane(for command: Station.Message) -> Text? { nil }

    func perform(
        _ delivery: Delivery<Station.Message>, report: @escaping @Sendable (Station.Message) -> Void
    ) async throws(CancellationError) -> Station.Message {
        func outcome(_ id: Text, _ outcome: Station.Outcome) -> Station.Message {
            .outcome(id, of: delivery.position, outcome)
        }
        switch delivery.message {
        case .announce(let id):
            announce(id)
            return outcome(id, .done)
        case .dump(let id):
            return outcome(id, try await supervised(id) { try await dump(id, $0, report) })
        case .upload(let id):
            return outcome(id, try await supervised(id) { try await upload(id, $0, report) })
        case .stop(let id):
            pouch.stop(id, .cancelled)
            return outcome(id, .done)
        case .discard(let id):
            try await discard(id)
            return outcome(id, .done)
        case .report(let id):
            return outcome(id, try await self.report(id))
        case .forget(let id):
            desk.withdraw(id)
            outbox.forget(id)
            do { try keys.delete(id) } catch { logger.error("the key of run \(id) was not deleted: \(error)") }
            return outcome(id, .done)
        case .started, .connected, .disconnected, .configured, .told, .cancelTold, .progressed, .outcome,
            .reportExpired, .journalExpired:
            preconditionFailure("\(delivery.message) is no command")
        }
    }

    // MARK: - Dump and upload

    private typealias Reporter = @Sendable (Station.Message) -> Void

    /// Runs the work on one run so that it can be stopped, and says in words how it ended.
    private func supervised(
        _ id: Text, _ body: @escaping @Sendable (Pouch.Item) async throws -> Station.Outcome
    ) async throws(CancellationError) -> Station.Outcome {
        // URL and key were in the memory of the process that was told; if that was another one, they are gone.
        guard let item = pouch[id] else { return .interrupted }
        let task = Task { try await body(item) }
        pouch.work(on: id, task)
        let result = await withTaskCancellationHandler {
            await task.result
        } onCancel: {
            task.cancel()
        }
        pouch.work(on: id, nil)
        if case .success(let outcome) = result { return outcome }
        let stopped = pouch[id]
        let step = mirror.run(id)?.progress.step ?? "run"
        let problem = stopped?.uploadProblem.map { ", whose last try failed: \($0)" } ?? ""
        func failed(_ text: String) -> Station.Outcome { .failed(Text(discretion.redacted(text, item))) }
        switch stopped?.stop {
        case .cancelled: return .failed("cancelled")
        case .timedOut(let seconds):
            return failed(
                "pipeline: the run timed out after \(seconds) s, the job's timeout, during step \(step)\(problem)")
        case .expired:
            return failed("pipeline: the run timed out: its upload address ended during step \(step)\(problem)")
        case nil: break
        }
        // Stopping the agent is no failure of the run: the command stays pending.
        if Task.isCancelled { throw CancellationError() }
        guard case .failure(let error) = result else { return .interrupted }
        return .failed(Text(discretion.redacted("\(error)", item)))
    }

    private func dump(_ id: Text, _ item: Pouch.Item, _ report: @escaping Reporter) async throws -> Station.Outcome {
        guard !item.order.uploadURL.isEmpty else { throw RunFailure("pipeline: RunBackup missing upload credentials") }
        let work = try item.work.get()
        guard item.order.key.count == Self.keyByteCount else {
            throw RunFailure("pipeline: unwrap DEK: pipeline: expected 32-byte DEK, got \(item.order.key.count)")
        }
        try hooks.validate(work.job.preHooks)
        try hooks.validate(work.job.postHooks)
        let meter = meter(id, item, step: "validate", report)
        meter.note(0)
        // A database that somebody keeps locked would hold its slot for ever, and at last all of them. An upload that began
        // in time may go on beyond that, so it ends with the dump.
        let expiry = timer(of: id, .expired, in: timeLeft(for: item) ?? Self.longestDump)
        defer { expiry.cancel() }
        try await pipeline.validate(work.target)
        if work.job.timeoutSeconds > 0 {
            let reason = Pouch.Stop.timedOut(seconds: work.job.timeoutSeconds)
            pouch.time(id, timer(of: id, reason, in: .seconds(Int64(work.job.timeoutSeconds))))
        }
        pouch.noteHooks(of: id)
        if !work.job.preHooks.isEmpty {
            self.meter(id, item, step: "pre_hooks", report).note(0)
            try await hooks.run(work.job.preHooks, name: "pre_hook")
        }
        let dumping = self.meter(id, item, step: "dump", report)
        dumping.note(0)
        return .staged(
            try await pipeline.dump(work.target, run: id, key: item.order.key) { dumping.note($0) })
    }

    private func upload(_ id: Text, _ item: Pouch.Item, _ report: @escaping Reporter) async throws -> Station.Outcome {
        guard let staged = mirror.run(id)?.staged else { return .interrupted }
        let meter = meter(id, item, step: "upload", report)
        meter.note(0)
        try await uploader.upload(
            file: staging.path(of: id), byteCount: staged.byteCount, to: item.order.uploadURL,
            timeLeft: { timeLeft(for: item) }, isServerThere: { outbox.isOpen },
            told: { tell(of: $0, count: $1, id, item) }, progress: { meter.note($0) })
        do {
            try keys.store(item.order.key, of: id)
        } catch {
            // The object is stored all the same, and a server that keeps its own keys misses nothing.
            logger.error("the key of run \(id) is not kept for its report: \(error)")
        }
        return .uploaded
    }

    /// A try of an upload failed: told to whoever reads our log or the server's, the first time and then about each hour.
    private func tell(of problem: String, count: Int, _ id: Text, _ item: Pouch.Item) {
        pouch.noteProblem(of: id, problem)
        guard count % 60 == 1 else { return }
        let message = discretion.redacted("run \(id): \(problem); it is tried again", item)
        logger.warning("\(message)")
        outbox.send(.warning(job: item.order.order.job, message: message))
    }

    private func timer(of id: Text, _ reason: Pouch.Stop, in wait: Duration) -> Task<Void, Never> {
        Task { [time, pouch] in
            do { try await time.sleep(for: wait) } catch { return }
            pouch.stop(id, reason)
        }
    }

    /// Until when its object can be uploaded.
    private func timeLeft(for item: Pouch.Item) -> Duration? {
        item.uploadEnd.map { max($0 - time.uptime, .zero) }
    }

    private func meter(_ id: Text, _ item: Pouch.Item, step: Text, _ report: @escaping Reporter) -> ProgressMeter {
        ProgressMeter(run: id, job: item.order.order.job, step: step, outbox: outbox, time: time, record: report)
    }

    // MARK: - The end of a run

    private func discard(_ id: Text) async throws(CancellationError) {
        // First the file: a cancelled run leaves nothing behind within a second, whatever its hooks do.
        staging.discard(id)
        let item = pouch.remove(id)
        let (job, owed) = try await owedHooks(of: id, item)
        guard !owed.isEmpty else { return }
        do {
            try await hooks.run(owed, name: "post_hook")
        } catch {
            // An agent that is stopped owes them still.
            if Task.isCancelled { throw CancellationError() }
            let message = discretion.redacted("run \(id): \(error)", item)
            logger.warning("\(message)")
            outbox.send(.warning(job: job, message: message))
        }
    }

    /// The post-hooks that must run now. For a run that an earlier process began they come with the next configuration, and
    /// run at least once: whether its pre-hooks had begun, and its post-hooks ended, was in the memory of that process.
    private func owedHooks(
        of id: Text, _ item: Pouch.Item?
    ) async throws(CancellationError) -> (job: Text, hooks: [String]) {
        if let item {
            guard item.hooksBegan, case .success(let work) = item.work else { return (item.order.order.job, []) }
            return (item.order.order.job, work.job.postHooks)
        }
        guard let job = mirror.jobBegunBefore(id) else { return (.empty, []) }
        return (job, try await settings.wait().jobs[job]?.postHooks ?? [])
    }

    private func announce(_ id: Text) {
        guard let run = mirror.run(id) else { return }
        if run.ending != nil {
            desk.resend(id)
        } else {
            outbox.send(.progress(run: id, job: run.order.job, isQueued: run.phase == .queued, run.progress))
        }
    }

    private func report(_ id: Text) async throws(CancellationError) -> Station.Outcome {
        guard let run = mirror.run(id), let ending = run.ending else { return .withdrawn }
        // A run that never got a worker is not discarded either.
        if run.begunAt == nil { pouch.remove(id) }
        var key: [UInt8] = []
        if ending == .completed {
            do { key = try keys.reveal(id) } catch {
                logger.error("the report of run \(id) goes without key: \(error)")
            }
        }
        logger.info("run \(id) ended: \(ending)")
        return try await desk.deliver(.report(run: id, run, ending, key: key), of: id)
    }
}
