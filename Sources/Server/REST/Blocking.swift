import NIOPosix

/// Runs what waits for files on threads that are there for it, so that neither event loops nor tasks wait.
func blocking<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
    try await NIOThreadPool.singleton.runIfActive(body)
}
