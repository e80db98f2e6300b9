import Core
import Testing
import Wire

@testable import Agent

@Suite("ReportDesk", .timeLimit(.minutes(1)))
struct ReportDeskTests {
    private let time = ManualTime()

    private func frame(_ run: Text) -> AgentFrame {
        .report(run: run, Station.Run(Station.Order(job: "j", object: "o", isManual: false)), .cancelled, key: [])
    }

    @Test("Without acknowledgements a report counts at the second data message after it was written")
    func settles() async throws {
        let outbox = Outbox(time: time)
        let desk = ReportDesk(outbox: outbox)
        let queue = outbox.open()
        desk.opened(isAcknowledging: false)
        desk.heard()
        async let outcome = desk.deliver(frame("r"), of: "r")
        for await item in queue {
            desk.heard()
            desk.heard()
            item.onWritten?(1)
            break
        }
        desk.heard()
        desk.resend("r")
        for await item in queue {
            item.onWritten?(2)
            break
        }
        desk.heard()
        desk.heard()
        #expect(try await outcome == .delivered(isAcknowledged: false))
    }

    @Test("What was written on a connection that is gone is sent again, and only its own session's messages count")
    func sentAgain() async throws {
        let outbox = Outbox(time: time)
        let desk = ReportDesk(outbox: outbox)
        var queue = outbox.open()
        desk.opened(isAcknowledging: false)
        async let outcome = desk.deliver(frame("r"), of: "r")
        for await item in queue {
            item.onWritten?(1)
            break
        }
        desk.heard()
        desk.closed()
        queue = outbox.open()
        desk.opened(isAcknowledging: true)
        for await item in queue {
            item.onWritten?(2)
            break
        }
        desk.heard()
        desk.heard()
        desk.acknowledged("someone else's")
        desk.acknowledged("r")
        #expect(try await outcome == .delivered(isAcknowledged: true))
    }

    @Test("A withdrawn report, and one of an agent that stops, end their wait")
    func ends() async throws {
        let outbox = Outbox(time: time)
        let desk = ReportDesk(outbox: outbox)
        let queue = outbox.open()
        desk.opened(isAcknowledging: true)
        async let withdrawn = desk.deliver(frame("a"), of: "a")
        for await _ in queue { break }
        desk.withdraw("a")
        #expect(try await withdrawn == .withdrawn)
        let frame = frame("b")
        let stopped = Task { try await desk.deliver(frame, of: "b") }
        stopped.cancel()
        await #expect(throws: CancellationError.self) { try await stopped.value }
    }

    @Test("A server that asks faster than it reads fills no memory")
    func flood() {
        let outbox = Outbox(time: time)
        _ = outbox.open()
        let sent = (0..<10_000).count { _ in outbox.send(.acknowledgement(correlationID: "c")) }
        #expect(sent == 4_096)
        #expect(outbox.send(frame("r")) { _ in })
    }
}
