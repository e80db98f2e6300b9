import Core

/// One connection: two directions in order, until it breaks. Of what is on the way then, some may still arrive.
struct Connection: Sendable {
    /// Which machine dialled.
    var agent: Int
    /// Drawn at the door with the Register; nil before.
    var session: SessionID?
    /// When that Register was built, by the agent's clock.
    var registeredSentAt: Timestamp?
    /// What both sides speak beyond version 1.
    var extensions: [Text]
    /// Whether RegisterAck was written.
    var isWelcomed = false
    /// Whether the door still holds it.
    var isOpenAtServer = true
    /// Whether the agent still holds it.
    var isOpenAtAgent = true
    /// Whether what is written now goes nowhere.
    var isBroken = false
    /// What was on the way to the server when it broke arrives until then; nil while it is whole.
    var deliversToServerUntil: Timestamp?
    /// The same for the way to the agent.
    var deliversToAgentUntil: Timestamp?
    /// When the last frame of each direction arrives.
    var toServer: Timestamp
    var toAgent: Timestamp
    /// Until then frames wait at an agent that did not read. Later ones wait behind them, also when it reads again.
    var heldUntil = Timestamp(milliseconds: 0)
    /// When the server last wrote.
    var lastWritten: Timestamp
    /// How many frames the server has written.
    var writtenCount: UInt64 = 0
    /// How many pings.
    var pingCount = 0
    /// Confirmations that wait for the RegisterAck, as run and number.
    var owed: [(run: WireRunID, sequence: UInt64)] = []
}
