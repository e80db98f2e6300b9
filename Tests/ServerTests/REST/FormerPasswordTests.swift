import Core
import Engine
import Logging
import SQLiteLog
import Testing

@testable import Server

@Suite("Former passwords")
struct FormerPasswordTests {
    @Test("A password that is replaced is kept for 7 days, the newest 32 of an agent; one that was refused is not")
    func keepsFormer() async throws {
        let world = try World()
        let keeper = SecretKeeper(
            vault: world.vault, state: world.follower, clock: world.clock,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        let agent = AgentID("agt_00000000001")
        let turn = try await world.engine.request(
            .requested(
                .createAgent(agent, name: "a", keyDigest: [UInt8](repeating: 1, count: 32)), Ticket(token: "admin")))
        try await world.follower.wait(for: turn.end)
        func replace(_ password: Text) async throws {
            keeper.settle(try await keeper.keep(password, of: agent))
            await keeper.sweep()
        }
        func former() throws -> [[UInt8]] {
            try world.vault.names(withPrefix: "former:agt_00000000001:").compactMap { try world.vault.reveal($0) }
        }
        try await replace("first")
        #expect(try former() == [Array("first".utf8)])
        await keeper.discard(try await keeper.keep("refused", of: agent))
        await keeper.sweep()
        #expect(try former() == [Array("first".utf8)])
        for number in 0..<32 {
            world.clock.advance(by: .seconds(1))
            try await replace(Text("password-\(number)"))
        }
        #expect(try former().count == 32 && former().first == Array("password-0".utf8))
        #expect(try world.vault.names(withPrefix: "secret:").isEmpty)
        world.clock.advance(by: .hours(8 * 24))
        await keeper.sweep()
        #expect(try former().isEmpty)
        await world.stop()
    }
}
