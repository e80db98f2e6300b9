import HTTPTypes
import NIOCore
import NIOEmbedded
import NIOHTTPTypes
import Testing

@testable import Server

@Suite("How long a request may take to arrive")
struct RequestClockTests {
    private func head(_ path: String) -> HTTPRequestPart {
        .head(HTTPRequest(method: .post, scheme: "http", authority: "x", path: path))
    }

    private func channel() throws -> EmbeddedChannel {
        let channel = EmbeddedChannel(handler: RequestClock())
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
        return channel
    }

    @Test(
        "A body that trickles for a minute ends the connection; a whole request and an object's do not",
        arguments: [
            ("/v1/agents", false, false), ("/v1/agents", true, true), ("/objects/a", false, true),
        ])
    func clock(path: String, ends: Bool, staysOpen: Bool) throws {
        let channel = try channel()
        try channel.writeInbound(head(path))
        for _ in 0..<61 {
            if channel.isActive { try channel.writeInbound(HTTPRequestPart.body(ByteBuffer(string: " "))) }
            if ends { try channel.writeInbound(HTTPRequestPart.end(nil)) }
            channel.embeddedEventLoop.advanceTime(by: .seconds(1))
        }
        #expect(channel.isActive == staysOpen)
        _ = try? channel.finish()
    }

    @Test("Each request has its own time")
    func anew() throws {
        let channel = try channel()
        for _ in 0..<5 {
            try channel.writeInbound(head("/v1/agents"))
            channel.embeddedEventLoop.advanceTime(by: .seconds(59))
            try channel.writeInbound(HTTPRequestPart.end(nil))
        }
        #expect(channel.isActive)
        _ = try? channel.finish()
    }
}
