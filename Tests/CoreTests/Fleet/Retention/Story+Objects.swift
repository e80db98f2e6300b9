import Testing

@testable import Core

/// Stories of objects: one agent, one job, backups of ten bytes each.
extension Story {
    /// An agent with a job that keeps what the fields say.
    static func keeping(_ fields: [JobField]) -> Story {
        var story = Story.ready()
        story.ask(.changeJob(Story.job, fields))
        story.carryOut { if case .configure = $0 { .done } else { nil } }
        return story
    }

    /// Ten daily backups of a job that keeps seven days.
    static func tenDays(_ fields: [JobField] = [.retentionDays(7)]) -> Story {
        var story = keeping(fields)
        for number in 1...10 {
            story.backUp(number)
            story.delete()
            story.pass(.hours(24))
        }
        story.delete()
        return story
    }

    static func run(_ number: Int) -> RunID { RunID(Text("run_\(number)")) }

    /// One more backup.
    mutating func backUp(_ number: Int, attempt: UInt32 = 1) {
        let run = Self.run(number)
        if state.agents[Story.agent]?.session == nil {
            connect(session: SessionID(Text("ses_\(number)x")), sequence: UInt64(number) * 1_000)
        }
        let session = state.agents[Story.agent]?.session?.id
        ask(.runJob(run, Story.job))
        carryOut { if case .dispatch = $0 { .done } else { nil } }
        hear(
            .completed(
                Completion(
                    job: Story.job, run: WireRunID(run, Attempt(attempt)), objectName: "o", byteCount: 10,
                    digest: [UInt8](repeating: 9, count: 32), durationMilliseconds: 5, compression: "zstd",
                    databaseVersion: "SQLite 3")), session: session)
        observe(Story.found())
        #expect(state.objects.contains(run))
    }

    /// What was decided is carried out.
    mutating func delete(_ result: CommandOutcome.Result = .done) {
        carryOut { if case .delete = $0 { result } else { nil } }
    }

    /// What waits to be carried out.
    var deletions: [Command] { pending.map(\.1).filter { if case .delete = $0 { true } else { false } } }

    /// Holds each deletion so far to its reasons.
    func checkDeletions() {
        var audit = DeletionAudit()
        var state = Fleet.initial
        for entry in entries {
            let problem = audit.check(entry, in: state)
            #expect(problem == nil, "\(entry.position) \(entry.kind)")
            _ = Fleet.fold(entry, into: &state)
        }
    }
}
