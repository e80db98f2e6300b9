import Core

/// The number of a value's case. A case without a number does not compile, so a new one cannot be forgotten in the samples.
enum MessageCases {
    static func number(_ message: Fleet.Message) -> Int {
        switch message {
        case .started: 0
        case .clockStepped: 1
        case .captureOpened: 2
        case .sessionOpened: 3
        case .sessionClosed: 4
        case .received: 5
        case .captured: 6
        case .unreadable: 7
        case .requested: 8
        case .accepted: 9
        case .refused: 10
        case .deadline: 11
        case .presence: 12
        case .noted: 13
        case .decided: 14
        case .command: 15
        case .outcome: 16
        case .faulted: 17
        case .disk: 24
        case .object: 22
        case .alerted: 21
        case .scheduled: 19
        case .judged: 23
        }
    }

    static func number(_ report: Report) -> Int {
        switch report {
        case .register: 0
        case .heartbeat: 1
        case .discovery: 2
        case .jobUpdate: 3
        case .completed: 4
        case .health: 5
        case .log: 6
        case .restore: 7
        case .acknowledgement: 8
        case .other: 9
        }
    }

    static func number(_ order: CapturedOrder) -> Int {
        switch order {
        case .registerAck: 0
        case .configUpdate: 1
        case .runBackup: 2
        case .cancelJob: 3
        case .other: 4
        }
    }

    static func number(_ request: Request) -> Int {
        switch request {
        case .createAgent: 0
        case .renameAgent: 1
        case .deleteAgent: 2
        case .rotateKey: 3
        case .configureAgent: 4
        case .createTarget: 5
        case .changeTarget: 6
        case .deleteTarget: 7
        case .createJob: 8
        case .changeJob: 9
        case .deleteJob: 10
        case .runJob: 11
        case .cancelRun: 12
        case .deleteRun: 13
        case .issueDecryptionToken: 14
        case .createCheck: 15
        case .deleteCheck: 16
        case .createToken: 17
        case .deleteToken: 18
        case .lockRun: 40
        case .unlockRun: 41
        case .changePolicy: 35
        case .acknowledgeAlert: 50
        case .confirmClock: 30
        case .changeCheck: 45
        case .runCheck: 46
        }
    }

    static func number(_ acceptance: Acceptance) -> Int {
        switch acceptance {
        case .agentCreated: 0
        case .agentRenamed: 1
        case .agentDeleted: 2
        case .keyRotated: 3
        case .agentConfigured: 4
        case .targetCreated: 5
        case .targetChanged: 6
        case .targetDeleted: 7
        case .jobCreated: 8
        case .jobChanged: 9
        case .jobDeleted: 10
        case .runQueued: 11
        case .cancelRequested: 12
        case .runDeletionRequested: 13
        case .tokenIssued: 14
        case .checkCreated: 15
        case .checkDeleted: 16
        case .repeated: 17
        case .tokenCreated: 18
        case .tokenDeleted: 19
        case .runLocked: 40
        case .runUnlocked: 41
        case .policyChanged: 35
        case .alertAcknowledged: 50
        case .clockConfirmed: 30
        case .checkChanged: 45
        case .checkRunRequested: 46
        }
    }

    static func number(_ field: SettingsField) -> Int {
        switch field {
        case .maintenance: 0
        case .maxParallelJobs: 1
        case .logLevel: 2
        case .autoUpdate: 3
        }
    }

    static func number(_ field: TargetField) -> Int {
        switch field {
        case .type: 0
        case .displayName: 1
        case .host: 2
        case .port: 3
        case .database: 4
        case .username: 5
        case .password(.none): 6
        case .password(.vault): 7
        case .password(.reference): 8
        case .containerID: 9
        case .strategy: 10
        }
    }

    static func number(_ field: JobField) -> Int {
        switch field {
        case .cron: 0
        case .retentionDays: 1
        case .compression: 2
        case .preHooks: 3
        case .postHooks: 4
        case .maxAttempts: 5
        case .backoffSeconds: 6
        case .timeoutSeconds: 7
        case .timeZone: 8
        case .jitterSeconds: 9
        case .overlap: 10
        case .catchUpSeconds: 11
        case .keep: 15
        }
    }

    static func number(_ key: TimerKey) -> Int {
        switch key {
        case .silence: 0
        case .run: 1
        case .idempotency: 2
        case .claim: 3
        case .retention: 10
        case .leftovers: 11
        case .deletion: 20
        case .survey: 21
        case .window: 7
        case .starts: 8
        case .cancellation: 9
        case .alert: 14
        case .schedule: 5
        case .zone: 6
        case .check: 12
        }
    }

    static func number(_ verdict: Verdict) -> Int {
        switch verdict {
        case .success: 0
        case .reported: 1
        case .failed: 2
        case .cancelled: 3
        case .lost: 4
        }
    }

    static func number(_ command: Command) -> Int {
        switch command {
        case .welcome: 0
        case .configure: 1
        case .dispatch: 2
        case .cancel: 3
        case .observe: 4
        case .delete: 5
        case .disconnect: 6
        case .probe: 7
        case .refuse: 8
        case .survey: 14
        case .readZone: 10
        case .probeTarget: 17
        case .runCheck: 18
        }
    }

    static func number(_ result: CommandOutcome.Result) -> Int {
        switch result {
        case .done: 0
        case .undone: 1
        case .unknown: 2
        case .found: 3
        case .missing: 4
        case .surveyed: 9
        case .zone: 8
        case .probed: 10
        }
    }

    static func number(_ verdict: SlotVerdict) -> Int {
        switch verdict {
        case .completed: 0
        case .failed: 1
        case .missed: 2
        case .skipped: 3
        }
    }

    static func number(_ field: CheckField) -> Int {
        switch field {
        case .name: 0
        case .kind: 1
        case .target: 2
        case .intervalSeconds: 3
        case .timeoutSeconds: 4
        case .expectedStatus: 5
        case .failuresToDown: 6
        case .successesToUp: 7
        case .flapChanges: 8
        case .certificateDays: 9
        case .isPaused: 10
        }
    }

    static func number(_ decision: CheckDecision) -> Int {
        switch decision {
        case .became: 0
        case .certificateExpiring: 1
        case .certificateRenewed: 2
        }
    }
}
