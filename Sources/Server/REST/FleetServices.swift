public import Core
public import Engine
public import Logging
public import Objects

/// Reads the state that the follower has folded.
public protocol FleetStateReader: Sendable {
    /// Reads the state. The body must be quick: the follower waits for it.
    func read<Value: Sendable>(_ body: (borrowing Fleet.State) -> Value) -> Value
    /// The whole state with the position it belongs to.
    func snapshot() -> (position: Position, state: Fleet.State)
    /// Waits until a position has been folded; throws after the limit.
    func wait(for position: Position, limit: Milliseconds) async throws
}

extension Follower: FleetStateReader where M == Fleet {}

/// What the REST interface and the routes of the embedded store stand on. The composition fills it.
public struct FleetServices: Sendable {
    /// Takes requests: the engine.
    public var submitter: any Submitter<Fleet.Message>
    /// The folded state: the follower.
    public var state: any FleetStateReader
    /// The documents of ``FleetProjection``.
    public var views: any ViewsReader
    /// Reads the log, from any thread.
    public var log: any LogReader & Sendable
    /// Decodes what ``log`` reads.
    public var codec: any Codec<Fleet.Message>
    /// Keeps passwords (`secret:…`) and data keys (`key:` and the wire run id).
    public var vault: any Vault
    /// The embedded store; nil when objects lie elsewhere, and then there are no `/objects` routes.
    public var store: DirectoryStore?
    /// Makes and checks the embedded store's addresses.
    public var signer: ObjectURLSigner
    /// Who may come in.
    public var tokens: any TokenTable
    /// 32 secret bytes that sign decryption tokens; the digests of idempotent requests are keyed with what derives from
    /// them.
    public var tokenKey: [UInt8]
    /// Keeps the vault in step with the targets.
    public let secrets: SecretKeeper
    /// Time.
    public var clock: any Clock
    /// Why the server is not ready; nil when it is.
    public var unreadiness: @Sendable () -> String?
    /// Where wrong tokens come from; shared with the agents' door.
    public var wrongKeys = WrongKeys()
    /// The rules of a time zone from a moment on and for so long; nil when there is no zone of that name.
    public var zones: @Sendable (Text, Timestamp, Milliseconds) -> ZoneRules? = { name, _, _ in
        name == ZoneRules.utcName ? .utc : nil
    }
    /// What a token may ask for.
    public var rate = RateLimit()
    /// Where faults of the server's own are told, with the trace id of the answer.
    public var logger: Logger

    /// Services with all their parts.
    public init(
        submitter: any Submitter<Fleet.Message>, state: any FleetStateReader, views: any ViewsReader,
        log: any LogReader & Sendable, codec: any Codec<Fleet.Message>, vault: any Vault, store: DirectoryStore?,
        signer: ObjectURLSigner, tokens: any TokenTable, tokenKey: [UInt8], clock: any Clock,
        unreadiness: @escaping @Sendable () -> String?, logger: Logger
    ) {
        self.submitter = submitter
        self.state = state
        self.views = views
        self.log = log
        self.codec = codec
        self.vault = vault
        self.store = store
        self.signer = signer
        self.tokens = tokens
        self.tokenKey = tokenKey
        self.clock = clock
        self.unreadiness = unreadiness
        self.logger = logger
        secrets = SecretKeeper(vault: vault, state: state, clock: clock, logger: logger)
    }
}
