import Core

/// The body of PATCH `/settings`.
enum PolicyBody {
    static func fields(_ body: inout Body) throws(RESTError) -> [FleetPolicyField] {
        var fields: [FleetPolicyField] = []
        if let value = try body.number("starts_per_second") { fields.append(.startsPerSecond(value)) }
        try body.end()
        return fields
    }
}

/// The body of POST `/runs/{id}/lock`.
struct LockBody {
    /// When the lock ends by itself; nil never.
    let until: Timestamp?
    /// Why, for people.
    let reason: Text

    init(_ body: inout Body) throws(RESTError) {
        until = try body.moment("until")
        reason = try body.text("reason", byteLimit: 500) ?? ""
        try body.end()
    }
}

/// The body of POST `/api-tokens`.
struct TokenBody {
    /// What people call it.
    let name: Text
    /// What it may do.
    let role: Role
    /// When it ends; nil never.
    let expiresAt: Timestamp?

    init(_ body: inout Body) throws(RESTError) {
        name = try body.text("name") ?? ""
        role = try body.word("role", Role.allCases.map { ($0.rawValue, $0) }) ?? .viewer
        expiresAt = try body.moment("expires_at")
        try body.end()
    }
}

/// The query of GET `/cron/next`.
struct CronQuery {
    /// The expression as it was given.
    let text: String
    let cron: Cron
    /// The zone's name as it was given.
    let zone: Text
    /// How many times to tell.
    let count: Int

    init(_ query: Query) throws(RESTError) {
        // As forms write spaces. No expression has a plus.
        text = (query["cron"] ?? "").replacing("+", with: " ")
        zone = Text(query.filter("time_zone") ?? ZoneRules.utcName.string)
        count =
            try query.filter("count").map { (digits) throws(RESTError) in
                guard let number = Int(digits), (1...100).contains(number) else {
                    throw .field("count", "must be a whole number from 1 to 100")
                }
                return number
            } ?? 10
        guard zone.byteCount <= 64 else { throw Self.unknownZone }
        cron = try Self.cron(Text(text))
    }

    /// An expression, or an error that points at the one of its fields that is wrong.
    static func cron(_ text: Text) throws(RESTError) -> Cron {
        do throws(CronError) {
            return try Cron(text)
        } catch {
            throw RESTError(
                .validation, "cron \(error)",
                details: ["field": "cron", "cron_field": AgentJSON.text(error.field.isEmpty ? nil : error.field)])
        }
    }

    static var unknownZone: RESTError {
        .field("time_zone", "is no zone that is known here; an IANA name is expected")
    }

    /// The next times behind a moment.
    func times(after moment: Timestamp, in rules: ZoneRules) -> [Slot] {
        var slots: [Slot] = []
        while slots.count < count, let slot = cron.next(after: slots.last?.instant ?? moment, in: rules) {
            slots.append(slot)
        }
        return slots
    }
}
