extension Check: Restorable {
    /// Writes every field.
    public func encode<Encoder: CanonicalEncoder>(into encoder: inout Encoder) {
        encoder.encode("agent_id", agent)
        encoder.encode("spec", spec)
        encoder.encode("phase", phase.word.text)
        encoder.encode("ignorance", word: phase.ignorance)
        encoder.encode("since", since)
        encoder.encode("last", last)
        encoder.encode("streak", streak)
        encoder.encode("streak_began", streakBegan)
        encoder.encode("recent", recent.bits)
        encoder.encode("recent_count", recent.count)
        encoder.encode("result_count", resultCount)
        encoder.encode("healthy_count", healthyCount)
        encoder.encode("heard_at", heardAt)
        encoder.encode("probe", probe)
        encoder.encode("is_probe_of_former", isProbeOfFormer)
        encoder.encode("expiring_certificate", expiringCertificate)
        encoder.encode("later_certificates", laterCertificates)
        encoder.encode("uptime", uptime)
    }

    /// Reads every field.
    public init<Decoder: CanonicalDecoder>(from decoder: inout Decoder) throws(CanonicalError) {
        agent = try decoder.decode("agent_id")
        spec = try decoder.decode("spec")
        let word: Text = try decoder.decode("phase")
        let ignorance: Ignorance? = try decoder.decodeIfPresent("ignorance") { Ignorance(rawValue: $0.string) }
        guard let phase = Phase(word: word, ignorance) else {
            throw CanonicalError(field: "phase", problem: "has a word that this version does not know")
        }
        self.phase = phase
        since = try decoder.decode("since")
        last = try decoder.decode("last")
        streak = try decoder.decode("streak")
        streakBegan = try decoder.decode("streak_began")
        recent.bits = try decoder.decode("recent")
        recent.count = try decoder.decode("recent_count")
        guard recent.bits < 1 << Recent.capacity, recent.count <= Recent.capacity else {
            throw CanonicalError(field: "recent", problem: "holds more results than are kept")
        }
        resultCount = try decoder.decode("result_count")
        healthyCount = try decoder.decode("healthy_count")
        heardAt = try decoder.decode("heard_at")
        probe = try decoder.decode("probe")
        isProbeOfFormer = try decoder.decode("is_probe_of_former")
        expiringCertificate = try decoder.decode("expiring_certificate")
        laterCertificates = try decoder.decode("later_certificates")
        uptime = try decoder.decode("uptime")
    }
}

extension String {
    fileprivate var text: Text { Text(self) }
}

extension Check.Phase {
    /// Why nothing is known; nil when something is.
    public var ignorance: Check.Ignorance? { if case .unknown(let reason) = self { reason } else { nil } }

    /// The phase of a word; nil when word and reason do not belong together.
    public init?(word: Text, _ ignorance: Check.Ignorance?) {
        switch (word, ignorance) {
        case ("unknown", let reason?): self = .unknown(reason)
        case ("up", nil): self = .up
        case ("down", nil): self = .down
        case ("flapping", nil): self = .flapping
        default: return nil
        }
    }
}

extension CheckSpec: Restorable {
    /// Writes every field.
    public func encode<Encoder: CanonicalEncoder>(into encoder: inout Encoder) {
        encoder.encode("name", name)
        encoder.encode("type", UInt64(kind.rawValue))
        encoder.encode("target", target)
        encoder.encode("interval_sec", intervalSeconds)
        encoder.encode("timeout_sec", timeoutSeconds)
        encoder.encode("expected_status", expectedStatus)
        encoder.encode("failures_to_down", failuresToDown)
        encoder.encode("successes_to_up", successesToUp)
        encoder.encode("flap_changes", flapChanges)
        encoder.encode("certificate_days", certificateDays)
        encoder.encode("paused", isPaused)
    }

    /// Reads every field.
    public init<Decoder: CanonicalDecoder>(from decoder: inout Decoder) throws(CanonicalError) {
        self.init(
            name: try decoder.decode("name"), kind: try decoder.decodeNumber("type"),
            target: try decoder.decode("target"), intervalSeconds: try decoder.decode("interval_sec"),
            timeoutSeconds: try decoder.decode("timeout_sec"), expectedStatus: try decoder.decode("expected_status"))
        failuresToDown = try decoder.decode("failures_to_down")
        successesToUp = try decoder.decode("successes_to_up")
        flapChanges = try decoder.decode("flap_changes")
        certificateDays = try decoder.decode("certificate_days")
        isPaused = try decoder.decode("paused")
    }
}

extension HealthResult: Restorable {
    /// Writes every field.
    public func encode<Encoder: CanonicalEncoder>(into encoder: inout Encoder) {
        encoder.encode("ts", probedAt)
        encoder.encode("ok", isHealthy)
        encoder.encode("latency_ms", latencyMilliseconds)
        encoder.encode("error", errorText)
        encoder.encode("status_code", statusCode)
        encoder.encode("detail", detail)
    }

