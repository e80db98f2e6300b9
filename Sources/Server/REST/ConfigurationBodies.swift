import Core
import Foundation
import Wire

/// The body of PATCH `/agents/{id}/config`.
enum SettingsBody {
    /// What is to be set. Of a window, what is absent stays as it was.
    static func fields(_ body: inout Body, _ former: AgentSettings) throws(RESTError) -> [SettingsField] {
        var fields: [SettingsField] = []
        if var window = try body.object("maintenance") {
            let start = try window.text("start_utc") ?? former.maintenanceStart
            let end = try window.text("end_utc") ?? former.maintenanceEnd
            try window.end()
            fields.append(.maintenance(start: start, end: end))
        }
        if var advanced = try body.object("advanced") {
            if let value = try advanced.number("max_parallel_jobs") { fields.append(.maxParallelJobs(value)) }
            if let value = try advanced.text("log_level") { fields.append(.logLevel(value)) }
            if let value = try advanced.flag("auto_update_enabled") { fields.append(.autoUpdate(value)) }
            try advanced.end()
        }
        try body.end()
        return fields
    }
}

/// The body of a new or changed target.
struct TargetBody {
    /// What is to be set, but for a password that has to go to the vault first.
    var fields: [TargetField] = []
    /// A password in clear.
    private(set) var password: Text?
    /// The texts that will stand on the log, with their members.
    private(set) var texts: [(member: String, text: Text)] = []

    static let types: [(String, TargetSpec.DatabaseType)] = [
        ("postgresql", .postgresql), ("mysql", .mysql), ("mariadb", .mariadb), ("mongodb", .mongodb),
        ("redis", .redis), ("sqlite", .sqlite),
    ]
    static let strategies: [(String, TargetSpec.Strategy)] = [
        ("tcp", .tcp), ("docker_exec", .dockerExec), ("unix_socket", .unixSocket),
    ]

    init(_ body: inout Body) throws(RESTError) {
        if let value = try body.word("type", Self.types) { fields.append(.type(value)) }
        try take("display_name", of: &body, as: TargetField.displayName)
        if var connection = try body.object("connection") {
            try take("host", of: &connection, in: "connection.", as: TargetField.host)
            if let value = try connection.number("port", limit: 65_535) { fields.append(.port(value)) }
            try take("database", of: &connection, in: "connection.", as: TargetField.database)
            try take("username", of: &connection, in: "connection.", as: TargetField.username)
            if let value = try connection.secret("password_secret_ref") { try take(value) }
            try take("container_id", of: &connection, in: "connection.", as: TargetField.containerID)
            if let value = try connection.word("strategy", Self.strategies) { fields.append(.strategy(value)) }
            try connection.end()
        }
        try body.end()
        guard let password else { return }
        for (member, text) in texts where KnownSecrets.holds(text, any: [password]) {
            throw RESTError.holdsSecret(member)
        }
    }

    private mutating func take(
        _ name: String, of body: inout Body, in path: String = "", as field: (Text) -> TargetField
    ) throws(RESTError) {
        guard let value = try body.text(name) else { return }
        texts.append((path + name, value))
        fields.append(field(value))
    }

    private mutating func take(_ reference: Text) throws(RESTError) {
        let text = reference.string
        let field = "connection.password_secret_ref"
        if text.isEmpty {
            fields.append(.password(.none))
        } else if text.hasPrefix("env:") {
            let name = text.utf8.dropFirst(4)
            let isName =
                !name.isEmpty
                && name.allSatisfy { byte in
                    switch byte {
                    case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
                        true
                    default: false
                    }
                }
            guard isName else { throw .field(field, "“env:” must be followed by the name of a variable") }
            fields.append(.password(.reference(reference)))
        } else if text.hasPrefix("file:") {
            guard text.utf8.count > 5 else { throw .field(field, "“file:” must be followed by a path") }
            guard !Redactor.looksSecret(text) else { throw .holdsSecret(field) }
            fields.append(.password(.reference(reference)))
        } else {
            password = reference
        }
    }

    /// All that is to be set, once the password has its name in the vault.
    func fields(secret: Text?) -> [TargetField] { fields + (secret.map { [.password(.vault($0))] } ?? []) }
}

/// What a body says about retention; parts that it does not name stay as they were.
enum RetentionBody {
    static func fields(_ body: inout Body) throws(RESTError) -> [JobField] {
        var fields: [JobField] = []
        if let value = try body.number("retention_days", limit: 36_500) { fields.append(.retentionDays(value)) }
        if var retention = try body.object("retention") {
            for part in RetentionRule.Count.allCases {
                if let value = try retention.number(part.word, limit: RetentionRule.limit) {
                    fields.append(.keep(part, value))
                }
            }
            try retention.end()
        }
        return fields
    }
}

/// The body of a new or changed job, without its target.
enum JobBody {
    static func fields(_ body: inout Body) throws(RESTError) -> [JobField] {
        var fields: [JobField] = []
        if let value = try body.text("cron", byteLimit: 200) {
            // An empty one is right: runs on request only.
            if !value.isEmpty { _ = try CronQuery.cron(value) }
            fields.append(.cron(value))
        }
        if let value = try body.text("time_zone", byteLimit: 64) {
            guard TimeZone(identifier: value.string) != nil else {
                throw .field(
                    "time_zone", "is no zone that is known here; an IANA name such as Europe/Berlin is expected")
            }
            fields.append(.timeZone(value))
        }
        if let value = try body.number("jitter_sec") { fields.append(.jitterSeconds(value)) }
        if let value = try body.word("overlap", Overlap.allCases.map { ($0.rawValue, $0) }) {
            fields.append(.overlap(value))
        }
        if let value = try body.number("catch_up_sec") { fields.append(.catchUpSeconds(value)) }
        fields += try RetentionBody.fields(&body)
        if let value = try body.text("compression") { fields.append(.compression(value)) }
        if try body.flag("encryption_enabled") == false {
            throw .field("encryption_enabled", "must be true: backups are always encrypted")
        }
        if let value = try body.texts("pre_hooks", countLimit: 16, byteLimit: 4_096) { fields.append(.preHooks(value)) }
        if let value = try body.texts("post_hooks", countLimit: 16, byteLimit: 4_096) {
            fields.append(.postHooks(value))
        }
        if var retry = try body.object("retry") {
            if let value = try retry.number("max_attempts", limit: 100) { fields.append(.maxAttempts(value)) }
            if let value = try retry.numbers("backoff_seconds", countLimit: 100) {
                fields.append(.backoffSeconds(value))
            }
            try retry.end()
        }
        if let value = try body.number("timeout_sec") { fields.append(.timeoutSeconds(value)) }
        try body.end()
        return fields
    }

    /// The texts that will stand on the log as they came, with their members.
    static func texts(of fields: [JobField]) -> [(member: String, text: Text)] {
        fields.flatMap { field -> [(member: String, text: Text)] in
            switch field {
            case .preHooks(let hooks): hooks.enumerated().map { ("pre_hooks[\($0)]", $1) }
            case .postHooks(let hooks): hooks.enumerated().map { ("post_hooks[\($0)]", $1) }
            case .cron, .retentionDays, .keep, .compression, .maxAttempts, .backoffSeconds, .timeoutSeconds, .timeZone,
                .jitterSeconds, .overlap, .catchUpSeconds:
                []
            }
        }
    }
}
