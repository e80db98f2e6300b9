import Core
import Engine
import Wire

/// The workers of our agent: dump and upload take time, and the rest is quick.
extension World {
    mutating func carryOut(_ delivery: Delivery<Station.Message>, at agent: Int) throws(Breach) {
        let position = delivery.position
        func outcome(_ id: Station.RunID, _ outcome: Station.Outcome) -> Station.Message {
            .outcome(id, of: position, outcome)
        }
        switch delivery.message {
        case .announce(let id):
            announce(id, at: agent)
            try record(outcome(id, .done), at: agent)
        case .dump(let id):
            try dump(id, delivery, at: agent)
        case .upload(let id):
            if stations[agent]?.stopping.remove(id) != nil {
                return _ = try record(outcome(id, .failed("cancelled")), at: agent)
            }
            guard !delivery.isRedelivered, stations[agent]?.orders[id] != nil else {
                return _ = try record(outcome(id, .interrupted), at: agent)
            }
            stations[agent]?.working[id] = position
            after(dice.span(200...60_000), step(.uploaded, id, position, at: agent))
        case .stop(let id):
            if let command = stations[agent]?.working.removeValue(forKey: id) {
                guard try record(.outcome(id, of: command, .failed("cancelled")), at: agent) else { return }
            } else if stations[agent]?.kernel?.state.runs[id]?.holdsSlot == true {
                stations[agent]?.stopping.insert(id)
            }
            try record(outcome(id, .done), at: agent)
        case .discard(let id):
            stations[agent]?.staging.remove(id)
            stations[agent]?.orders[id] = nil
            stations[agent]?.stopping.remove(id)
            try record(outcome(id, .done), at: agent)
        case .report(let id):
            stations[agent]?.reports.append((id, position, 0))
            sendReport(id, at: agent)
        case .forget(let id):
            stations[agent]?.keys[id] = nil
            if let place = stations[agent]?.reports.firstIndex(where: { $0.run == id }),
                let report = stations[agent]?.reports.remove(at: place)
            {
                guard try record(.outcome(id, of: report.position, .withdrawn), at: agent) else { return }
            }
            try record(outcome(id, .done), at: agent)
        case .started, .connected, .disconnected, .configured, .told, .cancelTold, .progressed, .outcome,
            .reportExpired, .journalExpired:
            break
        }
    }

    private mutating func dump(
        _ id: Station.RunID, _ delivery: Delivery<Station.Message>, at agent: Int
    ) throws(Breach) {
        func outcome(_ outcome: Station.Outcome) -> Station.Message { .outcome(id, of: delivery.position, outcome) }
        if stations[agent]?.stopping.remove(id) != nil {
            return _ = try record(outcome(.failed("cancelled")), at: agent)
        }
        guard !delivery.isRedelivered, let order = stations[agent]?.orders[id] else {
            return _ = try record(outcome(.interrupted), at: agent)
        }
        guard let job = links[agent].settings?.jobs[order.order.job] else {
            return _ = try record(outcome(.failed("pipeline: unknown job_id")), at: agent)
        }
        guard order.key.count == 32 else { throw Breach(12, "\(id) came with a key of \(order.key.count) bytes") }
        stations[agent]?.dumpCounts[id, default: 0] += 1
        guard stations[agent]?.dumpCounts[id] == 1 else { throw Breach(9, "our agent dumps \(id) a second time") }
        stations[agent]?.working[id] = delivery.position
        stations[agent]?.staging.insert(id)  // there from its first byte on, whatever becomes of the dump
        let span = drawDumpTime()
        after(Milliseconds(span.count / 2), step(.progress, id, delivery.position, at: agent))
        after(span, step(.dumped, id, delivery.position, at: agent))
        if job.timeoutSeconds > 0 {
            after(.seconds(Int64(job.timeoutSeconds)), step(.timeUp, id, delivery.position, at: agent))
        }
    }

    private func step(_ kind: StationStep.Kind, _ id: Station.RunID, _ command: Position, at agent: Int) -> Happening {
        .stationStep(agent, links[agent].epoch, StationStep(kind: kind, run: id, command: command))
    }

    mutating func take(_ step: StationStep, at agent: Int) throws(Breach) {
        let id = step.run
        guard stations[agent]?.working[id] == step.command, let run = stations[agent]?.kernel?.state.runs[id] else {
            return
        }
        switch step.kind {
        case .progress:
            guard try record(.progressed(id, Station.Progress(step: "dump", percent: 50)), at: agent) else { return }
            announce(id, at: agent)
        case .dumped:
            stations[agent]?.working[id] = nil
            if dice.chance(in: 12) {
                let text: Text = dice.chance(in: 3) ? "pipeline: target: no such file" : "dump: exit status 1"
                return _ = try record(.outcome(id, of: step.command, .failed(text)), at: agent)
            }
            let object = drawObject()
            let staged = Station.Staged(
                byteCount: object.byteCount, digest: Self.hexadecimal(object.digest), engineVersion: "SQLite 3.40.1")
            try record(.outcome(id, of: step.command, .staged(staged)), at: agent)
        case .uploaded:
            stations[agent]?.working[id] = nil
            guard let staged = run.staged, let order = stations[agent]?.orders[id] else { return }
            let object = ModelStore.Object(byteCount: staged.byteCount, digest: Self.bytes(staged.digest))
            switch upload(object, as: run.order.object, expiresAt: order.expiresAt) {
            case .stored:
                stations[agent]?.keys[id] = order.key
                try record(.outcome(id, of: step.command, .uploaded), at: agent)
            case .refused(let status):
                let text = Text("upload: the store answered HTTP \(status)")
                try record(.outcome(id, of: step.command, .failed(text)), at: agent)
            case .unreachable:
                try record(.outcome(id, of: step.command, .failed("upload: connection refused")), at: agent)
            }
        case .timeUp:
            stations[agent]?.working[id] = nil
            try record(.outcome(id, of: step.command, .failed("pipeline: the run timed out")), at: agent)
        }
    }

    private static func bytes(_ hexadecimal: Text) -> [UInt8] {
        let digits = Array(hexadecimal.string.utf8)
        return stride(from: 0, to: digits.count - 1, by: 2).compactMap {
            UInt8(String(decoding: digits[$0...$0 + 1], as: UTF8.self), radix: 16)
        }
    }
}
