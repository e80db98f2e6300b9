import Testing

@testable import Server

@Suite("One at a time")
struct TurnstileTests {
    @Test("A second one is turned away while the first is within, also when that fails")
    func turnsAway() async throws {
        let turnstile = Turnstile()
        let inner = try await turnstile.pass { try await turnstile.pass { 1 } == nil }
        #expect(inner == true)
        await #expect(throws: CancellationError.self) {
            _ = try await turnstile.pass { () async throws -> Int in throw CancellationError() }
        }
        #expect(try await turnstile.pass { 2 } == 2)
    }
}
