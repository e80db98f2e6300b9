/// A 64-bit digest of a frame's bytes, to recognise exact repeats of a frame within a short window.
///
/// FNV-1a with 64 bits. By chance two of n different frames collide with probability n² / 2⁶⁵. An agent can make
/// collisions on purpose, and harms only itself: a frame with the fingerprint of one of its last 64 is recorded, counted as
/// a repeat, and changes nothing else.
/// Stable across processes and releases, unlike `hashValue`.
/// Source: Fowler, Noll, Vo, “The FNV Non-Cryptographic Hash Algorithm” (offset basis and prime for 64 bits).
public struct Fingerprint: Hashable, Sendable {
    /// The digest itself.
    public let value: UInt64

    /// The fingerprint of these bytes, in this order. Any number of bytes, also none.
    public init(of bytes: some Sequence<UInt8>) {
        var value: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in bytes { value = (value ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
        self.value = value
    }
}
