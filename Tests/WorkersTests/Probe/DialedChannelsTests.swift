import NIOCore
import NIOPosix
import Testing

@testable import Workers

@Suite("The channels of a dial", .timeLimit(.minutes(1)))
struct DialedChannelsTests {
    private func open() async throws -> any Channel {
        try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup).bind(host: "127.0.0.1", port: 0).get()
    }

    @Test("all are closed when it is called off, and each that comes later")
    func cancellation() async throws {
        let dialed = DialedChannels()
        let first = try await open()
        let second = try await open()
        try dialed.add(first)
        try dialed.add(second)
        #expect(first.isActive)
        #expect(second.isActive)
        dialed.cancel()
        try await first.closeFuture.get()
        try await second.closeFuture.get()
        let late = try await open()
        #expect(throws: CancellationError.self) { try dialed.add(late) }
        try await late.closeFuture.get()
    }
}
