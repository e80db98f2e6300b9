/// Which results of a check count, folded from the entries of its stream; kept beside the results that are shown.
///
/// It follows the rules of ``Check`` and of its agent's last frames, which stand in no entry: no result counts during a
/// pause, twice, or when it was probed for by a former question.
public struct CheckHistory: Hashable, Sendable, Codable {
    /// How many results have counted.
    public private(set) var count: UInt64 = 0
    private var isPaused = false
    private var kind: UInt8?
    private var target: Text = ""
    private var expectedStatus: UInt32 = 0
    /// The command by which the control plane is probing it.
    private var probe: UInt64?
    private var isProbeOfFormer = false
    /// The fingerprints of the last frames with results, the newest last.
    private var frames: [UInt64] = []

    /// A check that nothing was found about.
    public init() {}

    /// Applies an entry of the check's stream.
    ///
    /// - Returns: The result that it tells; nil when it tells none, or one that does not count.
    public mutating func fold(_ entry: Entry<Fleet.Message>) -> HealthResult? {
        switch entry.message {
        case .accepted(.checkCreated(_, _, let spec), _), .accepted(.checkChanged(_, let spec), _):
            change(spec)
        case .command(.probeTarget):
            probe = entry.position.number
        case .received(_, let frame):
            if case .health(let found) = frame.report, isNew(frame.fingerprint) { return counted(found) }
        case .outcome(let outcome):
            guard case .probeTarget = outcome.command, outcome.position.number == probe else { return nil }
            let isOfFormer = isProbeOfFormer
            probe = nil
            isProbeOfFormer = false
            if case .probed(let found) = outcome.result, !isOfFormer { return counted(found) }
        case .started, .clockStepped, .disk, .faulted, .captureOpened, .sessionOpened, .sessionClosed, .captured,
            .unreadable, .requested, .accepted, .refused, .deadline, .presence, .noted, .decided, .object, .judged,
            .alerted, .scheduled, .command:
            break
        }
        return nil
    }

    private mutating func change(_ spec: CheckSpec) {
        let asksOther = kind != spec.kind.rawValue || target != spec.target || expectedStatus != spec.expectedStatus
        if asksOther { isProbeOfFormer = probe != nil }
        isPaused = spec.isPaused
        kind = spec.kind.rawValue
        target = spec.target
        expectedStatus = spec.expectedStatus
    }

    private mutating func isNew(_ fingerprint: UInt64) -> Bool {
        guard !frames.contains(fingerprint) else { return false }
        if frames.count == RecentFrames.capacity { frames.removeFirst() }
        frames.append(fingerprint)
        return true
    }

    private mutating func counted(_ found: HealthResult) -> HealthResult? {
        guard !isPaused else { return nil }
        count &+= 1
        return found
    }
}
