public import Core
public import Engine
public import Logging
public import Wire

/// What connections of agents need from the rest of the server.
public struct SessionEnvironment: Sendable {
    /// Where frames go.
    public var submitter: any Submitter<Fleet.Message>
    /// What must not be found in frames.
    public var secrets: any SecretSource
    /// Where workers find connections.
    public var registry: SessionRegistry
    /// The wall clock, for the frames that sessions send themselves.
    public var clock: any Clock
    /// 64 random bits for the id of a session.
    public var drawBits: @Sendable () -> UInt64
    /// Never told a secret.
    public var logger: Logger

    /// An environment with all its parts.
    public init(
        submitter: any Submitter<Fleet.Message>, secrets: any SecretSource, registry: SessionRegistry,
        clock: any Clock, drawBits: @escaping @Sendable () -> UInt64 = { .random(in: .min ... .max) }, logger: Logger
    ) {
        self.submitter = submitter
        self.secrets = secrets
        self.registry = registry
        self.clock = clock
        self.drawBits = drawBits
        self.logger = logger
    }
}
