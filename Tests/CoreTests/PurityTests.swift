import Foundation
import Testing

/// `Core` holds no Foundation, clock, randomness, locale or floating point, and never iterates a dictionary or set.
@Suite("Purity of Core")
struct PurityTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    private static let banned = [
        #"^\s*(public |package |internal |private |@preconcurrency |@_exported )*import "#,
        #"\b(Date|UUID|ContinuousClock|SuspendingClock|DispatchTime|Locale|Calendar)\b"#,
        #"\.random\(|SystemRandomNumberGenerator|\.shuffled\(|\.randomElement\("#,
        #"\b(Double|Float|Float16|Float80|CGFloat)\b"#,
        #"\basync\b|\bawait\b|\bTask\b|\bactor\b"#,
        #"\bSet<|\bhashValue\b|\.keys\b|\.values\.(map|forEach|sorted|reduce)"#,
        #"\bfatalError\(|\btry!"#,
    ]

    @Test("nothing banned stands in a line of code")
    func tidy() throws {
        let folder = Self.root.appending(path: "Sources/Core")
        let files = try #require(FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil))
            .compactMap { $0 as? URL }.filter { $0.pathExtension == "swift" }
        try #require(files.count > 20)
        var findings: [String] = []
        for file in files {
            for (number, line) in try String(contentsOf: file, encoding: .utf8).split(
                separator: "\n", omittingEmptySubsequences: false
            ).enumerated() {
                let code = line.split(separator: "//", maxSplits: 1, omittingEmptySubsequences: false)[0]
                for pattern in Self.banned where String(code).range(of: pattern, options: .regularExpression) != nil {
                    findings.append("\(file.lastPathComponent):\(number + 1): \(line)")
                }
            }
        }
        #expect(findings.isEmpty, "\(findings.joined(separator: "\n"))")
    }

    @Test("dictionaries are only looked up: each one's declaration is known here")
    func dictionaries() throws {
        let folder = Self.root.appending(path: "Sources/Core")
        let files = try #require(FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil))
            .compactMap { $0 as? URL }.filter { $0.pathExtension == "swift" }
        var declarations: [String] = []
        for file in files {
            for line in try String(contentsOf: file, encoding: .utf8).split(separator: "\n")
            where line.range(of: #"\[[A-Z]\w*: [A-Z]\w*\]"#, options: .regularExpression) != nil {
                declarations.append(
                    "\(file.lastPathComponent): \(line.trimmingCharacters(in: .whitespaces))")
            }
        }
        #expect(
            declarations.sorted() == [
                "Starting.swift: private var countByJob: [JobID: Int] = [:]",
                "Table.swift: @usableFromInline var places: [ID: Int] = [:]",
                "Timers.swift: private var tickets: [Key: Int] = [:]",
            ])
    }
}
