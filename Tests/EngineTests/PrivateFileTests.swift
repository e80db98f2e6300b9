import Engine
import Foundation
import Testing

@Suite("A private file")
struct PrivateFileTests {
    private let folder = NSTemporaryDirectory() + "private-file-\(UUID().uuidString)/"

    private func inFolder(_ body: (_ path: String) throws -> Void) throws {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try body(folder + "key")
    }

    private func names() throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: folder).sorted() }

    @Test("is there whole, for its owner alone, and leaves no draft")
    func whole() throws {
        try inFolder { path in
            try PrivateFile.create(path, holding: "secret\n".utf8)
            #expect(try String(contentsOfFile: path, encoding: .utf8) == "secret\n")
            #expect(try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int == 0o600)
            #expect(try names() == ["key"])
        }
    }

    @Test("never replaces another")
    func taken() throws {
        try inFolder { path in
            try PrivateFile.create(path, holding: "first".utf8)
            #expect(throws: FileError(path, "create", code: EEXIST)) {
                try PrivateFile.create(path, holding: "second".utf8)
            }
            #expect(try String(contentsOfFile: path, encoding: .utf8) == "first")
            #expect(try names() == ["key"])
        }
    }

    @Test("is made although a process died as it wrote it, and holds nothing of that")
    func interrupted() throws {
        try inFolder { path in
            try Data("half of a longer sec".utf8).write(to: URL(fileURLWithPath: PrivateFile.draft(of: path)))
            try PrivateFile.create(path, holding: "whole".utf8)
            #expect(try String(contentsOfFile: path, encoding: .utf8) == "whole")
            #expect(try names() == ["key"])
        }
    }

    @Test("says what could not be done where there is no folder")
    func nowhere() {
        #expect(throws: FileError(folder + "key", "create", code: ENOENT)) {
            try PrivateFile.create(folder + "key", holding: "secret".utf8)
        }
    }
}
