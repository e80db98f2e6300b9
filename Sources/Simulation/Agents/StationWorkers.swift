import Core
import Engine

/// The workers of our agent: dump and upload take time, and the rest is quick.
extension World {
    mutating func carryOut(_ delivery: Delivery<Station.Message>) throws(Breach) {
        let position = delivery.position
        func outcome(_ id: Station.RunID, _ outcome: Station.Outcome) -> Station.Message {
            .outcome(id, of: position, outcome)
        }
        switch delivery.message {
        case .announce(let id):
            announce(id)
            try record(outcome(id, .done))
        case .dump(let id):
            if station.stopping.remove(id) != nil { return _ = try record(outcome(id, .failed("stopped"))) }
            guard !delivery.isRedelivered, station.secrets.contains(id) else {
                return _ = try record(outcome(id, .interrupted))
            }
            station.dumpCounts[id, default: 0] += 1
            guard station.dumpCounts[id] == 1 else { throw Breach(9, "our agent dumps \(id) a second time") }
            station.working[id] = position
            let span = dice.chance(in: 25) ? dice.span(300_000...1_500_000) : dice.span(500...90_000)
            after(Milliseconds(span.count / 2), stationStep(.progress, id, position))
            after(span, stationStep(.dumped, id, position))
        case .upload(let id):
            if station.stopping.remove(id) != nil { return _ = try record(outcome(id, .failed("stopped"))) }
            guard !delivery.isRedelivered, station.secrets.contains(id) else {
                return _ = try record(outcome(id, .interrupted))
            }
            station.working[id] = position
            after(dice.span(200...60_000), stationStep(.uploaded, id, position))
        case .stop(let id):
            if let command = station.working.removeValue(forKey: id) {
                try record(.outcome(id, of: command, .failed("stopped")))
            } else if station.kernel?.state.runs[id]?.holdsSlot == true {
                station.stopping.insert(id)
            }
            try record(outcome(id, .done))
        case .discard(let id):
            station.staging.remove(id)
            station.secrets.remove(id)
            station.stopping.remove(id)
            try record(outcome(id, .done))
        case .report(let id):
            station.reports.append((id, position, 0))
            try sendReport(id)
        case .forget(let id):
            if let place = station.reports.firstIndex(where: { $0.run == id }) {
                let report = station.reports.remove(at: place)
                guard try record(.outcome(id, of: report.position, .withdrawn)) else { return }
            }
            try record(outcome(id, .done))
        case .started, .connected, .disconnected, .configured, .told, .cancelTold, .progressed, .outcome,
            .reportExpired, .journalExpired:
            break
        }
    }

    private func stationStep(_ kind: StationStep.Kind, _ id: Station.RunID, _ command: Position) -> Happening {
        .stationStep(links[Self.ours].epoch, StationStep(kind: kind, run: id, command: command))
    }

    mutating func take(_ step: StationStep) throws(Breach) {
        let id = step.run
        guard station.working[id] == step.command, let run = station.kernel?.state.runs[id] else { return }
        switch step.kind {
        case .progress:
            try record(.progressed(id, Station.Progress(step: "dump", percentOfStep: 50)))
            announce(id)
        case .dumped:
            station.working[id] = nil
            if dice.chance(in: 12) {
                return _ = try record(.outcome(id, of: step.command, .failed("dump: pipeline: exit status 1")))
            }
            station.staging.insert(id)
            let object = drawObject()
            let staged = Station.Staged(
                byteCount: object.byteCount, digest: Self.text(object.digest), engineVersion: "")
            try record(.outcome(id, of: step.command, .staged(staged)))
        case .uploaded:
            station.working[id] = nil
            guard let staged = run.staged else { return }
            if !isHealed, dice.chance(in: 40) {  // the store confirms, and has nothing
                return _ = try record(.outcome(id, of: step.command, .uploaded))
            }
            var object = ModelStore.Object(byteCount: staged.byteCount, digest: Self.bytes(staged.digest))
            if !isHealed, dice.chance(in: 40) { object.byteCount -= 1 }
            let isTaken = store.put(object, as: run.order.object)
            try record(.outcome(id, of: step.command, isTaken ? .uploaded : .failed("upload: HTTP 409")))
        }
    }

    mutating func drawObject() -> ModelStore.Object {
        let bits = dice.bits()
        return ModelStore.Object(byteCount: 1 + bits >> 40, digest: withUnsafeBytes(of: bits.bigEndian) { Array($0) })
    }

    private static func text(_ digest: [UInt8]) -> Text {
        Text(digest.map { String(Int($0) + 256, radix: 16) }.joined())
    }

    private static func bytes(_ text: Text) -> [UInt8] {
        let characters = Array(text.string)
        return stride(from: 0, to: characters.count - 2, by: 3).compactMap {
            UInt8(String(characters[($0 + 1)...($0 + 2)]), radix: 16)
        }
    }

    private mutating func announce(_ id: Station.RunID) {
        guard links[Self.ours].isWelcomed, let run = station.kernel?.state.runs[id], run.isOpen else { return }
        send(
            .jobUpdate(
                JobUpdate(
                    job: JobID(run.order.job), run: WireRunID(id), status: run.phase == .queued ? .queued : .running,
                    progressPercent: run.progress.percent, step: run.progress.step, errorText: "")), from: Self.ours)
    }

    /// Sends a waiting report on the connection there is; it waits on for its acknowledgement.
    mutating func sendReport(_ id: Station.RunID) throws(Breach) {
        guard links[Self.ours].isWelcomed, let run = station.kernel?.state.runs[id], let ending = run.ending,
            let place = station.reports.lastIndex(where: { $0.run == id })
        else { return }
        switch ending {
        case .completed:
            send(
                .completed(
                    Completion(
                        job: JobID(run.order.job), run: WireRunID(id), objectName: run.order.object,
                        byteCount: run.staged?.byteCount ?? 0, digest: run.staged.map { Self.bytes($0.digest) },
                        durationMilliseconds: run.durationMilliseconds, compression: "zstd", databaseVersion: "")),
                from: Self.ours)
        case .failed(let text):
            let isUpload = text.string.hasPrefix("upload")
            send(
                .jobUpdate(
                    JobUpdate(
                        job: JobID(run.order.job), run: WireRunID(id), status: .failed, progressPercent: 0,
                        step: run.progress.step, errorText: text)), failure: isUpload ? .upload : .source,
                from: Self.ours)
        case .cancelled:
            send(
                .jobUpdate(
                    JobUpdate(
                        job: JobID(run.order.job), run: WireRunID(id), status: .cancelled, progressPercent: 0,
                        step: run.progress.step, errorText: "")), from: Self.ours)
        }
        station.reports[place].sequence = links[Self.ours].sequence
    }
}
