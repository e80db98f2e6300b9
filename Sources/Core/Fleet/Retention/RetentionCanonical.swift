extension StoredObject: Restorable {
    /// Writes every field.
    public func encode<Encoder: CanonicalEncoder>(into encoder: inout Encoder) {
        encoder.encode("agent_id", agent)
        encoder.encode("job_id", job)
        encoder.encode("attempt", attempt.number)
        encoder.encode("byte_count", byteCount)
        encoder.encode("created_at", createdAt)
        encoder.encode("stored_at", storedAt)
        encoder.encode("keep_until", keepUntil)
        encoder.encode("deferral_ms", deferral.count)
        encoder.encode("is_being_deleted", isBeingDeleted)
        encoder.encode("is_vanished", isVanished)
    }

    /// Reads every field.
    public init<Decoder: CanonicalDecoder>(from decoder: inout Decoder) throws(CanonicalError) {
        agent = try decoder.decode("agent_id")
        job = try decoder.decode("job_id")
        attempt = Attempt(try decoder.decode("attempt"))
        byteCount = try decoder.decode("byte_count")
        createdAt = try decoder.decode("created_at")
        storedAt = try decoder.decode("stored_at")
        keepUntil = try decoder.decode("keep_until")
        deferral = Milliseconds(try decoder.decode("deferral_ms"))
        isBeingDeleted = try decoder.decode("is_being_deleted")
        isVanished = try decoder.decode("is_vanished")
    }
}

extension ObjectLock: Restorable {
    /// Writes every field.
    public func encode<Encoder: CanonicalEncoder>(into encoder: inout Encoder) {
        encoder.encode("until", until)
        encoder.encode("reason", reason)
        encoder.encode("token", token)
        encoder.encode("set_at", setAt)
    }

    /// Reads every field.
    public init<Decoder: CanonicalDecoder>(from decoder: inout Decoder) throws(CanonicalError) {
        until = try decoder.decode("until")
        reason = try decoder.decode("reason")
        token = try decoder.decode("token")
        setAt = try decoder.decode("set_at")
    }
}

extension Deletion: Restorable {
    /// Writes every field.
    public func encode<Encoder: CanonicalEncoder>(into encoder: inout Encoder) {
        encoder.encode("agent_id", agent)
        encoder.encode("job_id", job)
        encoder.encode("failure_count", failureCount)
    }

    /// Reads every field.
    public init<Decoder: CanonicalDecoder>(from decoder: inout Decoder) throws(CanonicalError) {
        agent = try decoder.decode("agent_id")
        job = try decoder.decode("job_id")
        failureCount = try decoder.decode("failure_count")
    }
}

extension RetentionRule: Restorable {
    /// Writes every part.
    public func encode<Encoder: CanonicalEncoder>(into encoder: inout Encoder) {
        encoder.encode("retention_days", days)
        encoder.encode("keep_last", self[.last])
        encoder.encode("keep_hourly", self[.hourly])
        encoder.encode("keep_daily", self[.daily])
        encoder.encode("keep_weekly", self[.weekly])
        encoder.encode("keep_monthly", self[.monthly])
        encoder.encode("keep_yearly", self[.yearly])
        encoder.encode("minimum", self[.minimum])
    }

    /// Reads every part.
    public init<Decoder: CanonicalDecoder>(from decoder: inout Decoder) throws(CanonicalError) {
        self.init(days: try decoder.decode("retention_days"))
        self[.last] = try decoder.decode("keep_last")
        self[.hourly] = try decoder.decode("keep_hourly")
        self[.daily] = try decoder.decode("keep_daily")
        self[.weekly] = try decoder.decode("keep_weekly")
        self[.monthly] = try decoder.decode("keep_monthly")
        self[.yearly] = try decoder.decode("keep_yearly")
        self[.minimum] = try decoder.decode("minimum")
    }
}

extension ObjectKey {
    /// The key of an entity's id, as the wire writes a run with its attempt.
    init(joined text: Text) {
        let parts = WireRunID(text).parts
        self.init(run: parts?.run ?? RunID(text), attempt: parts?.attempt ?? .none)
    }
}
