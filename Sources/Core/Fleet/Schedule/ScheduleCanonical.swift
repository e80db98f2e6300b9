extension Slot: Restorable {
    /// Writes both parts.
    public func encode<Encoder: CanonicalEncoder>(into encoder: inout Encoder) {
        encoder.encode("local_minute", localMinute)
        encoder.encode("offset_seconds", Int64(offsetSeconds))
    }

    /// Reads both parts.
    public init<Decoder: CanonicalDecoder>(from decoder: inout Decoder) throws(CanonicalError) {
        localMinute = try decoder.decode("local_minute")
        offsetSeconds = try decoder.decodeOffset("offset_seconds")
    }
}

extension Schedule: Restorable {
    /// Writes every field.
    public func encode<Encoder: CanonicalEncoder>(into encoder: inout Encoder) {
        encoder.encode("plans", list: plans)
        encoder.encode("next", next)
        encoder.encode("last_due", lastDue)
        encoder.encode("open", list: open)
        encoder.encode("absence", absence)
    }

    /// Reads every field. A next slot that its own entry would not pass is refused: its deadline would come for ever.
    public init<Decoder: CanonicalDecoder>(from decoder: inout Decoder) throws(CanonicalError) {
        plans = try decoder.decode("plans")
        next = try decoder.decode("next")
        lastDue = try decoder.decode("last_due")
        open = try decoder.decode("open")
        absence = try decoder.decode("absence")
        guard let next else { return }
        guard let plan = plans.first, plan.cursor < next.slot.instant else {
            throw CanonicalError(field: "next", problem: "is not behind the slots that were met")
        }
        guard !open.contains(where: { $0.slot == next.slot }) else {
            throw CanonicalError(field: "next", problem: "is open already")
        }
    }
}

extension Schedule.Plan: Restorable {
    /// Writes every field.
    public func encode<Encoder: CanonicalEncoder>(into encoder: inout Encoder) {
        encoder.encode("cron", cron)
        encoder.encode("zone", zone)
        encoder.encode("cursor", cursor)
        encoder.encode("ending", ending)
    }

    /// Reads every field.
    public init<Decoder: CanonicalDecoder>(from decoder: inout Decoder) throws(CanonicalError) {
        cron = try decoder.decode("cron")
        zone = try decoder.decode("zone")
        cursor = try decoder.decode("cursor")
        ending = try decoder.decode("ending")
    }
}

extension Schedule.Ending: Restorable {
    /// Writes every field.
    public func encode<Encoder: CanonicalEncoder>(into encoder: inout Encoder) {
        encoder.encode("at", at)
        encoder.encode("reason", word: Optional(reason))
    }

    /// Reads every field.
    public init<Decoder: CanonicalDecoder>(from decoder: inout Decoder) throws(CanonicalError) {
        at = try decoder.decode("at")
        reason = try decoder.decodeWord("reason")
    }
}

extension Schedule.Upcoming: Restorable {
    /// Writes every field.
    public func encode<Encoder: CanonicalEncoder>(into encoder: inout Encoder) {
        encoder.encode("slot", slot)
        encoder.encode("due", due)
    }

    /// Reads every field.
    public init<Decoder: CanonicalDecoder>(from decoder: inout Decoder) throws(CanonicalError) {
        slot = try decoder.decode("slot")
        due = try decoder.decode("due")
    }
}

extension Schedule.Absence: Restorable {
    /// Writes every field.
    func encode<Encoder: CanonicalEncoder>(into encoder: inout Encoder) {
        encoder.encode("first", first)
        encoder.encode("last", last)
        encoder.encode("count", count)
    }

    /// Reads every field.
    init<Decoder: CanonicalDecoder>(from decoder: inout Decoder) throws(CanonicalError) {
        first = try decoder.decode("first")
        last = try decoder.decode("last")
        count = try decoder.decode("count")
    }
}

extension Schedule.OpenSlot: Restorable {
    /// Writes every field.
    public func encode<Encoder: CanonicalEncoder>(into encoder: inout Encoder) {
        encoder.encode("slot", slot)
        encoder.encode("run_id", run)
    }

    /// Reads every field.
    public init<Decoder: CanonicalDecoder>(from decoder: inout Decoder) throws(CanonicalError) {
        slot = try decoder.decode("slot")
        run = try decoder.decode("run_id")
    }
}

