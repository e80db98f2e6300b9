import ArgumentParser
import Digests
import Engine
import Foundation
import SQLiteLog
import Server

struct MasterKeyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "master-key", abstract: "The key under which the vault is sealed.", subcommands: [Rotate.self])

    struct Rotate: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Seals the vault under a new master key, while the server is stopped.",
            discussion: """
                The old key stays beside the new one as KEY.previous: it opens older copies of the vault. Destroy it once \
                none of those is needed. Addresses for uploads and downloads that were handed out before are refused from \
                now on, so let runs finish first. Interrupted at any moment, the directory stays usable: run it again.
                """)

        @Option(help: "The data directory (default: BACKUPY_DATA).") var data: String?
        @Option(help: "The master key (default: BACKUPY_MASTER_KEY_FILE, else DATA/master.key).")
        var masterKeyFile: String?
        @Option(
            help: "A file with the new key: 64 hexadecimal digits. No key file is moved then; start with this one.")
        var newMasterKeyFile: String?
        @Flag(help: "Print JSON.") var json = false

        func run() throws {
            let environment = ProcessInfo.processInfo.environment
            guard let data = data ?? environment["BACKUPY_DATA"], !data.isEmpty else {
                throw Failure(text: "--data is needed: the directory that holds vault.sqlite", code: Failure.usage)
            }
            let keyFile = masterKeyFile ?? environment["BACKUPY_MASTER_KEY_FILE"] ?? data + "/master.key"
            do {
                let summary = try MasterKeyRotation.rotate(
                    directory: data, keyFile: keyFile, newKeyFile: newMasterKeyFile)
                if json { return Console.print(json: Self.json(summary).rendered) }
                let count =
                    summary.secretCount.map { "\($0) secrets sealed anew" } ?? "an earlier rotation was finished"
                Console.print("\(count); the master key is now \(Hex.encode(summary.keyID))")
                if let former = summary.formerKeyFile {
                    Console.complain("the old key is \(former); destroy it once no older copy of the vault is needed")
                } else {
                    Console.complain("start the server with --master-key-file \(newMasterKeyFile ?? keyFile)")
                }
            } catch {
                let code =
                    switch error {
                    case .noVault: Failure.usage
                    case .vault(.wrongKey): Failure.verification
                    case .lock, .vault: Failure.work
                    }
                throw Failure(text: "\(error)", code: code)
            }
        }

        private static func json(_ summary: MasterKeyRotation.Summary) -> JSON {
            [
                "key_id": .string(Hex.encode(summary.keyID)), "secrets": .integer(summary.secretCount),
                "former_key_file": .optional(summary.formerKeyFile),
            ]
        }
    }
}
