public import Core
public import Engine

/// The fleet's folded state, as workers read it: the follower's.
public protocol FleetReader: Sendable {
    /// Waits until a position has been folded.
    ///
    /// - Throws: when that takes longer than the limit.
    func wait(for position: Position, limit: Milliseconds) async throws

    /// Reads the folded state. The body must be quick.
    func read<Value: Sendable>(_ body: (borrowing Fleet.State) -> Value) -> Value
}

extension Follower: FleetReader where M == Fleet {}
