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
            ("/behind/a/proxy/objects/a", false, true), ("/v1/agents?x=/objects/", false, false),
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

    @Test(
        "A connection that says nothing for a minute is ended, before a request, within an object and after an answer")
    func silence() throws {
        for stage in 0..<3 {
            let channel = try channel()
            if stage > 0 { try channel.writeInbound(head("/objects/a")) }
            if stage > 1 {
                try channel.writeInbound(HTTPRequestPart.end(nil))
                channel.embeddedEventLoop.advanceTime(by: .seconds(300))
                // That the server takes long to answer is not the peer's silence.
                #expect(channel.isActive)
                try channel.writeOutbound(HTTPResponsePart.head(HTTPResponse(status: .ok)))
                try channel.writeOutbound(HTTPResponsePart.end(nil))
            }
            channel.read()
            channel.embeddedEventLoop.advanceTime(by: .seconds(59))
            #expect(channel.isActive, "\(stage)")
            channel.embeddedEventLoop.advanceTime(by: .seconds(1))
            #expect(!channel.isActive, "\(stage)")
            _ = try? channel.finish()
        }
    }

    @Test("What the server itself holds back, because its disk is slow, is not the sender's silence")
    func heldBack() throws {
        let channel = try channel()
        channel.read()
        try channel.writeInbound(head("/objects/a"))
        try channel.writeInbound(HTTPRequestPart.body(ByteBuffer(string: "x")))
        channel.embeddedEventLoop.advanceTime(by: .seconds(200))
        #expect(channel.isActive)
        channel.read()
        channel.embeddedEventLoop.advanceTime(by: .seconds(59))
        #expect(channel.isActive)
        channel.embeddedEventLoop.advanceTime(by: .seconds(1))
        #expect(!channel.isActive)
        _ = try? channel.finish()
    }

    @Test(
        "A peer that takes nothing of its answer for five minutes is left, one that takes a little now and then is not")
    func stalled() throws {
        for isTaking in [false, true] {
            let channel = try channel()
            channel.read()
            try channel.writeInbound(head("/objects/a"))
            try channel.writeInbound(HTTPRequestPart.end(nil))
            try channel.writeOutbound(HTTPResponsePart.head(HTTPResponse(status: .ok)))
            for minute in 0..<7 {
                #expect(channel.isActive == (isTaking || minute < 5), "\(minute)")
                if isTaking {
                    channel.isWritable = true
                    channel.pipeline.fireChannelWritabilityChanged()
                }
                channel.isWritable = false
                channel.pipeline.fireChannelWritabilityChanged()
                channel.embeddedEventLoop.advanceTime(by: .minutes(1))
            }
            _ = try? channel.finish()
        }
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
