import Foundation

/// The package's root folder, found from this file, so that tests run from anywhere.
let packageRoot = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

/// One recorded conversation of a reference agent with a server.
struct Capture: CustomStringConvertible {
    struct Record {
        var isFromServer: Bool
        var frame: [UInt8]
    }
    var name: String
    var records: [Record]
    var description: String { name }

    static let all: [Capture] = {
        let folder = packageRoot.appending(path: "Replays/captures")
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        return names.filter { $0.hasSuffix(".frames") }.sorted().map { name in
            let bytes = (try? Data(contentsOf: folder.appending(path: name))).map { [UInt8]($0) } ?? []
            return Capture(name: name, records: records(in: bytes))
        }
    }()

    /// 8 bytes time, 1 byte direction, 4 bytes length, all big-endian, then the frame.
    private static func records(in bytes: [UInt8]) -> [Record] {
        var records: [Record] = []
        var rest = bytes[...]
        while rest.count >= 13 {
            let header = Array(rest.prefix(13))
            let length = header[9...].reduce(0) { $0 << 8 | Int($1) }
            records.append(Record(isFromServer: header[8] == 1, frame: Array(rest.dropFirst(13).prefix(length))))
            rest = rest.dropFirst(13 + length)
        }
        return records
    }
}
