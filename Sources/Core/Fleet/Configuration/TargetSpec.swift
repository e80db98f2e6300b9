/// A database and how to reach it.
public struct TargetSpec: Hashable, Sendable {
    /// The wire's `DbType`.
    public enum DatabaseType: UInt8, Hashable, Sendable, CaseIterable {
        case unspecified = 0
        case postgresql, mysql, mariadb, mongodb, redis, sqlite
    }

    /// The wire's `ConnectionStrategy`.
    public enum Strategy: UInt8, Hashable, Sendable, CaseIterable {
        case tcp = 0
        case dockerExec, unixSocket
    }

    /// Where a password comes from.
    public enum Password: Hashable, Sendable {
        /// There is none.
        case none
        /// Kept in the vault under this name.
        case vault(Text)
        /// `env:NAME` or `file:PATH`: the agent looks it up on its own host.
        case reference(Text)
    }

    /// What kind of database.
    public var type = DatabaseType.unspecified
    /// For people.
    public var displayName: Text = ""
    /// Host name or address; empty for the tool's own default.
    public var host: Text = ""
    /// 0 for the database's own default.
    public var port: UInt32 = 0
    /// The database's name; for SQLite the path of the file on the agent's host.
    public var database: Text = ""
    /// Who to log in as.
    public var username: Text = ""
    /// The password.
    public var password = Password.none
    /// A container, for the strategies that need one.
    public var containerID: Text = ""
    /// How to get there.
    public var strategy = Strategy.tcp

    /// A target that nothing has been said about.
    public init() {}

    /// What is wrong with it; nil when nothing is.
    public var problem: Refusal? {
        if type == .unspecified {
            return Refusal(
                code: .validation, field: "type",
                text: "must be one of postgresql, mysql, mariadb, mongodb, redis, sqlite")
        }
        if displayName.byteCount > 200 {
            return Refusal(code: .validation, field: "display_name", text: "must have at most 200 bytes")
        }
        if type == .sqlite, database.isEmpty {
            return Refusal(
                code: .validation, field: "connection.database", text: "must be the path of the SQLite file")
        }
        if port > 65_535 {
            return Refusal(code: .validation, field: "connection.port", text: "must be at most 65535")
        }
        for (field, value) in [
            ("connection.host", host), ("connection.database", database), ("connection.username", username),
            ("connection.container_id", containerID),
        ] where value.byteCount > 4_096 || value.string.utf8.contains(0) {
            return Refusal(
                code: .validation, field: Text(field), text: "must have at most 4096 bytes, none of them zero")
        }
        // Some tool that is told it would take it for an option.
        for (field, value) in [
            ("connection.host", host), ("connection.database", database), ("connection.username", username),
            ("connection.container_id", containerID),
        ] where value.string.utf8.first == UInt8(ascii: "-") {
            return Refusal(code: .validation, field: Text(field), text: "must not begin with a hyphen")
        }
        return nil
    }
}

/// One thing to set in a target.
public enum TargetField: Hashable, Sendable {
    case type(TargetSpec.DatabaseType)
    case displayName(Text)
    case host(Text)
    case port(UInt32)
    case database(Text)
    case username(Text)
    case password(TargetSpec.Password)
    case containerID(Text)
    case strategy(TargetSpec.Strategy)
}

extension TargetSpec {
    /// Sets one thing.
    public mutating func set(_ field: TargetField) {
        switch field {
        case .type(let value): type = value
        case .displayName(let value): displayName = value
        case .host(let value): host = value
        case .port(let value): port = value
        case .database(let value): database = value
        case .username(let value): username = value
        case .password(let value): password = value
        case .containerID(let value): containerID = value
        case .strategy(let value): strategy = value
        }
    }
}

/// A target with its owner.
public struct Target: Hashable, Sendable {
    /// Whose.
    public var agent: AgentID
    /// What.
    public var spec: TargetSpec
    /// Its last change.
    public var position: Position

    /// A target with all its parts.
    public init(agent: AgentID, spec: TargetSpec, position: Position) {
        self.agent = agent
        self.spec = spec
        self.position = position
    }
}
