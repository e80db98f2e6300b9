import CSQLite
import Core
import Digests
import Foundation
import Objects
import SwiftProtobuf
import Testing

@testable import Agent
@testable import Wire

@Suite("Runs of the agent", .timeLimit(.minutes(2)))
struct RunTests {
    @Test("A run is reported with what the store got; told again it is not run again")
    func journal() async throws {
        let stage = try await Stage()
        try await stage.start()
        let peer = try await stage.server.accept(stage.config())
        stage.order(peer, run: "run-1")
        stage.order(peer, run: "run-1")
        let report = try await peer.nextReport()
        let completed = report.backupCompleted
        let body = try #require(stage.store.bodies.first)
        #expect(completed.runID == "run-1")
        #expect(completed.jobID == "job_1")
        #expect(completed.s3Key == "o/run-1")
        #expect(completed.sizeBytes == UInt64(body.count))
        #expect(completed.sha256 == SHA256.digest(of: body).hex)
        #expect(Array(completed.encryptedDek) == Stage.dataKey)
        #expect(completed.dbEngineVersion.hasPrefix("SQLite 3."))
        var plain: [UInt8] = []
        let reader = try BlobReader(dataKey: Stage.dataKey) { plain.append(contentsOf: $0) }
        try reader.write(body)
        _ = try reader.finish()
        #expect(plain.count == (try Data(contentsOf: URL(fileURLWithPath: stage.database))).count)
        peer.send {
            $0.reportAcknowledged.runID = "run-1"
            $0.reportAcknowledged.seq = report.seq
        }
        _ = try await peer.roundTrip()
        stage.order(peer, run: "run-1")
        #expect(try await peer.nextReport().backupCompleted.sha256 == completed.sha256)
        #expect(stage.store.bodies.count == 1)
        #expect(stage.stagedFiles == [])
        try await stage.stop()
    }

    @Test("A run outlives the connection that asked for it, and is reported on the next one")
    func disconnect() async throws {
        let stage = try await Stage(storeIsOpen: false)
        try await stage.start()
        let first = try await stage.server.accept(stage.config())
        stage.order(first, run: "run-1")
        for await _ in stage.store.arrivals { break }
        try await first.cut()
        await stage.redial()
        let second = try await stage.server.accept(stage.config())
        #expect(try await second.roundTrip().allSatisfy { $0.backupCompleted.runID.isEmpty })
        stage.store.open()
        #expect(try await second.nextReport().backupCompleted.runID == "run-1")
        #expect(stage.store.bodies.count == 1)
        try await stage.stop()
    }

