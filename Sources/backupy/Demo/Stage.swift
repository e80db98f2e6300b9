import Foundation

/// The demo's folder and its two processes.
struct Stage {
    let folder: String
    private(set) var address = ""
    private var server: Process?
    private var agent: Process?

    init(folder: String) { self.folder = folder }

    /// This very program.
    static let executable = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()

    var serverData: String { folder + "/server" }
    var database: String { folder + "/shop.db" }
    var restored: String { folder + "/restored.db" }
    var processIDs: [Int32] { [server, agent].compactMap { $0?.processIdentifier } }

    func adminToken() throws -> String {
        try String(contentsOfFile: serverData + "/admin.token", encoding: .utf8)
            .trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// Starts the control plane on a free port; its address is the first line that it prints.
    mutating func startServer() async throws -> String {
        let output = Pipe()
        let process = try start(
            ["serve", "--data", serverData, "--listen", "127.0.0.1:0"], log: "server.log", environment: [:],
            output: output)
        server = process
        let handle = output.fileHandleForReading
        let line = await Task.detached {
            var bytes: [UInt8] = []
            while let next = try? handle.read(upToCount: 1), let byte = next.first, byte != UInt8(ascii: "\n") {
                bytes.append(byte)
            }
            return String(decoding: bytes, as: UTF8.self)
        }.value
        guard let found = line.split(separator: " ").last(where: { $0.hasPrefix("http") }) else {
            throw Failure(text: "the control plane did not start: \(line)")
        }
        address = String(found)
        return address
    }

    mutating func startAgent(server: String, key: String) throws {
        agent = try start(
            ["agent", "--server", server, "--state", folder + "/agent", "--allow-insecure"], log: "agent.log",
            environment: ["BACKUP_AGENT_KEY": key], output: nil)
    }

    private func start(
        _ arguments: [String], log: String, environment: [String: String], output: Pipe?
    ) throws -> Process {
        let path = folder + "/" + log
        guard FileManager.default.createFile(atPath: path, contents: nil),
            let handle = FileHandle(forWritingAtPath: path)
        else { throw Failure(text: "\(path) cannot be written") }
        let process = Process()
        process.executableURL = Self.executable
        process.arguments = arguments
        var inherited = ProcessInfo.processInfo.environment
        // The demo's processes hear the demo's options, not those that the shell has set for others.
        for name in inherited.keys where name.hasPrefix("BACKUP_") || name.hasPrefix("BACKUPY_") {
            inherited[name] = nil
        }
        process.environment = inherited.merging(environment) { $1 }
        process.standardInput = FileHandle.nullDevice
        process.standardError = handle
        if let output { process.standardOutput = output } else { process.standardOutput = handle }
        try process.run()
        return process
    }

    func checkProcesses() throws {
        for (name, process) in [("control plane", server), ("agent", agent)] where process?.isRunning == false {
            throw Failure(text: "the \(name) has ended with code \(process?.terminationStatus ?? 0)")
        }
    }

    /// Ends both, the agent first, and expects them to end well.
    mutating func end() async throws {
        for (name, process) in [("agent", agent), ("control plane", server)] {
            guard let process else { continue }
            process.terminate()
            await wait(for: process)
            guard process.terminationStatus == 0 else {
                throw Failure(text: "the \(name) ended with code \(process.terminationStatus)")
            }
        }
        agent = nil
        server = nil
    }

    /// Ends whatever runs.
    func abandon() async {
        for process in [agent, server].compactMap({ $0 }) where process.isRunning {
            process.terminate()
            await wait(for: process)
        }
    }

    private func wait(for process: Process) async {
        await Task.detached { process.waitUntilExit() }.value
    }
}
