/// The messages of `backup.v1` as far as redaction must know them: which fields hold messages, and which need care.
///
/// Written by hand rather than taken from generated code, because it must work on bytes that do not decode. A test
/// compares it with `Schemas/backupv1`, so a new message field cannot be forgotten here.
enum FrameMessage: Sendable {
    case envelope
    /// Holds neither messages nor anything to treat specially.
    case plain
    case heartbeat, discoveryReport, discoveredContainer, credentialVariable
    case jobUpdate, backupCompleted, healthCheckResult, healthCheckReport, restoreUpdate, ack
    case logEvent, logField
    case registerAck, configUpdate, agentConfig, target, connectionConfig, backupJobSpec, healthCheckSpec
    case runBackup, uploadCredentials, selfUpdate

    /// What a length-delimited field with this number holds. Total: unknown numbers are plain content.
    func content(ofField number: UInt32) -> FrameContent {
        switch (self, number) {
        case (.envelope, _): FrameMessage.content(ofPayload: number)
        case (.heartbeat, 2): .message(.plain)
        case (.discoveryReport, 1): .message(.discoveredContainer)
        case (.discoveredContainer, 6): .message(.credentialVariable)
        case (.discoveredContainer, 7): .message(.plain)
        case (.credentialVariable, 2): .credentialHint
        case (.jobUpdate, 4), (.jobUpdate, 5), (.restoreUpdate, 4), (.restoreUpdate, 5): .freeText
        case (.backupCompleted, 8): .echoedDataKey
        case (.healthCheckResult, 5), (.ack, 3), (.logEvent, 4), (.logField, 2): .freeText
        case (.healthCheckReport, 1): .message(.healthCheckResult)
        case (.logEvent, 5): .message(.logField)
        case (.registerAck, 2), (.configUpdate, 1): .message(.agentConfig)
        case (.agentConfig, 2): .message(.target)
        case (.agentConfig, 3): .message(.backupJobSpec)
        case (.agentConfig, 4): .message(.healthCheckSpec)
        case (.agentConfig, 5), (.agentConfig, 6), (.backupJobSpec, 9): .message(.plain)
        case (.backupJobSpec, 7), (.backupJobSpec, 8): .freeText
        case (.healthCheckSpec, 4), (.selfUpdate, 2): .url
        case (.target, 4): .message(.connectionConfig)
        case (.connectionConfig, 1): .url
        case (.connectionConfig, 5): .passwordReference
        case (.runBackup, 4): .message(.uploadCredentials)
        case (.runBackup, 5): .dataKey
        case (.uploadCredentials, 1): .url
        default: .plain
        }
    }

    private static func content(ofPayload number: UInt32) -> FrameContent {
        switch number {
        case 10, 53, 54, 57, 1000: .message(.plain)
        case 11: .message(.heartbeat)
        case 12: .message(.discoveryReport)
        case 13: .message(.jobUpdate)
        case 14: .message(.backupCompleted)
        case 15: .message(.healthCheckResult)
        case 16: .message(.logEvent)
        case 17: .message(.restoreUpdate)
        case 18: .message(.ack)
        case 50: .message(.registerAck)
        case 51: .message(.configUpdate)
        case 52: .message(.runBackup)
        case 56: .message(.selfUpdate)
        case 1010: .message(.healthCheckReport)
        default: .plain
        }
    }
}

/// What the bytes of one field are, for redaction.
enum FrameContent: Sendable {
    case message(FrameMessage)
    /// Text, bytes, packed numbers or an unknown field: may hold a secret by accident.
    case plain
    /// Text that people and tools write freely. Short secrets are looked for only here.
    case freeText
    /// A URL whose signature or user info is a secret in itself.
    case url
    /// A data key on its way to an agent.
    case dataKey
    /// The same key as an agent says it back.
    case echoedDataKey
    /// Says that a credential exists. A reference agent sends `set`; whatever else stands here may be the credential.
    case credentialHint
    /// A password, or a reference to one.
    case passwordReference
}