    @Test("A report is kept until it is acknowledged, over connections and restarts, its key sealed")
    func acknowledgement() async throws {
        let stage = try await Stage()
        try await stage.start()
        let first = try await stage.server.accept(stage.config())
        stage.order(first, run: "run-1")
        let sha256 = try await first.nextReport().backupCompleted.sha256
        _ = try await first.roundTrip()
        try await first.cut()
        await stage.redial()
        let second = try await stage.server.accept(stage.config())
        #expect(try await second.nextReport().backupCompleted.sha256 == sha256)
        try await stage.stop()

        let secrets = [Data(Stage.dataKey), Data("s3cr3tsig".utf8), Data(Stage.keyText.utf8)]
        for name in try FileManager.default.subpathsOfDirectory(atPath: stage.stateDirectory) {
            guard let bytes = FileManager.default.contents(atPath: stage.stateDirectory + "/" + name) else { continue }
            for secret in secrets { #expect(bytes.range(of: secret) == nil, "\(name)") }
        }

        try await stage.start()
        let third = try await stage.server.accept(stage.config())
        let report = try await third.nextReport()
        #expect(report.backupCompleted.sha256 == sha256)
        #expect(Array(report.backupCompleted.encryptedDek) == Stage.dataKey)
        third.send {
            $0.reportAcknowledged.runID = "run-1"
            $0.reportAcknowledged.seq = report.seq
        }
        _ = try await third.roundTrip()
        try await stage.stop()

        try await stage.start()
        let fourth = try await stage.server.accept(stage.config())
        #expect(try await fourth.roundTrip() == [])
        try await stage.stop()
    }

    @Test("Without acknowledgements a report counts once the connection lived on, else it is sent again")
    func plainServer() async throws {
        let stage = try await Stage(extensions: nil)
        try await stage.start()
        let first = try await stage.server.accept(stage.config())
        stage.order(first, run: "run-1")
        #expect(try await first.nextReport().backupCompleted.runID == "run-1")
        try await first.cut()
        await stage.redial()
        let second = try await stage.server.accept(stage.config())
        #expect(try await second.nextReport().backupCompleted.runID == "run-1")
        // The pings are the two data messages after which the report counts.
        #expect(try await second.roundTrip() == [])
        #expect(try await second.roundTrip() == [])
        try await second.cut()
        await stage.redial(after: .seconds(2))
        let third = try await stage.server.accept(stage.config())
        #expect(try await third.roundTrip() == [])
        try await stage.stop()
    }

    @Test("A cancelled run stops at once, leaves no file and says so")
    func cancel() async throws {
        let stage = try await Stage(storeIsOpen: false)
        try await stage.start()
        let peer = try await stage.server.accept(stage.config { $0.advanced.maxParallelJobs = 1 })
        stage.order(peer, run: "run-1")
        stage.order(peer, run: "run-2")
        for await _ in stage.store.arrivals { break }
        peer.send { $0.cancelJob.jobID = "job_1" }
        var seen: [String: [WireJobStatus]] = [:]
        var steps: [String] = []
        while seen.values.count(where: { $0.contains(.cancelled) }) < 2 {
            let update = try await peer.next().jobUpdate
            if seen[update.runID]?.last != update.status { seen[update.runID, default: []].append(update.status) }
            if update.status == .running, steps.last != update.currentStep { steps.append(update.currentStep) }
        }
        #expect(seen == ["run-1": [.running, .cancelled], "run-2": [.queued, .cancelled]])
        #expect(steps == ["validate", "dump", "upload"])
        await stage.waitUntilNothingIsStaged()
        try await stage.stop()
    }

    @Test("A run that is cancelled while its store does not read ends soon, and leaves no file")
    func cancelDeafStore() async throws {
        let stage = try await Stage(rowByteCount: 30_000_000)
        let store = try DeafStore()
        try await stage.start()
        let peer = try await stage.server.accept(stage.config())
        var times: [Duration] = []
        // Alone it takes some milliseconds; the machine may be busy with all other tests, but hardly each time for so long.
        let isNightly = ProcessInfo.processInfo.environment["BACKUPY_NIGHTLY"] == "1"
        let limit = Duration.seconds(isNightly ? 1 : 5)
        for number in 1...5 where times.allSatisfy({ $0 >= limit }) {
            stage.order(peer, run: "run-\(number)", port: store.port)
            // More than the system takes for a connection that nobody reads is on its way by then.
            while try await peer.next().jobUpdate.currentStep != "upload" {}
            #expect(stage.stagedFiles.count == 1)
            let start = ContinuousClock.now
            peer.send { $0.cancelJob.jobID = "job_1" }
            while try await peer.next().jobUpdate.status != .cancelled {}
            await stage.waitUntilNothingIsStaged()
            times.append(ContinuousClock.now - start)
        }
        #expect(try #require(times.min()) < limit, "\(times)")
        try await stage.stop()
    }

    @Test("A run that a restart cut off is reported as failed, and its file is gone")
    func restart() async throws {
        let stage = try await Stage(storeIsOpen: false)
        try await stage.start()
        let first = try await stage.server.accept(stage.config())
        stage.order(first, run: "run-1")
        for await _ in stage.store.arrivals { break }
        #expect(stage.stagedFiles.count == 1)
        try await stage.stop()
        try await stage.start()
        let second = try await stage.server.accept(stage.config())
        let update = try await second.nextReport().jobUpdate
        #expect(update.status == .failed)
        #expect(update.errorMessage == "interrupted: the agent restarted before the upload was finished")
        await stage.waitUntilNothingIsStaged()
        #expect(stage.store.bodies.count == 1)
        try await stage.stop()
    }

    @Test("Post-hooks of a run that a restart cut off run once the configuration is there")
    func hooksAfterRestart() async throws {
        let stage = try await Stage(storeIsOpen: false)
        let mark = stage.folder + "/mark"
        let config = stage.config {
            $0.jobs[0].preHooks = ["echo pre >> \(mark)"]
            $0.jobs[0].postHooks = ["echo post >> \(mark)", "exit 9"]
        }
        try await stage.start(allowsHooks: true)
        let first = try await stage.server.accept(config)
        stage.order(first, run: "run-1")
        for await _ in stage.store.arrivals { break }
        try await stage.stop()
        // An agent that reaches no server in its whole life owes them still.
        try await stage.start(allowsHooks: true, port: 1)
        await stage.time.waited(for: .seconds(1))
        try await stage.stop()
        #expect(try String(contentsOfFile: mark, encoding: .utf8) == "pre\n")
        try await stage.start(allowsHooks: true)
        let second = try await stage.server.accept(config)
        var update = WireJobUpdate()
        var warning = WireLogEvent()
        while update.status != .failed || warning.message.isEmpty {
            let envelope = try await second.nextReport()
            if case .log(let log) = envelope.payload { warning = log } else { update = envelope.jobUpdate }
        }
        #expect(warning.message == "run run-1: pipeline: post_hook[1] failed: hook ended with exited(9)")
        #expect(try String(contentsOfFile: mark, encoding: .utf8) == "pre\npost\n")
        try await stage.stop()
    }

    @Test("What cannot be run is reported at once, in words")
    func refusals() async throws {
        let stage = try await Stage()
        try await stage.start()
        let config = stage.config { config in
            config.targets.append(.with { $0.id = "tgt_2" })
            config.jobs.append(
                .with {
                    $0.id = "job_2"
                    $0.targetID = "tgt_2"
                })
            config.jobs.append(
                .with {
                    $0.id = "job_3"
                    $0.targetID = "tgt_9"
                })
            config.jobs.append(
                .with {
                    $0.id = "job_4"
                    $0.targetID = "tgt_1"
                    $0.preHooks = ["true"]
                })
        }
        let peer = try await stage.server.accept(config)
        for (job, text) in [
            ("job_9", "pipeline: unknown job_id \"job_9\""), ("job_3", "pipeline: unknown target for job \"job_3\""),
            ("job_2", "pipeline: no driver registered for db_type=db_unspecified"),
        ] {
            stage.order(peer, run: "run-\(job)", job: job)
            let update = try await peer.nextReport().jobUpdate
            #expect(update.status == .failed)
            #expect(update.errorMessage == text)
        }
        stage.order(peer, run: "run-4", job: "job_4")
        #expect(try await peer.nextReport().jobUpdate.errorMessage.contains("--allow-hooks"))
        peer.send {
            $0.runBackup.runID = "run-5"
            $0.runBackup.jobID = "job_1"
        }
        #expect(
            try await peer.nextReport().jobUpdate.errorMessage == "pipeline: RunBackup missing upload credentials")
        #expect(stage.store.bodies == [])
        try await stage.stop()
    }

