import NIOCore
import NIOPosix
import Synchronization
import Testing

@testable import Telemetry

@Suite("Figures on an address of their own")
struct MetricsListenerTests {
    @Test("They are computed on no event loop, on which agents would have to wait for them")
    func thread() async throws {
        let metrics = Metrics()
        let isOnLoop = Mutex<[Bool]>([])
        metrics.reading("t_figure", "A figure.") {
            isOnLoop.withLock { $0.append(MultiThreadedEventLoopGroup.currentEventLoop != nil) }
            return [.init([], 1)]
        }
        let listener = try await MetricsListener(host: "127.0.0.1", port: 0, metrics: metrics)
        let answer = try await get("/metrics", port: listener.port)
        #expect(answer.hasPrefix("HTTP/1.1 200 "))
        #expect(answer.hasSuffix("\r\n\r\n" + metrics.text()))
        #expect(try await metrics.computedText() == metrics.text())
        #expect(isOnLoop.withLock { $0 } == [false, false, false, false])
        for (path, status) in [("/", 404), ("/v1/agents", 404)] {
            #expect(try await get(path, port: listener.port).hasPrefix("HTTP/1.1 \(status) "), "\(path)")
        }
        #expect(isOnLoop.withLock { $0.count } == 4)
        await listener.stop()
    }

    private func get(_ path: String, port: Int) async throws -> String {
        let connection = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(host: "127.0.0.1", port: port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                }
            }
        return try await connection.executeThenClose { inbound, outbound in
            try await outbound.write(ByteBuffer(string: "GET \(path) HTTP/1.1\r\nHost: x\r\n\r\n"))
            var answer = ""
            for try await buffer in inbound { answer += String(buffer: buffer) }
            return answer
        }
    }
}
