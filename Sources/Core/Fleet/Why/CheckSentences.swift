extension Fleet {
    static func sentence(for decision: CheckDecision, of check: CheckID) -> String {
        switch decision {
        case .became(.up, _): "Health check \(check) is up: enough probes in a row were well."
        case .became(.down, _): "Health check \(check) is down: enough probes in a row were not well."
        case .became(.flapping, _):
            "Health check \(check) is flapping: its last results went to and fro between well and not well."
        case .became(.unknown(let reason), _):
            "How it goes with health check \(check) is unknown: \(words(for: reason))."
        case .certificateExpiring(let end):
            "The certificate that health check \(check) saw ends soon, at \(end.text)."
        case .certificateRenewed: "The certificate that health check \(check) sees is good for longer again."
        }
    }

    private static func words(for reason: Check.Ignorance) -> String {
        switch reason {
        case .new: "there were not enough results yet"
        case .silent: "no result came for too long"
        case .agentAway: "no result came for too long, and the agent that probes is not connected"
        case .unsupported: "the agent that should probe it does not run health checks"
        case .forbidden: "its address is one that must not be probed from there"
        case .paused: "it is paused"
        }
    }

    /// What a probe found, behind the name of the check.
    static func words(for result: HealthResult) -> String {
        var text = result.isHealthy ? "well" : "not well"
        if let failure = result.detail?.failure { text += " (\(failure.word))" }
        if result.statusCode != 0 { text += ", with status \(result.statusCode)" }
        text += ", after \(result.latencyMilliseconds) ms"
        return result.errorText.isEmpty ? text : "\(text): \(result.errorText)"
    }
}
