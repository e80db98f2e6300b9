/// What holds for the whole fleet.
public struct FleetPolicy: Hashable, Sendable {
    /// How many attempts may begin within a second, in all of the fleet.
    public var startsPerSecond: UInt32 = 50

    /// The defaults.
    public init() {}

    /// What is wrong with it; nil when nothing is.
    public var problem: Refusal? {
        if startsPerSecond < 1 || startsPerSecond > 500 {
            return Refusal(code: .validation, field: "starts_per_second", text: "must be 1 to 500")
        }
        return nil
    }

    /// Sets one thing.
    public mutating func set(_ field: FleetPolicyField) {
        switch field {
        case .startsPerSecond(let value): startsPerSecond = value
        }
    }
}

/// One thing to set in what holds for the whole fleet.
public enum FleetPolicyField: Hashable, Sendable {
    case startsPerSecond(UInt32)
}

extension FleetPolicy: Restorable {
    /// Writes every field.
    public func encode<Encoder: CanonicalEncoder>(into encoder: inout Encoder) {
        encoder.encode("starts_per_second", startsPerSecond)
    }

    /// Reads every field.
    public init<Decoder: CanonicalDecoder>(from decoder: inout Decoder) throws(CanonicalError) {
        startsPerSecond = try decoder.decode("starts_per_second")
    }
}
