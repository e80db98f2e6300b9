/// Checks the entries of a log, in their order, against what alerts promise: one is opened once until it is resolved, is
/// never repeated, reminded of or resolved while it is not open, and keeps its name. Knows nothing of the state.
public struct AlertLedger: Sendable {
    private var open = Table<AlertKey, AlertID>()

    /// A ledger of no entries.
    public init() {}

    /// The alerts that are open behind the last entry.
    public var openKeys: [AlertKey] { open.idsSorted }

    /// What is wrong with an entry; nil when nothing is.
    public mutating func check(_ entry: Entry<Fleet.Message>) -> Text? {
        guard case .alerted(let decision) = entry.message else { return nil }
        let name = "alert \(decision.key.joined)"
        let known = open[decision.key]
        switch decision.step {
        case .opened:
            open[decision.key] = decision.id
            return known == nil ? nil : Text("\(name) is opened while it is open")
        case .repeated, .reminded, .resolved:
            if decision.step == .resolved { open[decision.key] = nil }
            guard let known else { return Text("\(name) is \(decision.step.rawValue) and not open") }
            return known == decision.id ? nil : Text("\(name) has another name than when it was opened")
        }
    }
}