extension Zone: Restorable {
    /// Writes every field.
    public func encode<Encoder: CanonicalEncoder>(into encoder: inout Encoder) {
        encoder.encode("rules", rules)
        encoder.encode("read_at", readAt)
        encoder.encode("read_from", readFrom)
        encoder.encode("is_asked", isAsked)
    }

    /// Reads every field.
    public init<Decoder: CanonicalDecoder>(from decoder: inout Decoder) throws(CanonicalError) {
        rules = try decoder.decode("rules")
        readAt = try decoder.decode("read_at")
        readFrom = try decoder.decode("read_from")
        isAsked = try decoder.decode("is_asked")
    }
}

extension ZoneRules: Restorable {
    /// Writes every field.
    public func encode<Encoder: CanonicalEncoder>(into encoder: inout Encoder) {
        encoder.encode("offset_seconds", Int64(offsetSeconds))
        encoder.encode("transitions", list: transitions)
        encoder.encode("until", until)
    }

    /// Reads every field, and puts them in order, as its other initialiser does.
    public init<Decoder: CanonicalDecoder>(from decoder: inout Decoder) throws(CanonicalError) {
        let offset = try decoder.decodeOffset("offset_seconds")
        let transitions: [Transition] = try decoder.decode("transitions")
        self.init(offsetSeconds: offset, transitions: transitions, until: try decoder.decode("until"))
    }
}

extension ZoneRules.Transition: Restorable {
    /// Writes both parts.
    public func encode<Encoder: CanonicalEncoder>(into encoder: inout Encoder) {
        encoder.encode("at", at)
        encoder.encode("offset_seconds", Int64(offsetSeconds))
    }

    /// Reads both parts.
    public init<Decoder: CanonicalDecoder>(from decoder: inout Decoder) throws(CanonicalError) {
        self.init(at: try decoder.decode("at"), offsetSeconds: try decoder.decodeOffset("offset_seconds"))
    }
}

extension ClockDoubt: Restorable {
    /// Writes both parts.
    public func encode<Encoder: CanonicalEncoder>(into encoder: inout Encoder) {
        encoder.encode("behind_ms", behind.count)
        encoder.encode("since", since)
    }

    /// Reads both parts.
    public init<Decoder: CanonicalDecoder>(from decoder: inout Decoder) throws(CanonicalError) {
        behind = Milliseconds(try decoder.decode("behind_ms"))
        since = try decoder.decode("since")
    }
}

extension ClockLeap: Restorable {
    /// Writes both parts.
    public func encode<Encoder: CanonicalEncoder>(into encoder: inout Encoder) {
        encoder.encode("ahead_ms", ahead.count)
        encoder.encode("since", since)
    }

    /// Reads both parts.
    public init<Decoder: CanonicalDecoder>(from decoder: inout Decoder) throws(CanonicalError) {
        ahead = Milliseconds(try decoder.decode("ahead_ms"))
        since = try decoder.decode("since")
    }
}

extension DiskShortage: Restorable {
    /// Writes both parts.
    public func encode<Encoder: CanonicalEncoder>(into encoder: inout Encoder) {
        encoder.encode("since", since)
        encoder.encode("room", room)
    }

    /// Reads both parts.
    public init<Decoder: CanonicalDecoder>(from decoder: inout Decoder) throws(CanonicalError) {
        since = try decoder.decode("since")
        room = try decoder.decode("room")
    }
}

extension DiskRoom: Restorable {
    /// Writes both parts.
    public func encode<Encoder: CanonicalEncoder>(into encoder: inout Encoder) {
        encoder.encode("free_byte_count", freeByteCount)
        encoder.encode("total_byte_count", totalByteCount)
    }

    /// Reads both parts.
    public init<Decoder: CanonicalDecoder>(from decoder: inout Decoder) throws(CanonicalError) {
        freeByteCount = try decoder.decode("free_byte_count")
        totalByteCount = try decoder.decode("total_byte_count")
    }
}

extension CanonicalDecoder {
    fileprivate mutating func decodeOffset(_ name: StaticString) throws(CanonicalError) -> Int32 {
        let offset: Int64 = try decode(name)
        guard let seconds = Int32(exactly: offset) else {
            throw CanonicalError(field: name, problem: "is \(offset), beyond 32 bits")
        }
        return seconds
    }
}
