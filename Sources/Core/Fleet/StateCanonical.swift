extension Fleet.State: Canonical {
    /// Writes the scalars, then every table.
    public func encode<Encoder: CanonicalEncoder>(into encoder: inout Encoder) {
        encoder.encode("seed", seed)
        encoder.encode("start_count", startCount)
        encoder.encode("agents", table: agents) { $0.text }
        encoder.encode("targets", table: targets) { $0.text }
        encoder.encode("jobs", table: jobs) { $0.text }
        encoder.encode("runs", table: runs) { $0.text }
        encoder.encode("objects", table: objects) { $0.text }
        encoder.encode("checks", table: checks) { $0.text }
        encoder.encode("answers", table: answers) { Text("\($0.token)\u{0}\($0.key)") }
        encoder.encode("tokens", table: tokens) { $0.text }
        encoder.encode("claims", table: claims) { $0.text }
        encoder.encode("conflicts", table: conflicts) { $0.text }
    }
}

extension RememberedAnswer: Canonical {
    /// Writes every field.
    public func encode<Encoder: CanonicalEncoder>(into encoder: inout Encoder) {
        encoder.encode("body_digest", bytes: bodyDigest)
        encoder.encode("position", position)
        encoder.encode("expires_at", expiresAt)
    }
}

extension StoredObject: Canonical {
    /// Writes every field.
    public func encode<Encoder: CanonicalEncoder>(into encoder: inout Encoder) {
        encoder.encode("agent_id", agent)
        encoder.encode("job_id", job)
        encoder.encode("attempt", attempt.number)
        encoder.encode("byte_count", byteCount)
        encoder.encode("keep_until", keepUntil)
        encoder.encode("is_being_deleted", isBeingDeleted)
    }
}
