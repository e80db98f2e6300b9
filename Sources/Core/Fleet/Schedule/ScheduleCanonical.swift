extension Slot: Restorable {
    /// Writes both parts.
    public func encode<Encoder: CanonicalEncoder>(into encoder: inout Encoder) {
        encoder.encode("local_minute", localMinute)
        encoder.encode("offset_seconds", Int64(offsetSeconds))
    }

    /// Reads both parts.
    public init<Decoder: CanonicalDecoder>(from decoder: inout Decoder) throws(CanonicalError) {
        localMinute = try decoder.decode("local_minute")
        let offset: Int64 = try decoder.decode("offset_seconds")
        guard let seconds = Int32(exactly: offset) else {
            throw CanonicalError(field: "offset_seconds", problem: "is \(offset), beyond 32 bits")
        }
        offsetSeconds = seconds
    }
}
