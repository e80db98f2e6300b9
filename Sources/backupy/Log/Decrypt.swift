import ArgumentParser
import Digests
import Foundation
import Objects
import Server

struct Decrypt: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Decrypts a downloaded backup object, offline.",
        discussion: """
            The output appears only once the whole object was verified; after a failure nothing is left behind. \
            With a recovery key, the object's sidecar (OBJECT.key) must lie beside it, or be named.
            """)

    @Option(help: "A decryption token (`backupy runs token RUN`).") var token: String?
    @Option(help: "A file with the token; wins over --token.") var tokenFile: String?
    @Option(help: "The recovery key that the server wrote at its first start.") var recoveryKey: String?
    @Option(help: "The object's sidecar (default: IN.key).") var sidecar: String?
    @Option(name: .customLong("in"), help: "The encrypted object.") var input: String
    @Option(name: .customLong("out"), help: "The file to write, mode 0600.") var output: String
    @Flag(inversion: .prefixedNo, help: "Compare the object with the digest in the token or sidecar.")
    var verifySha256 = true
    @Flag(help: "Leave the decrypted stream compressed.") var skipDecompress = false
    @Option(
        help: ArgumentHelp(
            "How large the output may get (default: what is free there, but for 64 MiB).", valueName: "bytes"))
    var maxBytes: UInt64?
    @Flag(help: "Print JSON.") var json = false

    func validate() throws {
        if token == nil, tokenFile == nil, recoveryKey == nil {
            throw ValidationError("one of --token, --token-file and --recovery-key is needed")
        }
    }

    func run() throws {
        let key: Decryptor.KeySource
        if token != nil || tokenFile != nil {
            key = .token(try tokenText(), nowSeconds: Int64(Date().timeIntervalSince1970))
        } else {
            key = .recoveryKey(file: recoveryKey ?? "", sidecar: sidecar)
        }
        do {
            let summary = try Decryptor.decrypt(
                input: input, output: output, key: key, skipsDecompression: skipDecompress,
                verifiesDigest: verifySha256, maximumByteCount: maxBytes)
            Console.print(
                json
                    ? #"{"byte_count":\#(summary.byteCount),"plaintext_byte_count":\#(summary.plaintextByteCount),"#
                        + #""sha256":"\#(summary.digest.hex)"}"#
                    : "\(summary.plaintextByteCount) bytes in \(output)")
        } catch {
            throw Failure(
                text: "\(error)", code: error.isVerificationFailure ? Failure.verification : Failure.work)
        }
    }

    private func tokenText() throws -> String {
        guard let tokenFile else { return token ?? "" }
        guard let text = Input.text(of: tokenFile) else {
            throw Failure(text: "--token-file: \(tokenFile) cannot be read", code: Failure.usage)
        }
        return text.trimmingCharacters(in: .whitespacesAndNewlines)
    }
}
