import Core
import Wire

/// What the work of reference agents comes to: the time it takes, and how it ends.
extension World {
    mutating func takeAsReference(_ frame: ServerFrame, at agent: Int) {
        let moment = clock(of: agent)
        if case .cancelJob(let job) = frame { noteIgnored(job, at: agent) }
        guard var reaction = references[agent]?.receive(frame, at: moment) else { return }
        for bytes in reaction.sent { write(bytes, from: agent) }
        if references[agent]?.hangs == true {
            count(.backlogHang)
            expect(.backlogHang, of: agent, within: .minutes(2))
            explain(.messageLost, of: agent, for: .hours(1_000))  // what it has begun to send is gone
        }
        if case .runBackup = frame, let first = reaction.started.first, takesTwice(first, at: agent) {
            reaction = references[agent]?.receive(frame, at: moment) ?? reaction
            links[agent].showing.secondWork = reaction.started.first
        }
        for number in reaction.started {
            after(drawDumpTime(), .referenceStep(agent, links[agent].epoch, number))
        }
    }

    mutating func drawDumpTime() -> Milliseconds {
        if strikes(.stalledDump, in: 150) { return dice.span(3_600_000...50_000_000) }
        return dice.chance(in: 25) ? dice.span(300_000...1_500_000) : dice.span(300...90_000)
    }

    mutating func discover(_ agent: Int) {
        after(.minutes(60), .discovery(agent, links[agent].epoch))
        let moment = clock(of: agent)
        let isLate = dice.chance(in: 3)
        if let bytes = references[agent]?.discover(["postgres:16"], at: moment, isLate: isLate) {
            write(bytes, from: agent)
        }
    }

    /// The next stage of a piece of work: dumped, uploaded, hooks done.
    mutating func advance(_ number: Int, at agent: Int) {
        guard let work = references[agent]?.work[number], references[agent]?.hangs == false else { return }
        if work.isUploaded {
            guard let object = links[agent].uploads.removeValue(forKey: number) else { return }
            return finish(
                number,
                .completed(
                    byteCount: object.byteCount, digest: Self.hexadecimal(object.digest), durationMilliseconds: 1_000,
                    databaseVersion: "PostgreSQL 16.2"), at: agent)
        }
        guard links[agent].dumped.contains(number) else {
            if dice.chance(in: 12) { return failDump(number, at: agent) }
            links[agent].dumped.insert(number)
            return after(dice.span(200...60_000), .referenceStep(agent, links[agent].epoch, number))
        }
        links[agent].dumped.remove(number)
        let object = drawObject()
        switch upload(object, as: work.order.order.object, expiresAt: work.order.expiresAt) {
        case .stored:
            references[agent]?.finishUpload(number)
            links[agent].uploads[number] = object
            let hooks = dice.chance(in: 4) ? dice.span(1_000...120_000) : dice.span(1...500)
            after(hooks, .referenceStep(agent, links[agent].epoch, number))
        case .refused(let status):
            finish(number, .failed(Array("upload: pipeline: upload non-2xx: HTTP \(status)".utf8)), at: agent)
        case .unreachable:
            let url = work.order.uploadURL
            let text = "upload: pipeline: PUT \(url): Put \"\(url)\": dial tcp: connect: connection refused"
            finish(number, .failed(Array(text.utf8)), at: agent)
        }
    }

    private mutating func failDump(_ number: Int, at agent: Int) {
        var text = "dump: pipeline: pg_dump exec: pg_dump exited 1: pg_dump: error: connection failed"
        if dice.chance(in: 3) { text += ": \(Self.spelling(of: ModelVault.password(of: links[agent].agent), &dice))" }
        if strikes(.undeliverableReport, in: 4) {
            return finish(number, .failed(Array(text.utf8) + [0xFF]), at: agent)
        }
        finish(number, .failed(Array(text.utf8)), at: agent)
    }

    /// A password as tools and drivers may say it: as it is, in hexadecimal, in base64.
    private static func spelling(of password: String, _ dice: inout Dice) -> String {
        let bytes = Array(password.utf8)
        return switch dice.number(1...3) {
        case 1: password
        case 2: hexadecimal(bytes).string
        default: String(decoding: SecretAudit.base64(bytes + [0, 0].prefix((3 - bytes.count % 3) % 3)), as: UTF8.self)
        }
    }

    /// The connection ended: its work is cancelled, unless only hooks are left. Some of the reports get lost.
    mutating func loseWork(of agent: Int) {
        for number in references[agent]?.disconnect() ?? [] {
            explain(.runCutOff, of: agent, for: .minutes(30))
            let isUploading = links[agent].dumped.remove(number) != nil
            count(isUploading ? .disconnectDuringUpload : .disconnectDuringDump)
            let text =
                isUploading
                ? "upload: pipeline: PUT: context canceled"
                : "dump: pipeline: pg_dump exec: pg_dump: signal: killed (stderr=)"
            finish(number, .failed(Array(text.utf8)), at: agent)
        }
    }

    mutating func finish(_ number: Int, _ ending: ReferenceAgent.Ending, at agent: Int) {
        let moment = clock(of: agent)
        if links[agent].showing.secondWork == number { noteSecondEnd(of: number, ending, at: agent) }
        guard let bytes = references[agent]?.finish(number, ending, at: moment) else { return }
        links[agent].lastReport = bytes
        write(bytes, from: agent)
    }

    mutating func drawObject() -> ModelStore.Object {
        ModelStore.Object(byteCount: 1 + dice.bits() >> 40, digest: dice.bytes(32))
    }

    /// An upload on its way, with all that can become of it.
    mutating func upload(_ object: ModelStore.Object, as name: Text, expiresAt: Timestamp?) -> ModelStore.Answer {
        var kept: ModelStore.Object? = object
        if strikes(.missingObject, in: 40) {
            kept = nil
        } else if strikes(.truncatedObject, in: 40) {
            kept = ModelStore.Object(byteCount: object.byteCount / 2, digest: dice.bytes(32))
        } else if strikes(.wrongObject, in: 40) {
            kept = ModelStore.Object(byteCount: object.byteCount, digest: dice.bytes(32))
        }
        return store.put(kept, as: name, expiresAt: expiresAt, at: now)
    }

    static func hexadecimal(_ bytes: [UInt8]) -> Text {
        let digits = Array("0123456789abcdef".utf8)
        return Text(String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self))
    }
}