    @Test(
        "A run ends when nothing can be uploaded any more, though its job has no timeout and its database stays locked")
    func lockedForEver() async throws {
        let stage = try await Stage()
        var application: OpaquePointer?
        try #require(sqlite3_open(stage.database, &application) == SQLITE_OK)
        defer { sqlite3_close_v2(application) }
        try #require(sqlite3_exec(application, "BEGIN EXCLUSIVE", nil, nil, nil) == SQLITE_OK)
        try await stage.start()
        let peer = try await stage.server.accept(stage.config())
        stage.order(peer, run: "run-1", life: .seconds(66))
        await stage.time.waited(for: .seconds(66))
        stage.time.advance(by: .seconds(66))
        var update = WireJobUpdate()
        while update.status != .failed { update = try await peer.nextReport().jobUpdate }
        // That it can be read is tried first, and may not have ended by then.
        #expect(update.errorMessage.hasPrefix("pipeline: the run timed out: its upload address ended during step "))
        try await stage.stop()
    }

    @Test("An upload that began in time goes on beyond the end of its address")
    func uploadBeyondEnd() async throws {
        let stage = try await Stage(storeIsOpen: false)
        try await stage.start()
        let peer = try await stage.server.accept(stage.config())
        stage.order(peer, run: "run-1", life: .seconds(66))
        for await _ in stage.store.arrivals { break }
        stage.time.advance(by: .seconds(66))
        stage.store.open()
        #expect(try await peer.nextReport().backupCompleted.runID == "run-1")
        try await stage.stop()
    }

    @Test("Why an upload waits is told to the server at once, and again where the run ends by its time")
    func unreachable() async throws {
        let stage = try await Stage()
        try await stage.start()
        let peer = try await stage.server.accept(stage.config { $0.jobs[0].timeoutSec = 77 })
        // Nobody listens there: bound, and never told to.
        let unused = try UnusedPort()
        stage.order(peer, run: "run-1", port: unused.number)
        var log = WireLogEvent()
        while log.message.isEmpty {
            if case .log(let event) = try await peer.nextReport().payload { log = event }
        }
        let problem = "PUT http://127.0.0.1:\(unused.number)/o/run-1: Connection refused"
        #expect(log.message == "run run-1: \(problem); it is tried again")
        await stage.time.waited(for: .seconds(77))
        await stage.time.waited(for: .seconds(1))
        stage.time.advance(by: .seconds(77))
        var update = WireJobUpdate()
        while update.status != .failed { update = try await peer.nextReport().jobUpdate }
        #expect(
            update.errorMessage
                == "pipeline: the run timed out after 77 s, the job's timeout, during step upload, whose last try failed: \(problem)"
        )
        try await stage.stop()
    }

    @Test("The job's timeout covers the upload; post-hooks run all the same")
    func timeout() async throws {
        let stage = try await Stage(storeIsOpen: false)
        try await stage.start(allowsHooks: true)
        let mark = stage.folder + "/mark"
        let config = stage.config {
            $0.jobs[0].timeoutSec = 77
            $0.jobs[0].preHooks = ["echo pre >> \(mark)"]
            $0.jobs[0].postHooks = ["echo post >> \(mark)", "exit 9"]
        }
        let peer = try await stage.server.accept(config)
        stage.order(peer, run: "run-1")
        for await _ in stage.store.arrivals { break }
        await stage.time.waited(for: .seconds(77))
        stage.time.advance(by: .seconds(77))
        var update = WireJobUpdate()
        var warning = WireLogEvent()
        while update.status != .failed || warning.message.isEmpty {
            let envelope = try await peer.nextReport()
            if case .log(let log) = envelope.payload { warning = log } else { update = envelope.jobUpdate }
        }
        #expect(update.errorMessage == "pipeline: the run timed out after 77 s, the job's timeout, during step upload")
        #expect(warning.message == "run run-1: pipeline: post_hook[1] failed: hook ended with exited(9)")
        #expect(try String(contentsOfFile: mark, encoding: .utf8) == "pre\npost\n")
        try await stage.stop()
    }
}
