import Core

/// An agent as the reference agent is in recorded sessions: no journal, runs that die with the connection that
/// brought them, and a queue on disk that loses and overwrites.
struct ReferenceAgent: Sendable {
    struct RunningBackup: Sendable {
        enum Stage: Sendable {
            case dumping
            case uploading
            case hooks(ModelStore.Object)
        }

        var wire: WireRunID
        var job: JobID
        var connection: Int
        var stage = Stage.dumping
    }

    /// What is being done, by a number of its own: a repeated RunBackup runs again.
    var runs: [Int: RunningBackup] = [:]
    var startedCount = 0
    /// Frames saved on disk under `seq-<n>`; they outlive the process.
    var queue: [Text: AgentFrame] = [:]
    var configVersion: UInt64 = 0
}

extension World {
    private static let theirs = 1

    mutating func takeAsReference(_ frame: ServerFrame, on id: Int) {
        switch frame {
        case .registerAck(_, let version, _):
            reference.configVersion = version
            replay()
        case .configUpdate(let version, _):
            reference.configVersion = version
        case .runBackup(let job, let wire):
            reference.startedCount += 1
            let serial = reference.startedCount
            reference.runs[serial] = ReferenceAgent.RunningBackup(wire: wire, job: job, connection: id)
            after(dice.span(300...90_000), .referenceStep(links[Self.theirs].epoch, serial))
        case .cancelJob, .ping, .reportAcknowledged:
            break  // logged only
        }
    }

    /// Hands saved frames to a buffer of 64, before anything reads it: with more saved ones the agent hangs.
    private mutating func replay() {
        let keys = reference.queue.keys.sorted().prefix(100)
        for key in keys.prefix(64) {
            guard let frame = reference.queue.removeValue(forKey: key) else { continue }
            // Deleted on disk when buffered: a connection that breaks now loses it for good.
            write(frame, from: Self.theirs)
        }
        if keys.count > 64 { links[Self.theirs].hangs = true }
    }

    mutating func advance(_ serial: Int) {
        guard var run = reference.runs[serial] else { return }
        switch run.stage {
        case .dumping:
            if dice.chance(in: 12) {
                reference.runs[serial] = nil
                // A text that is not UTF-8 is never delivered.
                if isHealed || !dice.chance(in: 4) { report(failure: .source, of: run) }
                return
            }
            run.stage = .uploading
            after(dice.span(200...60_000), .referenceStep(links[Self.theirs].epoch, serial))
        case .uploading:
            let object = drawObject()
            var stored = object
            if !isHealed, dice.chance(in: 40) { stored.byteCount -= 1 }
            let isVanished = !isHealed && dice.chance(in: 40)
            guard isVanished || store.put(stored, as: run.wire.text) else {
                reference.runs[serial] = nil
                return report(failure: .upload, of: run)
            }
            run.stage = .hooks(object)
            after(
                dice.chance(in: 4) ? dice.span(1_000...120_000) : dice.span(1...500),
                .referenceStep(links[Self.theirs].epoch, serial))
        case .hooks(let object):
            reference.runs[serial] = nil
            return sendOrSave(
                .completed(
                    Completion(
                        job: run.job, run: run.wire, objectName: run.wire.text, byteCount: object.byteCount,
                        digest: object.digest, durationMilliseconds: 0, compression: "zstd", databaseVersion: "")),
                nil)
        }
        reference.runs[serial] = run
    }

    /// The connection ended: its runs are cancelled, unless only their post-hooks are left.
    mutating func loseRuns(of id: Int) {
        for serial in reference.runs.keys.sorted() {
            guard let run = reference.runs[serial], run.connection == id else { continue }
            if case .hooks = run.stage { continue }
            reference.runs[serial] = nil
            if !dice.chance(in: 3) { report(failure: .disconnect, of: run) }
        }
    }

    private mutating func report(failure: FailureClass, of run: ReferenceAgent.RunningBackup) {
        sendOrSave(
            .jobUpdate(
                JobUpdate(
                    job: run.job, run: run.wire, status: .failed, progressPercent: 0, step: "", errorText: "failed")),
            failure)
    }

    private mutating func sendOrSave(_ report: Report, _ failure: FailureClass?) {
        let frame = makeFrame(report, failure, from: Self.theirs)
        if links[Self.theirs].isWelcomed, !links[Self.theirs].hangs {
            write(frame, from: Self.theirs)
        } else {
            reference.queue[Text("seq-\(frame.sequence)")] = frame
        }
    }
}
