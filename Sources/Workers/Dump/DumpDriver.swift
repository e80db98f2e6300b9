public import Wire

/// Reads one type of database. Called on a thread of its own, which may be blocked. A target's password is itself, never a
/// reference to one.
public protocol DumpDriver: Sendable {
    /// The types it reads, as ``Wire/StationSettings/Target/type`` names them.
    var types: [String] { get }

    /// What the agent may say it can do by it, on this host as it is now.
    var capabilities: [String] { get }

    /// Whether the target can be read at all; quick.
    ///
    /// - Parameter mayGoOn: to be asked now and then while waiting; false stops it soon, with any error.
    /// - Throws: ``RunFailure``.
    func validate(_ target: StationSettings.Target, mayGoOn: () -> Bool) throws

    /// Writes the dump in pieces of any size and returns the engine's version, such as `SQLite 3.40.1`.
    ///
    /// - Parameter progress: gets percent now and then; false stops the dump soon, with any error.
    func dump(
        _ target: StationSettings.Target, progress: (Int) -> Bool, to output: (UnsafeRawBufferPointer) throws -> Void
    ) throws -> String
}
