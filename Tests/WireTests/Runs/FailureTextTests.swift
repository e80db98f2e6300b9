import Core
import SwiftProtobuf
import Testing

@testable import Wire

@Suite("Classes of failures from their texts")
struct FailureTextTests {
    @Test(
        "Every recorded shape, and those of our own agent",
        arguments: [
            (#"pipeline: unknown job_id "job-unknown""#, FailureClass.configuration),
            (#"pipeline: unknown target for job "job-orphan""#, .configuration),
            ("pipeline: no driver registered for db_type=db_unspecified", .configuration),
            ("pipeline: RunBackup missing upload credentials", .configuration),
            ("pipeline: unwrap DEK: pipeline: expected 32-byte DEK, got 16", .configuration),
            ("pipeline: hooks: the job has some, and this agent was started without --allow-hooks", .configuration),
            (
                "pipeline: target: postgresql: pg_dump exited 1: connection failed: FATAL:  password authentication failed",
                .configuration
            ),
            ("pipeline: target: password_secret_ref: file:/x: Connection timed out", .configuration),
            ("pipeline: the run timed out after 77 s, the job's timeout, during step upload", .timeout),
            ("interrupted: the agent restarted during the dump", .disconnect),
            (
                "pipeline: validate stage: pipeline: mongodump version probe failed (is mongodump installed?): "
                    + #"exec: "mongodump": executable file not found in $PATH"#, .configuration
            ),
            (#"dump: exec: "pg_dump": executable file not found in $PATH"#, .configuration),
            (
                "pipeline: validate stage: pipeline: pg_dump smoke probe failed: pg_dump exited 1: "
                    + "pg_dump: error: connection to server failed: FATAL:  database \"missing\" does not exist",
                .source
            ),
            (
                "pipeline: validate stage: pipeline: redis PING returned unexpected response: "
                    + #""NOAUTH Authentication required.\n\n""#, .source
            ),
            ("pipeline: validate stage: pipeline: sqlite: cannot stat database: no such file or directory", .source),
            ("pipeline: pre_hook[0] failed: hook exited non-zero (3): exit status 3", .source),
            (#"smoke: mysqldump output missing banner (got "/*M!999999\\- enable the sandbox")"#, .source),
            ("dump: pipeline: pg_dump exec: pg_dump exited 1 (stderr=)", .source),
            ("pipeline: pre_hook[0] failed: hook timed out after 15m0s: context deadline exceeded", .timeout),
            ("dump: pipeline: pg_dump exec: context deadline exceeded", .timeout),
            ("dump: pipeline: pg_dump exec: pg_dump: signal: killed (stderr=)", .disconnect),
            ("dump: pipeline: sqlite3: signal: interrupt", .disconnect),
            ("pipeline: pre_hook[0] failed: hook cancelled: context canceled", .disconnect),
            (#"upload: pipeline: PUT http://h/: Put "http://h/": context canceled"#, .disconnect),
            ("interrupted: the agent was restarted while the run was dumping", .disconnect),
            ("upload: pipeline: upload non-2xx: HTTP 403", .upload),
            ("upload: pipeline: upload non-2xx: HTTP 307", .upload),
            (#"upload: pipeline: PUT http://h/: Put "http://h/": dial tcp: connect: connection refused"#, .upload),
            ("upload: pipeline: PUT http://h/: dial tcp: connect: connection timed out", .upload),
            ("the agent had an upload: once", .unknown),
            ("", .unknown),
            ("💥", .unknown),
        ])
    func recorded(_ text: String, _ expected: FailureClass) {
        #expect(FailureClass(errorMessage: text) == expected)
    }

    @Test("No failure of the captures is unknown, before redaction or after")
    func captures() throws {
        var texts = 0
        for record in Capture.all.flatMap(\.records) where !record.isFromServer {
            guard let envelope = try? WireEnvelope(serializedBytes: record.frame), envelope.jobUpdate.status == .failed
            else { continue }
            texts += 1
            var frame = record.frame
            Redactor().redact(&frame)
            let redacted = try WireEnvelope(serializedBytes: frame).jobUpdate.errorMessage
            let text = envelope.jobUpdate.errorMessage
            #expect(FailureClass(errorMessage: text) != .unknown, "\(text)")
            #expect(FailureClass(errorMessage: redacted) == FailureClass(errorMessage: text), "\(text)")
        }
        #expect(texts == 21)
    }
}
