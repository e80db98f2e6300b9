import Core

/// The control plane's vault: passwords and data keys, each synced before anyone is told.
struct ModelVault: Sendable {
    private var keys: [WireRunID: [UInt8]] = [:]
    private var signatures: [WireRunID: Text] = [:]
    private var open: [AgentID: [RunID: [WireRunID]]] = [:]
    /// What must not be found of runs that have ended either, since their reports may come late and again.
    private var closed: [RunID: [[UInt8]]] = [:]
    private var closedRuns: [RunID] = []
    private static let closedCount = 1_000

    /// The attempt's key: the one that was made for it, or a new one.
    mutating func key(of wire: WireRunID, _ run: RunID, _ agent: AgentID, dice: inout Dice) -> [UInt8] {
        if let key = keys[wire] { return key }
        let key = dice.bytes(32)
        keys[wire] = key
        signatures[wire] = Text(dice.bytes(32).map { Self.hexadecimal($0) }.joined())
        open[agent, default: [:]][run, default: []].append(wire)
        return key
    }

    /// What makes an attempt's address good.
    func signature(of wire: WireRunID) -> Text { signatures[wire] ?? "" }

    /// What must not be found in what an agent says: keys and signatures of runs that are open, and its password.
    func secrets(of agent: AgentID) -> [[UInt8]] {
        let wires = (open[agent] ?? [:]).values.joined().sorted { $0.text < $1.text }
        return [Array(Self.password(of: agent).utf8)]
            + wires.flatMap { [keys[$0] ?? [], Array(signatures[$0]?.string.utf8 ?? "".utf8)] }
    }

    /// The keys and signatures of one run, of one that has ended as they were then.
    func secrets(of run: RunID, _ agent: AgentID) -> [[UInt8]] {
        let present = (open[agent]?[run] ?? []).flatMap {
            [keys[$0] ?? [], Array(signatures[$0]?.string.utf8 ?? "".utf8)]
        }
        return present + (closed[run] ?? [])
    }

    /// The run has ended: its keys are not looked for any more where frames come in, and the checks remember the last ones.
    mutating func close(_ run: RunID, _ agent: AgentID) {
        closed[run] = secrets(of: run, agent)
        closedRuns.append(run)
        if closedRuns.count > 2 * Self.closedCount {
            for former in closedRuns.prefix(Self.closedCount) { closed[former] = nil }
            closedRuns.removeFirst(Self.closedCount)
        }
        for wire in open[agent]?.removeValue(forKey: run) ?? [] { signatures[wire] = nil }
    }

    /// The object is deleted, and with its key it is unreadable for good.
    mutating func delete(_ wire: WireRunID) { keys[wire] = nil }

    /// The password of an agent's databases.
    static func password(of agent: AgentID) -> String { "pw-\(agent)-p4ssw0rd" }

    private static func hexadecimal(_ byte: UInt8) -> String {
        String(Int(byte) + 256, radix: 16).dropFirst().description
    }
}
