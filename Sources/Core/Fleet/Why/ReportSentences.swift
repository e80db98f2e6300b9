extension Fleet {
    static func sentence(for frame: ReceivedFrame, from agent: AgentID) -> String {
        let said =
            frame.isReplayed ? "Agent \(agent) reported late, what it had kept from before," : "Agent \(agent) reported"
        switch frame.report {
        case .register(let registration):
            return
                "Agent \(agent) registered as host \(registration.hostname) with version \(registration.agentVersion)."
        case .heartbeat(let heartbeat):
            return "Agent \(agent) gave a sign of life, with configuration \(heartbeat.configVersion) in force."
        case .discovery(let containers):
            return "\(said) \(count(UInt64(containers.count), "database container")) on its host."
        case .jobUpdate(let update):
            return sentence(for: update, said, frame.failure)
        case .completed(let completion):
            let digest = completion.digest == nil ? "without a digest" : "with a digest"
            return
                "\(said) that run \(completion.run.text) was backed up and uploaded: "
                + "\(count(completion.byteCount, "byte")) \(digest)."
        case .health(let result):
            return ended("\(said) that health check \(result.check) was \(words(for: result))")
        case .log(let line):
            return ended("Agent \(agent) wrote in its log: \(line.text)")
        case .restore(let update):
            return "\(said) about restore \(update.restore), which changes nothing here."
        case .acknowledgement(true, _):
            return "Agent \(agent) answered a ping."
        case .acknowledgement(false, let reason):
            return ended("Agent \(agent) refused a message: \(reason)")
        case .other(let tag):
            return "Agent \(agent) sent a message of kind \(tag), which changes nothing here."
        }
    }

    private static func sentence(for update: JobUpdate, _ said: String, _ failure: FailureClass?) -> String {
        let run = update.run.map { "run \($0.text)" } ?? "job \(update.job)"
        let step = update.step.isEmpty ? "" : ", at step \(update.step)"
        switch update.status {
        case .failed:
            let kind = (failure ?? .unknown).word
            let text = update.errorText.isEmpty ? "without a reason" : "“\(update.errorText)”"
            return "\(said) that \(run) failed (class \(kind)): \(text)."
        case .cancelled: return "\(said) that \(run) was cancelled."
        case .queued: return "\(said) that \(run) waits."
        case .success: return "\(said) that \(run) went well\(step), which is no completion yet."
        case .running, .unspecified, .unknown:
            return "\(said) that \(run) is at \(update.progressPercent) %\(step)."
        }
    }

    static func sentence(for order: CapturedOrder, to agent: AgentID) -> String {
        switch order {
        case .registerAck(let session, let version):
            "The captured server welcomed agent \(agent) to session \(session)"
                + (version.map { " with configuration \($0)." } ?? ".")
        case .configUpdate(let version):
            "The captured server sent agent \(agent) a configuration" + (version.map { ", version \($0)." } ?? ".")
        case .runBackup(let job, let run, let isManual):
            "The captured server sent agent \(agent) run \(run.text) of job \(job)"
                + (isManual ? ", which somebody had asked for." : ".")
        case .cancelJob(let job): "The captured server told agent \(agent) to cancel job \(job)."
        case .other(let tag):
            "The captured server sent agent \(agent) a message of kind \(tag), which changes nothing here."
        }
    }
}
