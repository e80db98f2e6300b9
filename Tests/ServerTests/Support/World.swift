import Core
import Digests
import Engine
import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Logging
import NIOCore
import Objects
import SQLiteLog
import Synchronization
import Wire

@testable import Server

/// Clocks that tests move.
final class ManualClock: Clock {
    private let state = Mutex((wall: Timestamp(milliseconds: 1_767_225_600_000), nanoseconds: UInt64(0)))

    func wallTime() -> Timestamp { state.withLock { $0.wall } }
    func monotonicNanoseconds() -> UInt64 { state.withLock { $0.nanoseconds } }

    func advance(by span: Milliseconds) {
        state.withLock {
            $0.wall = $0.wall + span
            $0.nanoseconds += UInt64(span.count) * 1_000_000
        }
    }
}

/// Whether a server says that it is ready.
final class Readiness: Sendable {
    let reason = Mutex<String?>(nil)
}

/// Carries out commands at once: frames are sent into the void, objects are looked for in the store.
struct PromptWorker: Worker {
    let store: DirectoryStore
    let vault: SQLiteVault
    let follower: Follower<Fleet, FleetCodec>

    func lane(for command: Fleet.Message) -> Text? { "all" }

    func perform(
        _ delivery: Delivery<Fleet.Message>, report: @escaping @Sendable (Fleet.Message) -> Void
    ) async throws(CancellationError) -> Fleet.Message {
        guard case .command(let command) = delivery.message else { return .faulted("no command") }
        let result: CommandOutcome.Result
        do {
            try await follower.wait(for: delivery.position)
            switch command {
            case .welcome, .configure, .cancel, .disconnect, .probe, .refuse, .runCheck:
                result = .done
            case .dispatch(_, let run, let attempt, _):
                try vault.store([UInt8](repeating: 7, count: 32), as: "key:\(WireRunID(run, attempt).text)")
                result = .done
            case .probeTarget(let check):
                let now = follower.read { $0.checks[check]?.heardAt } ?? Timestamp(milliseconds: 0)
                result = .probed(
                    HealthResult(
                        check: check, probedAt: now + .seconds(1), isHealthy: true, latencyMilliseconds: 3,
                        errorText: "", statusCode: 200))
            case .observe(let run, let attempt):
                switch try store.look(at: World.objectName(run, attempt, follower), freezing: true) {
                case .found(let byteCount, let digest): result = .found(byteCount: byteCount, digest: digest?.bytes)
                case .missing: result = .missing
                }
            case .delete(let run, let attempt):
                try store.remove(World.objectName(run, attempt, follower))
                try vault.delete("key:\(WireRunID(run, attempt).text)")
                result = .done
            case .survey:
                result = .undone("nobody surveys the store here")
            case .readZone:
                result = .undone("nobody reads zones here")
            }
        } catch {
            result = .undone(Text("\(error)"))
        }
        return .outcome(CommandOutcome(position: delivery.position, command: command, result: result))
    }
}

/// The tokens on the log, and two of administrators.
struct WorldTokens: TokenTable {
    private let book: TokenBook
    private let fixed = FixedTokens([("other", SHA256.digest(of: Array(World.otherToken.utf8)))])

    init(_ book: TokenBook) { self.book = book }

    func holder(of digest: Digest) -> TokenHolder? { book.holder(of: digest) ?? fixed.holder(of: digest) }
    func used(_ name: Text, at moment: Timestamp) { book.used(name, at: moment) }
    func lastUse(of name: Text) -> Timestamp? { book.lastUse(of: name) }
}

/// A control plane without sockets: real log, views, vault and store in a folder, and the router over them.
final class World: Sendable {
    static let token = "a-good-token"
    static let otherToken = "another-good-token"

    let directory: String
    let clock = ManualClock()
    let engine: Engine<Fleet, SQLiteEventLog, FleetCodec>
    let follower: Follower<Fleet, FleetCodec>
    let vault: SQLiteVault
    let store: DirectoryStore
    let services: FleetServices
    let readiness = Readiness()
    private let book = TokenBook(admin: SHA256.digest(of: Array(World.token.utf8)))

    static func objectName(
        _ run: RunID, _ attempt: Attempt, _ follower: Follower<Fleet, FleetCodec>
    ) throws -> ObjectName {
        let name = follower.read { state in
            state.runs[run].map {
                ObjectNames.name(agent: $0.order.agent, job: $0.order.job, run: run, attempt: attempt)
            }
        }
        guard let name, let objectName = ObjectName(name.string) else { throw CancellationError() }
        return objectName
    }

