import ArgumentParser
import Digests
import Foundation
import Objects
import Server

struct Demo: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Backs up a real database with a real agent and control plane, and proves the backup.")

    @Flag(help: "Leave the control plane and the agent running, and print the address.") var keep = false
    @Flag(help: "Print the result as JSON.") var json = false

    func run() async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "backupy-demo-\(getpid())").path
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        var stage = Stage(folder: folder)
        do {
            let result = try await play(&stage)
            if keep {
                try epilogueWhileRunning(stage, result)
            } else {
                try await stage.end()
                try await replay(stage, result)
                Console.print(json ? result.json : "")
                try? FileManager.default.removeItem(atPath: folder)
                say(
                    "\nNext: `make demo KEEP=1` leaves it all running; README.md walks through one run, entry by entry."
                )
            }
        } catch {
            await stage.abandon()
            Console.complain("The logs are \(folder)/server.log and \(folder)/agent.log")
            throw error
        }
    }

    private func say(_ text: String) { Console.complain(text) }

    private struct Result {
        var run: String
        var rowCount: Int
        var objectByteCount: UInt64
        var position: Int64
        var digest: String
        var json: String {
            #"{"run_id":"\#(run)","rows":\#(rowCount),"object_bytes":\#(objectByteCount),"#
                + #""log_position":\#(position),"digest":"\#(digest)"}"#
        }
    }

    private func play(_ stage: inout Stage) async throws -> Result {
        say("1. A database with data in it: \(stage.database)")
        let rowCount = try DemoDatabase.make(at: stage.database)
        say("   \(rowCount) rows in 2 tables, in WAL mode, with a writer's connection still open")

        say("2. A control plane, as a process of its own")
        let address = try await stage.startServer()
        let client = try Client(base: address, token: stage.adminToken())
        say("   \(address), its data in \(stage.serverData)")

        say("3. An agent, registered over REST and started as a second process; they speak over a WebSocket")
        let agent = try await client.call(.POST, "/agents", ["name": .string("demo agent")]).json
        let agentID = agent.member("id").cell
        try stage.startAgent(server: address, key: agent.member("key").text ?? "")
        try await waitUntilOnline(agentID, client, stage)

        say("4. A target and a job")
        let target = try await client.call(
            .POST, "/agents/\(agentID)/targets",
            ["type": "sqlite", "display_name": "demo", "connection": ["database": .string(stage.database)]]
        ).json
        let job = try await client.call(
            .POST, "/agents/\(agentID)/jobs", ["target_id": target.member("id"), "retention_days": .integer(7)]
        ).json

        say("5. The backup: dumped, compressed, encrypted and uploaded by the agent; verified by the control plane")
        let run = try await client.call(.POST, "/jobs/\(job.member("id").cell)/run", [:]).json.member("run_id").cell
        let verdict = try await Watch(client: client, run: run, printsJSON: false).toTheEnd()
        say("   \(verdict.member("size_bytes").cell) bytes, SHA-256 \(verdict.member("sha256").cell)")
        say(
            "   evidence: object \(verdict.member("evidence").member("object").cell), digest \(verdict.member("evidence").member("digest").cell)"
        )

        say("6. The proof: downloaded, decrypted, opened, compared row for row")
        let object = stage.folder + "/object.enc"
        let byteCount = try await client.download(run: run, to: object)
        let token = try await client.call(.POST, "/runs/\(run)/decryption-token", [:]).json.member("token").text ?? ""
        _ = try Decryptor.decrypt(
            input: object, output: stage.restored,
            key: .token(token, nowSeconds: Int64(Date().timeIntervalSince1970)))
        let compared = try DemoDatabase.compare(stage.database, stage.restored)
        guard compared == rowCount else {
            throw Failure(text: "\(compared) rows are equal of \(rowCount)", code: Failure.verification)
        }
        say("   all \(compared) rows are equal, and SQLite's own integrity check is clean")

        say("7. What happened to the run, from its own stream in the log (position, cause, kind):")
        for entry in try await client.list("/runs/\(run)/timeline") {
            let cause = entry.member("cause").integer.map { "because of \($0)" } ?? "from outside"
            say("   \(entry.member("position").cell)  \(cause)  \(entry.member("kind").cell)")
        }
        let state = try await client.call(.GET, "/state").json
        return Result(
            run: run, rowCount: rowCount, objectByteCount: byteCount, position: state.member("position").integer ?? 0,
            digest: state.member("digest").cell)
    }

    private func waitUntilOnline(_ id: String, _ client: Client, _ stage: Stage) async throws {
        for _ in 0..<300 {
            let agent = try await client.call(.GET, "/agents/\(id)").json
            if agent.member("status").text == "online" {
                return say(
                    "   \(id) is online: \(agent.member("hostname").cell), \(agent.member("agent_version").cell)")
            }
            try stage.checkProcesses()
            try await Task.sleep(for: .milliseconds(100))
        }
        throw Failure(text: "the agent did not connect within 30 s")
    }

    /// The log as the server left it folds to the state that it served, and decides again what it decided.
    private func replay(_ stage: Stage, _ result: Result) async throws {
        say("8. The replay: the log is folded anew, and every decision is decided again")
        let served = try LogFiles.replay(directory: stage.serverData, upTo: result.position)
        say("   served at position \(result.position):   \(result.digest)")
        say("   replayed to position \(result.position): \(served.digest)")
        guard served.digest == result.digest else {
            throw Failure(text: "the replay gives another state", code: Failure.verification)
        }
        say("   the same state; \(served.decisionCount) recorded decisions, each the same again")
    }

    private func epilogueWhileRunning(_ stage: Stage, _ result: Result) throws {
        Console.print(json ? result.json : stage.address)
        say("\nThe control plane runs at \(stage.address), with its data in \(stage.serverData). Try:")
        say("   export PATH=\(Stage.executable.deletingLastPathComponent().path):$PATH")
        say("   export BACKUPY_URL=\(stage.address) BACKUPY_TOKEN=$(cat \(stage.serverData)/admin.token)")
        say("   backupy runs list; backupy runs timeline \(result.run)")
        say("   backupy log tail --data \(stage.serverData); backupy replay \(stage.serverData)")
        say("Stop both with: kill \(stage.processIDs.map(String.init).joined(separator: " "))")
    }
}
