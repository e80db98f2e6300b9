public import NIOCore
import Synchronization

/// The channels of one dial: each address that is tried has its own, and several may be open at once. Futures know
/// nothing of cancellation, so a dial is called off by closing what it has opened.
public final class DialedChannels: Sendable {
    private struct State: Sendable {
        var channels: [any Channel] = []
        var isCancelled = false
    }

    private let state = Mutex(State())

    /// None yet.
    public init() {}

    /// Takes a channel before it connects.
    ///
    /// - Throws: when the dial was called off before; the channel is then closed.
    public func add(_ channel: any Channel) throws(CancellationError) {
        let isCancelled = state.withLock { state in
            if !state.isCancelled { state.channels.append(channel) }
            return state.isCancelled
        }
        guard isCancelled else { return }
        channel.close(promise: nil)
        throw CancellationError()
    }

    /// Calls the dial off: closes its channels, and each that comes later.
    public func cancel() {
        let channels = state.withLock { state in
            state.isCancelled = true
            defer { state.channels = [] }
            return state.channels
        }
        for channel in channels { channel.close(promise: nil) }
    }
}
