import Glibc
import Recordings
import Wire

/// What agents said in recorded traffic.
enum Captures {
    /// The frames in the captures of a folder, decoded.
    static func agentFrames(of captures: String) throws -> [IncomingFrame] {
        let decoded = try agentBytes(of: captures).map {
            IncomingFrame.decode($0, session: nil, registeredSentAt: nil)
        }
        let readable = decoded.filter { if case .received = $0 { true } else { false } }
        guard !readable.isEmpty else { throw Complaint("\(captures): no frame of an agent") }
        return readable
    }

    /// The bytes of them all, redacted as at the door.
    static func agentBytes(of captures: String) throws -> [[UInt8]] {
        guard let folder = opendir(captures) else { throw Complaint("\(captures) cannot be read") }
        defer { closedir(folder) }
        var names: [String] = []
        while let entry = readdir(folder) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name.hasSuffix(".frames") { names.append(name) }
        }
        let redactor = Redactor()
        return try names.sorted().flatMap { name in
            try Capture(contentsOf: captures + "/" + name).records.filter(\.isFromAgent).map { record in
                var frame = record.frame
                redactor.redact(&frame)
                return frame
            }
        }
    }
}
