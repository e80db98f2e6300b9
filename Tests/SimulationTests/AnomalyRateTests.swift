import Core
import Foundation
import Testing

@testable import Simulation

/// Goal: an agent's weakness is called by its name, and nothing is told of an agent with which nothing is the matter.
/// Method: worlds without hazards, in which agents of both kinds show one weakness each, at a drawn moment, or none. What
/// the log says of them is held against what the world knows of them.
@Suite("How often an agent's weakness is called by its name, and a plain agent by none")
struct AnomalyRateTests {
    /// By default a hundredth of them, which takes a minute; all with BACKUPY_NIGHTLY=1.
    private static let share = ProcessInfo.processInfo.environment["BACKUPY_NIGHTLY"] == "1" ? 1 : 100

    @Test(
        "Of 1 000 sessions with a weakness at least 990 have it named, and nothing else",
        arguments: Anomaly.Kind.allCases)
    func rightClass(kind: Anomaly.Kind) throws {
        let rate = try AnomalyRate(kind, ofSessions: 1_000 / Self.share)
        #expect(rate.wrong.count <= 10 / Self.share, "of \(rate.sessionCount): \(rate.wrong.prefix(3))")
    }

    @Test("Of 10 000 plain sessions at most one has a false alarm")
    func falseAlarms() async throws {
        async let ours = AnomalyRate(of: .ours, sessions: 5_000 / Self.share)
        async let reference = AnomalyRate(of: .reference, sessions: 5_000 / Self.share)
        let wrong = try await ours.wrong + reference.wrong
        #expect(wrong.count <= 1 / Self.share, "\(wrong.prefix(3))")
    }
}
