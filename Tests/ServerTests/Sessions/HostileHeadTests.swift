import Core
import Digests
import NIOCore
import NIOEmbedded
import NIOHTTP1
import Testing

@testable import Engine
@testable import Server

/// Goal: no bytes before an upgrade trap the server, and none open the door but a sound request with a right key.
/// Method: a sound request is changed in many small ways by a seeded generator and goes through NIO's decoder and the
/// gate, as on a real connection.
@Suite("Hostile heads")
struct HostileHeadTests {
    private static let key = "bkpy_live_0123456789abcdefghijklmnopqrstuv"
    private static let sound = [
        "GET /v1/agents/connect HTTP/1.1", "Host: localhost", "Connection: Upgrade", "Upgrade: websocket",
        "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: AAECAwQFBgcICQoLDA0ODw==", "Authorization: Bearer \(key)",
        "Backupy-Extensions: report-ack",
    ]
    /// What parsers of heads have stumbled over.
    private static let pieces = [
        "\r\n", "\n", "\r", "\0", " ", "\t", ":", ",", "?", "%00", "%", "\u{FF}", "GET ", "POST ", " HTTP/1.0",
        " HTTP/9.9",
        "Content-Length: 18446744073709551616\r\n", "Content-Length: -1\r\n", "Transfer-Encoding: chunked\r\n",
        "Upgrade: h2c\r\n", "Upgrade:\r\n", "Connection: close\r\n", "Sec-WebSocket-Key: x\r\n",
        "Authorization: Basic \(key)\r\n", "Authorization:\r\n", "Backupy-Extensions: ,,,\r\n",
        "/v1/agents/connect", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", String(repeating: "a", count: 9_000),
    ]

    /// Draws numbers from a seed.
    private struct Dice {
        let seed: UInt64
        var counter: UInt64 = 0

        mutating func draw(below limit: Int) -> Int {
            counter += 1
            return Int(Mix.bits(seed: seed, counter: counter) % UInt64(max(1, limit)))
        }
    }

    private static func request(_ dice: inout Dice) -> [UInt8] {
        var lines = sound
        for _ in 0..<dice.draw(below: 3) {
            switch dice.draw(below: 3) {
            case 0: lines.remove(at: dice.draw(below: lines.count))
            case 1: lines.append(lines[dice.draw(below: lines.count)])
            default: lines.swapAt(dice.draw(below: lines.count), dice.draw(below: lines.count))
            }
        }
        var bytes = Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8)
        for _ in 0..<dice.draw(below: 4) {
            let place = dice.draw(below: bytes.count)
            switch dice.draw(below: 4) {
            case 0: bytes[place] = UInt8(dice.draw(below: 256))
            case 1: bytes.removeSubrange(place..<min(bytes.count, place + dice.draw(below: 40)))
            case 2: bytes.insert(contentsOf: pieces[dice.draw(below: pieces.count)].utf8, at: place)
            default: bytes.removeLast(dice.draw(below: bytes.count))
            }
        }
        return bytes
    }

    private func door() -> AgentDoor {
        let keys = KeyTable()
        let digest = SHA256.digest(of: Array(Self.key.utf8)).bytes
        let created = Fleet.Message.accepted(
            .agentCreated(AgentID("agt_00000000001"), name: "a", keyDigest: digest), Ticket(token: "admin"))
        let entry = Entry<Fleet.Message>(
            position: Position(1), recordedAt: Timestamp(milliseconds: 0), stream: .engine, revision: Revision(1),
            cause: nil, kind: "", message: created)
        keys.apply([Recorded(entry: entry, role: .answer)])
        let door = AgentDoor(keys: keys)
        door.open()
        return door
    }

    /// The heads that come through with their Upgrade header.
    private func upgrades(_ bytes: [UInt8], _ door: AgentDoor) throws -> [HTTPRequestHead] {
        let channel = EmbeddedChannel()
        let pipeline = channel.pipeline.syncOperations
        try pipeline.addHandler(HTTPResponseEncoder())
        try pipeline.addHandler(ByteToMessageHandler(HTTPRequestDecoder(leftOverBytesStrategy: .forwardBytes)))
        try pipeline.addHandler(UpgradeGate { door.agent(of: $0) != nil })
        // What is no HTTP is thrown here as it is told to the handlers; both are an answer.
        _ = try? channel.writeInbound(ByteBuffer(bytes: bytes))
        var heads: [HTTPRequestHead] = []
        while let part = try? channel.readInbound(as: HTTPServerRequestPart.self) {
            if case .head(let head) = part, head.headers.contains(name: "upgrade") { heads.append(head) }
        }
        _ = try? channel.finish(acceptAlreadyClosed: true)
        return heads
    }

    @Test("Unchanged, the request comes through")
    func unchanged() throws {
        let bytes = Array((Self.sound.joined(separator: "\r\n") + "\r\n\r\n").utf8)
        #expect(try upgrades(bytes, door()).count == 1)
    }

    @Test("Changed, it traps nothing and opens no door without the key", arguments: UInt64(1)...4)
    func changed(seed: UInt64) throws {
        let door = door()
        var dice = Dice(seed: seed)
        for _ in 0..<1_000 {
            let bytes = Self.request(&dice)
            for head in try upgrades(bytes, door) {
                let text = String(decoding: bytes, as: UTF8.self)
                #expect(head.headers["authorization"].count == 1 && text.contains(Self.key), "\(text)")
                #expect(head.method == .GET && AgentDoor.isAgentPath(head.uri), "\(text)")
                #expect(head.headers["sec-websocket-version"] == ["13"], "\(text)")
                #expect(AgentDoor.extensions(of: head).count <= 1, "\(text)")
            }
        }
    }
}
