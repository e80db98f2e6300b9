extension Station.State: Restorable {
    /// Writes every field; timers aside, since the runs do not say which entry armed them.
    public func encode<Encoder: CanonicalEncoder>(into encoder: inout Encoder) {
        encoder.encode("build", build)
        encoder.encode("start_count", startCount)
        encoder.encode("session", session)
        encoder.encode("extensions", list: extensions)
        encoder.encode("config_version", configVersion)
        encoder.encode("parallel_run_limit", parallelRunLimit)
        encoder.encode("runs", table: runs, id: { $0 })
        encoder.encode("waiting", list: waiting)
        encoder.encode("active_count", activeCount)
        encoder.encode("stale_count", staleCount)
        encoder.encodeAside("timers", list: timers.inOrder.map { ArmedTimer(timer: $0) })
    }

    /// Reads every field.
    public init<Decoder: CanonicalDecoder>(from decoder: inout Decoder) throws(CanonicalError) {
        build = try decoder.decode("build")
        startCount = try decoder.decode("start_count")
        session = try decoder.decode("session")
        extensions = try decoder.decode("extensions")
        configVersion = try decoder.decode("config_version")
        parallelRunLimit = try decoder.decode("parallel_run_limit")
        runs = try decoder.decode("runs") { $0 }
        waiting = try decoder.decode("waiting")
        activeCount = try decoder.decode("active_count")
        staleCount = try decoder.decode("stale_count")
        let armed: [ArmedTimer] = try decoder.decode("timers")
        for item in armed { timers.arm(item.timer.key, due: item.timer.due, by: item.timer.armedBy) }
    }
}

/// What is due when, and which entry armed it: the cause of the deadline's entry.
private struct ArmedTimer: Restorable {
    var timer: Timers<Station.RunID>.Timer

    init(timer: Timers<Station.RunID>.Timer) { self.timer = timer }

    func encode<Encoder: CanonicalEncoder>(into encoder: inout Encoder) {
        encoder.encode("due", timer.due)
        encoder.encode("armed_by", timer.armedBy)
        encoder.encode("run_id", timer.key)
    }

    init<Decoder: CanonicalDecoder>(from decoder: inout Decoder) throws(CanonicalError) {
        let due: Timestamp = try decoder.decode("due")
        let armedBy: Position = try decoder.decode("armed_by")
        timer = Timers.Timer(due: due, key: try decoder.decode("run_id"), armedBy: armedBy)
    }
}

extension Station.Run: Restorable {
    /// Writes every field; the phase as its name, the position of its command and its ending.
    public func encode<Encoder: CanonicalEncoder>(into encoder: inout Encoder) {
        encoder.encode("job_id", order.job)
        encoder.encode("s3_key", order.object)
        encoder.encode("manual_trigger", order.isManual)
        let (name, position): (Text, Position?) =
            switch phase {
            case .queued: ("queued", nil)
            case .dumping(let position): ("dumping", position)
            case .staged: ("staged", nil)
            case .uploading(let position): ("uploading", position)
            case .concluded: ("concluded", nil)
            case .reporting(_, let position): ("reporting", position)
            case .confirmed: ("confirmed", nil)
            }
        encoder.encode("phase", name)
        encoder.encode("command", position?.number)
        let (word, text): (Text?, Text?) =
            switch ending {
            case nil: (nil, nil)
            case .completed: ("completed", nil)
            case .failed(let text): ("failed", text)
            case .cancelled: ("cancelled", nil)
            }
        encoder.encode("ending", word)
        encoder.encode("error_message", text)
        encoder.encode("cancelled", isCancelled)
        encoder.encode("current_step", progress.step)
        encoder.encode("progress_percent", progress.percent)
        encoder.encode("staged", staged)
        encoder.encode("begun_at", begunAt)
        encoder.encode("begun_in_start", begunInStart)
        encoder.encode("duration_ms", durationMilliseconds)
        encoder.encode("kept_until", keptUntil)
        encoder.encode("repeat_count", repeatCount)
    }

    /// Reads every field.
    public init<Decoder: CanonicalDecoder>(from decoder: inout Decoder) throws(CanonicalError) {
        order = Station.Order(
            job: try decoder.decode("job_id"), object: try decoder.decode("s3_key"),
            isManual: try decoder.decode("manual_trigger"))
        let name: Text = try decoder.decode("phase")
        let command: UInt64? = try decoder.decode("command")
        let word: Text? = try decoder.decode("ending")
        let text: Text? = try decoder.decode("error_message")
        let ending: Station.Ending? =
            switch (word, text) {
            case ("completed", nil): .completed
            case ("cancelled", nil): .cancelled
            case ("failed", .some(let text)): .failed(text)
            default: nil
            }
        switch (name, command.map { Position($0) }, ending) {
        case ("queued", nil, nil): phase = .queued
        case ("dumping", .some(let command), nil): phase = .dumping(command)
        case ("staged", nil, nil): phase = .staged
        case ("uploading", .some(let command), nil): phase = .uploading(command)
        case ("concluded", nil, .some(let ending)): phase = .concluded(ending)
        case ("reporting", .some(let command), .some(let ending)): phase = .reporting(ending, command)
        case ("confirmed", nil, .some(let ending)): phase = .confirmed(ending)
        default: throw CanonicalError(field: "phase", problem: "is no phase of a run that this version knows")
        }
        isCancelled = try decoder.decode("cancelled")
        progress = Station.Progress(
            step: try decoder.decode("current_step"), percent: try decoder.decode("progress_percent"))
        staged = try decoder.decode("staged")
        begunAt = try decoder.decode("begun_at")
        begunInStart = try decoder.decode("begun_in_start")
        durationMilliseconds = try decoder.decode("duration_ms")
        keptUntil = try decoder.decode("kept_until")
        repeatCount = try decoder.decode("repeat_count")
    }
}

extension Station.Staged: Restorable {
    /// Writes every field.
    public func encode<Encoder: CanonicalEncoder>(into encoder: inout Encoder) {
        encoder.encode("size_bytes", byteCount)
        encoder.encode("sha256", digest)
        encoder.encode("db_engine_version", engineVersion)
    }

    /// Reads every field.
    public init<Decoder: CanonicalDecoder>(from decoder: inout Decoder) throws(CanonicalError) {
        byteCount = try decoder.decode("size_bytes")
        digest = try decoder.decode("sha256")
        engineVersion = try decoder.decode("db_engine_version")
    }
}
