import Core
import Engine
import Recordings
import Wire

extension Target {
    /// A file of `.frames`.
    static let capture = Target(name: "capture", maximumByteCount: 4_096, seeds: Seeds.captureFiles) { bytes in
        guard let capture = try? Capture(bytes: bytes) else { return }
        var again: [UInt8] = []
        for record in capture.records {
            promise(record.recordedAt.milliseconds >= 0, "a time that there can be")
            again += encode(record.recordedAt.milliseconds, record.isFromAgent, record.frame)
        }
        promise(again == bytes, "nothing is left out")
    }

    /// The import of a capture, the check of the log that it becomes, and what that log shows.
    ///
    /// Records are cut so that every input is a capture: time since the one before (two bytes, in units that bits 1 and 2
    /// of the third byte choose: from milliseconds to years), direction (bit 0), and the frame behind its length.
    static let replay = Target(name: "replay", maximumByteCount: 4_096, seeds: replaySeeds) { bytes in
        var feed = Feed(bytes)
        var file: [UInt8] = []
        var time: Int64 = 1_700_000_000_000
        var count = 0
        while !feed.isEmpty, count < 64 {
            let (high, low, form) = (feed.byte(), feed.byte(), feed.byte())
            let unit: Int64 = [1, 60_000, 86_400_000, 31_536_000_000][Int(form >> 1 & 3)]
            time = min(time + (Int64(high) << 8 | Int64(low)) * unit, latest)
            file += encode(time, form & 1 == 0, feed.piece())
            count += 1
        }
        guard let capture = try? Capture(bytes: file) else { return promise(file.isEmpty, "a capture is read") }
        promise(capture.records.count == count, "all records are read")
        do {
            var kernel = try CaptureImport.run(capture, into: MemoryLog())
            _ = try kernel.commit()
            try check(kernel, capture)
        } catch {
            fatalError("broken: an import fails: \(error)")
        }
    }

    /// The last moment that a capture may name.
    private static let latest: Int64 = 253_402_300_799_999

    private static func check(_ kernel: Kernel<Fleet, MemoryLog, FleetCodec>, _ capture: Capture) throws {
        let secrets = capture.records.filter { !$0.isFromAgent }.flatMap { Redactor.secrets(in: $0.frame) }
            .filter { $0.count >= 16 && !$0.contains(UInt8(ascii: "*")) }
        let codec = FleetCodec()
        var check = ReplayCheck<Fleet> { if case .started(let start) = $0 { start.rules } else { nil } }
        var former: EncodedEntry?
        for encoded in kernel.log.read(after: .start, limit: .max) {
            promise(encoded.position == (former?.position ?? .start).next, "positions have no holes")
            promise(former.map { $0.recordedAt <= encoded.recordedAt } ?? true, "time never decreases")
            let entry = try codec.decode(encoded)
            checkJSON(entry.message)
            check.add(entry)
            former = encoded
            // Malformed frames and numbers that happen to look alike are for the redaction target to judge.
            if case .received = entry.message {
            } else {
                for secret in secrets { promise(!encoded.body.holds(secret), "no secret is on the log") }
            }
        }
        check.finish()
        promise(check.isGood, "decided again, the same follows: \(check.divergences.map(\.description))")
        promise(StateDigest(of: check.state) == StateDigest(of: kernel.state), "folded again, the same state follows")
    }

    static func encode(_ milliseconds: Int64, _ isFromAgent: Bool, _ frame: [UInt8]) -> [UInt8] {
        var bytes: [UInt8] = []
        withUnsafeBytes(of: milliseconds.bigEndian) { bytes += $0 }
        bytes.append(isFromAgent ? 0 : 1)
        withUnsafeBytes(of: UInt32(truncatingIfNeeded: frame.count).bigEndian) { bytes += $0 }
        return bytes + frame
    }

    private static func replaySeeds() throws -> [[UInt8]] {
        try Seeds.captures().flatMap { capture in
            var records: [[UInt8]] = []
            var former = capture.records.first?.recordedAt.milliseconds ?? 0
            for record in capture.records {
                let wait = UInt16(clamping: record.recordedAt.milliseconds - former)
                former = record.recordedAt.milliseconds
                records.append(
                    [UInt8(wait >> 8), UInt8(wait & 0xFF), record.isFromAgent ? 0 : 1] + Feed.piece(record.frame))
            }
            return [records.flatMap { $0 }, records.prefix(6).flatMap { $0 }, records.suffix(8).flatMap { $0 }]
        }
    }
}
