import Foundation
import SwiftProtobuf
import Testing

@testable import Agent
@testable import Wire

@Suite("Secrets in what the agent says", .timeLimit(.minutes(2)))
struct DiscretionTests {
    @Test("Hooks that print passwords: literal ones, and those that are only named, also after they were changed")
    func hooks() async throws {
        let stage = try await Stage()
        let told = Told()
        stage.logger = told.logger
        let file = stage.folder + "/password"
        let passwords = ["a literal password", "first of the file", "second of the file"]
        try passwords[1].write(toFile: file, atomically: true, encoding: .utf8)
        let config = stage.config {
            $0.targets[0].connection.passwordSecretRef = "file:\(file)"
            $0.targets.append(
                .with {
                    $0.id = "tgt_2"
                    $0.connection.passwordSecretRef = passwords[0]
                })
            // Before any dump has asked for it, and once more what stands there by now.
            $0.jobs[0].preHooks = ["echo 'one: \(passwords[0])'; printf 'two: '; cat \(file)"]
            $0.jobs[0].postHooks = ["printf 'three: '; cat \(file); printf ', four: '; base64 <\(file)"]
        }
        try await stage.start(allowsHooks: true)
        let peer = try await stage.server.accept(config)
        stage.order(peer, run: "run-1")
        #expect(try await peer.nextReport().backupCompleted.runID == "run-1")
        try passwords[2].write(toFile: file, atomically: true, encoding: .utf8)
        stage.order(peer, run: "run-2")
        #expect(try await peer.nextReport().backupCompleted.runID == "run-2")
        // Post-hooks run behind the report.
        while !told.lines.contains(where: { $0.contains("four: ") }) { await Task.yield() }
        try await stage.stop()

        let printed = told.lines.filter { $0.contains("_hook[0]") }.joined(separator: "\n")
        for mark in ["one: ***", "two: ***", "three: ***", "four: ***"] {
            #expect(printed.contains(mark), "\(printed)")
        }
        for password in passwords {
            #expect(!printed.contains(password), "\(printed)")
            #expect(!printed.contains(Data(password.utf8).base64EncodedString()), "\(printed)")
        }
    }

    @Test("What a run failed with, and what its post-hooks came to, holds no part of its address")
    func failures() async throws {
        // The signature of its address, which is a name here; see `Stage.order`.
        let signature = "s3cr3tsig"
        let stage = try await Stage()
        let told = Told()
        stage.logger = told.logger
        try await stage.start(allowsHooks: true)
        let peer = try await stage.server.accept(stage.config { $0.jobs[0].postHooks = ["exit 9"] })
        stage.order(peer, run: "run-1", job: signature)
        #expect(try await peer.nextReport().jobUpdate.errorMessage == "pipeline: unknown job_id \"*********\"")
        stage.order(peer, run: signature)
        var warning = WireLogEvent()
        while warning.message.isEmpty {
            if case .log(let log) = try await peer.nextReport().payload { warning = log }
        }
        #expect(warning.message == "run *********: pipeline: post_hook[0] failed: hook ended with exited(9)")
        try await stage.stop()
        #expect(told.lines.contains(warning.message))
    }
}
