extension Station.State: Canonical {
    /// Writes every field; timers are derived from `keptUntil`.
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
    }
}

extension Station.Run: Canonical {
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
}

extension Station.Staged: Canonical {
    /// Writes every field.
    public func encode<Encoder: CanonicalEncoder>(into encoder: inout Encoder) {
        encoder.encode("size_bytes", byteCount)
        encoder.encode("sha256", digest)
        encoder.encode("db_engine_version", engineVersion)
    }
}
