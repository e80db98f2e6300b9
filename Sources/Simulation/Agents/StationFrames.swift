import Core
import Engine
import Wire

/// What our agent says, in the real frames.
extension World {
    mutating func sendFromStation(_ frame: AgentFrame, _ agent: Int) {
        stations[agent]?.sequence += 1
        guard let sequence = stations[agent]?.sequence, references[agent] == nil else { return }
        write(frame.bytes(sequence: sequence, sentAt: clock(of: agent)), from: agent)
    }

    func register(_ agent: Int) -> AgentFrame {
        let identity = AgentIdentity(
            version: "simulation", hostname: links[agent].host.string, system: "linux", architecture: "amd64",
            capabilities: ["sqlite"])
        return .register(identity, lastKnownConfigVersion: stations[agent]?.kernel?.state.configVersion ?? 0)
    }

    func heartbeat(_ agent: Int) -> AgentFrame {
        let state = stations[agent]?.kernel?.state
        var vitals = AgentVitals()
        vitals.queuedRunCount = UInt32(state?.waiting.count ?? 0)
        return .heartbeat(
            configVersion: state?.configVersion ?? 0, vitals,
            activeJobs: state?.runs.idsByCreation.filter { state?.runs[$0]?.isOpen == true } ?? [])
    }

    mutating func announce(_ id: Station.RunID, at agent: Int) {
        guard links[agent].isWelcomed, let run = stations[agent]?.kernel?.state.runs[id], run.isOpen else { return }
        sendFromStation(
            .progress(run: id, job: run.order.job, isQueued: run.phase == .queued, run.progress), agent)
    }

    /// Sends a waiting report on the connection there is; it waits on for its acknowledgement.
    mutating func sendReport(_ id: Station.RunID, at agent: Int) {
        guard links[agent].isWelcomed, let run = stations[agent]?.kernel?.state.runs[id], let ending = run.ending,
            let place = stations[agent]?.reports.lastIndex(where: { $0.run == id })
        else { return }
        let key = ending == .completed ? stations[agent]?.keys[id] ?? [] : []
        stations[agent]?.sequence += 1
        guard let sequence = stations[agent]?.sequence else { return }
        let bytes = AgentFrame.report(run: id, run, ending, key: key).bytes(
            sequence: sequence, sentAt: clock(of: agent))
        stations[agent]?.reports[place].sequence = sequence
        links[agent].lastReport = bytes
        write(bytes, from: agent)
    }
}