    init(rate: RateLimit = RateLimit(perSecond: 1_000_000, burst: 1_000_000)) throws {
        let url = FileManager.default.temporaryDirectory.appendingPathComponent("backupy-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        directory = url.path
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let log = try SQLiteEventLog(directory: directory)
        let reader = try SQLiteLogReader(directory: directory)
        let projection = FleetProjection()
        let views = try SQLiteViews(path: directory + "/views.sqlite", collections: projection.collections)
        let follower = Follower<Fleet, FleetCodec>(
            reader: reader, codec: FleetCodec(), views: views, projection: projection, logger: logger)
        self.follower = follower
        guard let masterKey = MasterKey([UInt8](repeating: 1, count: 32)) else { throw CancellationError() }
        vault = try SQLiteVault(directory: directory, masterKey: masterKey)
        store = try DirectoryStore(root: directory + "/objects") { _ in
            FreeSpace(freeByteCount: 1 << 40, totalByteCount: 1 << 40)
        }
        engine = Engine(
            clock: clock,
            voice: EngineVoice(started: { _ in .started(EngineStart(build: "test", rules: Fleet.rules, seed: 1)) }),
            worker: PromptWorker(store: store, vault: vault, follower: follower), logger: logger,
            observer: { [book] recorded in
                book.apply(recorded)
                follower.wake()
            },
            onFailure: { _ in })
        let readiness = readiness
        let tokens = WorldTokens(book)
        var services = FleetServices(
            submitter: engine, state: follower, views: views, log: reader, codec: FleetCodec(), vault: vault,
            store: store, signer: ObjectURLSigner(key: masterKey.derive(.signing), base: "http://127.0.0.1:8080"),
            tokens: tokens, tokenKey: masterKey.derive(.tokens), clock: clock,
            unreadiness: { readiness.reason.withLock { $0 } },
            logger: logger)
        services.rate = rate
        services.zones = { name, _, _ in
            ["UTC": 0, "Europe/Berlin": 3_600][name].map {
                ZoneRules(offsetSeconds: $0, transitions: [], until: Timestamp(milliseconds: .max))
            }
        }
        self.services = services
        follower.start()
        try engine.start(log: log, codec: FleetCodec())
    }

    deinit {
        follower.stop()
        try? FileManager.default.removeItem(atPath: directory)
    }

    func stop() async {
        await engine.shutdown()
        follower.stop()
    }
}

/// Runs a test against the router of a fresh world.
func withWorld(
    rate: RateLimit = RateLimit(perSecond: 1_000_000, burst: 1_000_000),
    _ body: @Sendable (World, Client) async throws -> Void
) async throws {
    let world = try World(rate: rate)
    let app = Application(router: FleetRouter.build(world.services))
    try await app.test(.router) { client in
        try await body(world, Client(client: client))
    }
    await world.stop()
}

/// Asks and reads JSON.
struct Client: Sendable {
    struct Answer: Sendable {
        var status: Int
        var headers: HTTPFields
        var bytes: [UInt8]
        var json: JSON

        var text: String { String(decoding: bytes, as: UTF8.self) }
        /// The code of an error.
        var code: String? { json["error"]?["code"]?.string }
        /// The member that an error is about.
        var field: String? { json["error"]?["details"]?["field"]?.string }
    }

    let client: any TestClientProtocol

    func callAsFunction(
        _ method: HTTPRequest.Method, _ path: String, _ body: String? = nil, token: String? = World.token,
        headers: HTTPFields = [:]
    ) async throws -> Answer {
        try await send(method, path, body.map { Array($0.utf8) }, token: token, headers: headers)
    }

    func send(
        _ method: HTTPRequest.Method, _ path: String, _ body: [UInt8]?, token: String? = World.token,
        headers: HTTPFields = [:]
    ) async throws -> Answer {
        var headers = headers
        if let token { headers[.authorization] = "Bearer \(token)" }
        return try await client.execute(
            uri: path, method: method, headers: headers, body: body.map { ByteBuffer(bytes: $0) }
        ) { response in
            let bytes = Array(response.body.readableBytesView)
            return Answer(
                status: response.status.code, headers: response.headers, bytes: bytes,
                json: (try? JSONParser.parse(bytes)) ?? .null)
        }
    }
}

extension JSON {
    var string: String? { if case .string(let text) = self { text } else { nil } }
    var number: UInt64? { if case .number(let digits) = self { UInt64(digits) } else { nil } }
    var array: [JSON] { if case .array(let values) = self { values } else { [] } }
    var names: [String] { if case .object(let members) = self { members.map(\.name) } else { [] } }
}

/// Runs a test against the router of other services.
func withRouter(_ services: FleetServices, _ body: @Sendable (Client) async throws -> Void) async throws {
    let app = Application(router: FleetRouter.build(services))
    try await app.test(.router) { client in try await body(Client(client: client)) }
}
