import Core
import Engine
import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import NIOCore
import NIOEmbedded
import Objects
import Testing

@testable import Server

@Suite struct ObjectRouteTests {
    private static let name = ObjectName("backups/run_1-1")!
    private static let expiry: UInt64 = 1_767_225_600_000 + 60_000

    private static func path(_ url: String) -> String { String(url.dropFirst("http://127.0.0.1:8080".count)) }

    private static func upload(_ world: World, _ maximum: UInt64 = 1 << 20) -> String {
        path(world.services.signer.uploadURL(for: name, maximumByteCount: maximum, expiresAtMilliseconds: expiry))
    }

    private static func download(_ world: World) -> String {
        path(world.services.signer.downloadURL(for: name, expiresAtMilliseconds: expiry))
    }

    @Test("An object is stored, replaced, fetched whole and in ranges, and looked at")
    func storing() async throws {
        try await withWorld { world, call in
            let content = (0..<700_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
            #expect(try await call.send(.put, Self.upload(world), [1, 2, 3], token: nil).status == 200)
            #expect(try await call.send(.put, Self.upload(world), content, token: nil).status == 200)
            let whole = try await call(.get, Self.download(world), token: nil)
            #expect(whole.status == 200 && whole.bytes == content && whole.headers[.acceptRanges] == "bytes")
            #expect(whole.headers[.contentLength] == "700000")
            let head = try await call(.head, Self.download(world), token: nil)
            #expect(head.status == 200 && head.bytes.isEmpty && head.headers[.contentLength] == "700000")
            #expect(head.headers[.eTag] == whole.headers[.eTag])
            for (header, range) in [
                ("bytes=0-0", 0..<1), ("bytes=10-19", 10..<20), ("bytes=699990-", 699_990..<700_000),
                ("bytes=-5", 699_995..<700_000), ("bytes=100-9999999", 100..<700_000), ("bytes=-9999999", 0..<700_000),
                ("bytes=1-18446744073709551615", 1..<700_000),
            ] {
                let part = try await call(.get, Self.download(world), token: nil, headers: [.range: header])
                #expect(part.status == 206 && part.bytes == Array(content[range]), "\(header)")
                #expect(part.headers[.contentRange] == "bytes \(range.lowerBound)-\(range.upperBound - 1)/700000")
            }
            for header in ["bytes=700000-", "bytes=-0", "bytes=9999999-99999999"] {
                let answer = try await call(.get, Self.download(world), token: nil, headers: [.range: header])
                #expect(answer.status == 416 && answer.headers[.contentRange] == "bytes */700000", "\(header)")
            }
            for header in ["bytes=5-1", "bytes=a-b", "bytes=", "bytes=-", "items=0-1", "bytes=0-1,3-4", "bytes=--1"] {
                let answer = try await call(.get, Self.download(world), token: nil, headers: [.range: header])
                #expect(answer.status == 200 && answer.bytes.count == 700_000, "\(header)")
            }
        }
    }

    @Test("Only a signed address in time, with its own method, does anything")
    func signatures() async throws {
        try await withWorld { world, call in
            let upload = Self.upload(world)
            for path in [
                "/objects/backups/run_1-1", upload.replacing("run_1-1", with: "run_1-2"),
                upload.replacing("max=1048576", with: "max=1048577"), String(upload.dropLast()), upload + "0",
                upload + "&x=1", Self.download(world), "/objects/../log.sqlite?expires=1&max=1&signature=00",
                "/objects/?expires=1", upload.replacing("/objects/", with: "//objects/"),
            ] {
                let answer = try await call.send(.put, path, [1], token: World.token)
                #expect(answer.status == 403 && answer.code == "PERMISSION_DENIED" || answer.status == 404, "\(path)")
            }
            #expect(try await call(.get, upload).status == 403)
            #expect(try await call(.get, Self.download(world), token: nil).status == 404)
            let answer = try await call(.delete, upload, token: nil)
            #expect(answer.status == 405 && answer.headers[.allow] == "GET, HEAD, PUT")
            world.clock.advance(by: .minutes(2))
            let late = try await call.send(.put, upload, [1], token: nil)
            #expect(late.status == 403 && late.text.contains("expired"))
        }
    }

    @Test("Uploads without a length, too large, to a frozen name, or without room are refused")
    func refusals() async throws {
        try await withWorld { world, call in
            let none = try await call(.put, Self.upload(world), token: nil)
            #expect(none.status == 411)
            let wrong = try await call(.put, Self.upload(world), token: nil, headers: [.contentLength: "-1"])
            #expect(wrong.status == 422)
            let large = try await call.send(.put, Self.upload(world, 2), [1, 2, 3], token: nil)
            #expect(large.status == 413 && large.code == "VALIDATION_ERROR")
            let full = try await call(
                .put, Self.upload(world, .max), token: nil, headers: [.contentLength: String(1 << 40)])
            #expect(full.status == 507 && full.code == "SERVICE_UNAVAILABLE")
            #expect(try await call.send(.put, Self.upload(world), [1], token: nil).status == 200)
            _ = try world.store.look(at: Self.name, freezing: true)
            let frozen = try await call.send(.put, Self.upload(world), [2], token: nil)
            #expect(frozen.status == 409 && frozen.code == "CONFLICT")
            #expect(try await call(.get, Self.download(world), token: nil).bytes == [1])
        }
    }

    @Test("An upload that is cut off leaves nothing, and its room is free again")
    func cutOff() async throws {
        let world = try World()
        let responder = FleetRouter.build(world.services).buildResponder()
        let (body, source) = RequestBody.makeStream()
        let request = Hummingbird.Request(
            head: HTTPRequest(
                method: .put, scheme: "http", authority: "localhost", path: Self.upload(world),
                headerFields: [.contentLength: "1000"]), body: body)
        let context = FleetContext(
            source: ApplicationRequestContextSource(
                channel: NIOAsyncTestingChannel(), logger: world.services.logger))
        async let response = responder.respond(to: request, context: context)
        await source.yield(ByteBuffer(bytes: [UInt8](repeating: 1, count: 500)))
        source.finish(ChannelError.inputClosed)
        #expect(try await response.status.code == 400)
        let left = try FileManager.default.contentsOfDirectory(atPath: world.directory + "/objects/.incoming")
        #expect(left.isEmpty)
        #expect(throws: ObjectStoreError.notFound(Self.name)) { try world.store.open(Self.name) }

        let (short, end) = RequestBody.makeStream()
        let second = Hummingbird.Request(head: request.head, body: short)
        async let answer = responder.respond(to: second, context: context)
        await end.yield(ByteBuffer(bytes: [1]))
        end.finish()
        #expect(try await answer.status.code == 422)
        #expect(throws: ObjectStoreError.notFound(Self.name)) { try world.store.open(Self.name) }
        await world.stop()
    }

    @Test("Over a socket: put and get back, and an early refusal of a large upload")
    func socket() async throws {
        let world = try World()
        let app = Application(
            router: FleetRouter.build(world.services), configuration: .init(address: .hostname("127.0.0.1", port: 0)))
        let content = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        try await app.test(.live) { client in
            let call = Client(client: client)
            #expect(try await call.send(.put, Self.upload(world, 4_000_000), content, token: nil).status == 200)
            #expect(try await call(.get, Self.download(world), token: nil).bytes == content)
            #expect(try await call.send(.put, Self.upload(world, 10), content, token: nil).status == 413)
            #expect(try await call(.get, "/v1/agents").status == 200)
            let head = try await call(.head, Self.download(world), token: nil)
            #expect(head.headers[.contentLength] == "3000000")
        }
        await world.stop()
    }
}
