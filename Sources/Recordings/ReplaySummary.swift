public import Core
public import Engine
import Wire

/// The golden result of a recording: the same bytes each time, on any machine, as long as `rules` are the same.
public struct ReplaySummary: Hashable, Sendable {
    /// One line of JSON without a line feed: keys in a fixed order, maps sorted by key bytes, no paths or durations.
    public let json: String
    /// The state's digest.
    public let digest: StateDigest

    /// What a fold has come to.
    public init(_ fold: borrowing ReplayFold) {
        digest = StateDigest(of: fold.state)
        var json = JSONText()
        json.append("{\"entries\":\(fold.entryCount),\"by_kind\":")
        json.append(counts: fold.kinds)
        json.append(",\"digest\":\"\(digest)\",\"rules\":\(Fleet.rules),\"sessions\":")
        json.append(list: fold.sessions) { json, session in json.append(session) }
        json.append(",\"agents\":")
        let agents = fold.state.agents
        json.append(list: agents.idsByCreation) { json, id in
            guard let agent = agents[id] else { return }
            json.append("{\"id\":")
            json.append(quoted: id.text.string)
            json.append(",\"name\":")
            json.append(quoted: agent.name.string)
            json.append(",\"config_version\":\(number(agent.appliedConfigVersion))}")
        }
        json.append(",\"runs\":")
        json.append(list: fold.runs) { json, entry in json.append(entry.id, entry.run) }
        json.append(",\"anomalies\":")
        json.append(counts: fold.anomalies)
        json.append("}")
        self.json = json.text
    }

    /// The result of a capture.
    ///
    /// - Throws: `LogError`, ``CaptureImportError``.
    public init(of capture: Capture) throws {
        let kernel = try CaptureImport.run(capture, into: MemoryLog())
        try self.init(of: kernel.log)
    }

    /// The result of a log of the control plane, up to a position.
    ///
    /// - Throws: `LogError`, or `CodecError` for an entry that this build cannot read.
    public init(of reader: any LogReader, upTo limit: Position = Position(.max)) throws {
        var fold = ReplayFold()
        try fold.add(contentsOf: reader, codec: FleetCodec(), upTo: limit)
        self.init(fold)
    }
}

private func number(_ value: UInt64?) -> String { value.map { String($0) } ?? "null" }

extension JSONText {
    fileprivate mutating func append<Element>(list: [Element], _ body: (inout JSONText, Element) -> Void) {
        append("[")
        for (index, element) in list.enumerated() {
            if index > 0 { append(",") }
            body(&self, element)
        }
        append("]")
    }

    fileprivate mutating func append(counts: [Text: Int]) {
        append("{")
        for (index, pair) in counts.sorted(by: { $0.key < $1.key }).enumerated() {
            if index > 0 { append(",") }
            append(quoted: pair.key.string)
            append(":\(pair.value)")
        }
        append("}")
    }

    fileprivate mutating func append(_ session: ReplayFold.Session) {
        append("{\"id\":")
        if let id = session.id { append(quoted: id.text.string) } else { append("null") }
        append(",\"register_seq\":\(number(session.registerSequence))")
        append(",\"last_known_config_version\":\(number(session.lastKnownConfigVersion))")
        append(",\"config_versions\":[\(session.configVersions.map { String($0) }.joined(separator: ","))]}")
    }

    fileprivate mutating func append(_ id: RunID, _ run: Run) {
        append("{\"id\":")
        append(quoted: id.text.string)
        append(",\"job_id\":")
        append(quoted: run.order.job.text.string)
        append(",\"status\":\"\(run.statusWord)\",\"attempts\":\(run.attempt)")
        append(",\"deliveries\":\(run.deliveryCount),\"completions\":\(run.completionCount),\"error_class\":")
        if case .closed(let verdict) = run.phase, let failure = verdict.failure {
            append(quoted: failure.word)
        } else {
            append("null")
        }
        if case .closed(.success(_, let evidence)) = run.phase {
            append(",\"evidence\":{\"object\":\"seen\",\"digest\":\"\(evidence.source.rawValue)\"}}")
        } else {
            append(",\"evidence\":{\"object\":\"none\",\"digest\":\"none\"}}")
        }
    }
}

extension Run {
    /// The status as users see it.
    var statusWord: String {
        switch phase {
        case .queued, .waiting: "queued"
        case .sending, .unconfirmed, .running, .verifying, .reconciling, .stored, .failed, .gone, .expired, .stopped,
            .captured, .ended:
            "running"
        case .closed(let verdict): verdict.word
        }
    }
}