    /// Reads every field; whose result it is, says the id of the check that holds it.
    public init<Decoder: CanonicalDecoder>(from decoder: inout Decoder) throws(CanonicalError) {
        check = CheckID("")
        probedAt = try decoder.decode("ts")
        isHealthy = try decoder.decode("ok")
        latencyMilliseconds = try decoder.decode("latency_ms")
        errorText = try decoder.decode("error")
        statusCode = try decoder.decode("status_code")
        detail = try decoder.decode("detail")
    }
}

extension ProbeDetail: Restorable {
    /// Writes every field.
    public func encode<Encoder: CanonicalEncoder>(into encoder: inout Encoder) {
        encoder.encode("resolve_ms", resolveMilliseconds)
        encoder.encode("connect_ms", connectMilliseconds)
        encoder.encode("tls_ms", tlsMilliseconds)
        encoder.encode("first_byte_ms", firstByteMilliseconds)
        encoder.encode("certificate_expires_at", certificateExpiresAt)
        encoder.encode("failure", UInt64(failure?.rawValue ?? 0))
    }

    /// Reads every field.
    public init<Decoder: CanonicalDecoder>(from decoder: inout Decoder) throws(CanonicalError) {
        resolveMilliseconds = try decoder.decode("resolve_ms")
        connectMilliseconds = try decoder.decode("connect_ms")
        tlsMilliseconds = try decoder.decode("tls_ms")
        firstByteMilliseconds = try decoder.decode("first_byte_ms")
        certificateExpiresAt = try decoder.decode("certificate_expires_at")
        let number: UInt64 = try decoder.decode("failure")
        if number != 0 {
            guard let known = UInt8(exactly: number).flatMap(ProbeFailure.init(rawValue:)) else {
                throw CanonicalError(field: "failure", problem: "has a number that this version does not know")
            }
            failure = known
        }
    }
}

extension Uptime: Restorable {
    /// Writes every field.
    public func encode<Encoder: CanonicalEncoder>(into encoder: inout Encoder) {
        encoder.encode("counted_to", countedTo)
        encoder.encode("newest_hour", hours.newest)
        encoder.encode("hours", bytes: hours.packed)
        encoder.encode("newest_day", days.newest)
        encoder.encode("days", bytes: days.packed)
    }

    /// Reads every field.
    public init<Decoder: CanonicalDecoder>(from decoder: inout Decoder) throws(CanonicalError) {
        let countedTo = try decoder.decodeTime("counted_to")
        self.init(from: Timestamp(milliseconds: 0))
        var (hours, days) = (hours, days)
        hours.newest = try decoder.decodeTime("newest_hour")
        guard hours.unpack(try decoder.decodeBytes("hours")) else {
            throw CanonicalError(field: "hours", problem: "is not made of whole sums, or of too many")
        }
        days.newest = try decoder.decodeTime("newest_day")
        guard days.unpack(try decoder.decodeBytes("days")) else {
            throw CanonicalError(field: "days", problem: "is not made of whole sums, or of too many")
        }
        self.init(countedTo: countedTo, hours: hours, days: days)
    }
}

extension CanonicalDecoder {
    /// Seconds, hours or days since 1970; none is counted before that.
    fileprivate mutating func decodeTime(_ name: StaticString) throws(CanonicalError) -> Int64 {
        let time: Int64 = try decode(name)
        guard time >= 0 else { throw CanonicalError(field: name, problem: "is \(time), before 1970") }
        return time
    }
}

extension Uptime.Buckets {
    /// Three bytes a number suffice for the seconds of a day: with all spans, 1.3 KiB.
    fileprivate var packed: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(sums.count * 9)
        for sums in sums {
            for number in [sums.up, sums.down, sums.unknown] {
                bytes += [UInt8(truncatingIfNeeded: number >> 16), UInt8(truncatingIfNeeded: number >> 8)]
                bytes.append(UInt8(truncatingIfNeeded: number))
            }
        }
        return bytes
    }

    fileprivate mutating func unpack(_ bytes: [UInt8]) -> Bool {
        guard bytes.count.isMultiple(of: 9), bytes.count / 9 <= capacity else { return false }
        func number(_ place: Int) -> UInt32 {
            UInt32(bytes[place]) << 16 | UInt32(bytes[place + 1]) << 8 | UInt32(bytes[place + 2])
        }
        sums = stride(from: 0, to: bytes.count, by: 9).map { place in
            var sums = Uptime.Sums()
            sums.up = number(place)
            sums.down = number(place + 3)
            sums.unknown = number(place + 6)
            return sums
        }
        return true
    }
}
