/// One of the times that a job's schedule names: what its local clock shows then, and how far that clock is from UTC. With
/// the job that is the slot's identity: an hour that comes twice has two offsets, and a skipped hour has no slot at all.
public struct Slot: Hashable, Comparable, Sendable {
    /// Minutes that the local clock is past 1970-01-01T00:00.
    public let localMinute: Int64
    /// Seconds by which the local clock is ahead of UTC; negative when it is behind.
    public let offsetSeconds: Int32

    /// A slot with both parts.
    public init(localMinute: Int64, offsetSeconds: Int32) {
        self.localMinute = localMinute
        self.offsetSeconds = offsetSeconds
    }

    /// Orders by moment, then by what the local clock showed.
    public static func < (left: Slot, right: Slot) -> Bool {
        (left.instant, left.localMinute) < (right.instant, right.localMinute)
    }

    /// The moment that it is. Clamped, since a slot may be read from anywhere.
    public var instant: Timestamp {
        let (seconds, overflow) = localMinute.multipliedReportingOverflow(by: 60)
        let local = Milliseconds.seconds(overflow ? (localMinute < 0 ? .min : .max) : seconds)
        return Timestamp(milliseconds: 0) + local + .seconds(-Int64(offsetSeconds))
    }

    /// What the local clock shows, with its distance from UTC, as RFC 3339 writes it: `2026-03-29T03:00:00+02:00`.
    public var text: Text {
        let offset = abs(Int64(offsetSeconds)) / 60
        let shown = (instant + .seconds(Int64(offsetSeconds))).text.prefix(19)
        let hours = offset / 60 < 10 ? "0\(offset / 60)" : "\(offset / 60)"
        let minutes = offset % 60 < 10 ? "0\(offset % 60)" : "\(offset % 60)"
        return Text("\(shown)\(offsetSeconds < 0 ? "-" : "+")\(hours):\(minutes)")
    }
}

/// What becomes of a slot while an earlier run of the job is open.
public enum Overlap: String, Hashable, Sendable, CaseIterable {
    /// It is skipped, and the reason recorded.
    case skip
    /// Its run waits for the earlier ones.
    case queue
    /// Its run starts beside them.
    case alongside
}
