import Digests
import Engine
import Foundation
import Objects
import Testing

@Suite("Decryptor")
struct DecryptorTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    @Test("The recorded object is decrypted by key, by token and by recovery key")
    func sample() throws {
        let input = try folder.write(Blobs.sample, to: "in.enc")
        let recovery = RecoveryKey.generate()
        try recovery.write(to: "\(folder.path)/recovery.key")
        let name = try #require(ObjectName("agt_1/run_1-1.enc"))
        let sidecar = Sidecar(sealing: Blobs.sampleKey, for: name, sha256: Blobs.sampleDigest, to: recovery.publicKey)
        _ = try folder.write(try #require(sidecar).bytes, to: "in.enc.key")
        let token = DecryptionToken(
            subject: "lab", issuedAtSeconds: 100, expiresAtSeconds: 200, runID: "run_1-1", dataKey: Blobs.sampleKey,
            sha256: Blobs.sampleDigest)
        let sources: [Decryptor.KeySource] = [
            .dataKey(Blobs.sampleKey, sha256: nil), .dataKey(Blobs.sampleKey, sha256: Blobs.sampleDigest),
            .token(token.signed(with: [1]), nowSeconds: 199), .recoveryKey(file: "\(folder.path)/recovery.key"),
        ]
        for (index, source) in sources.enumerated() {
            let summary = try Decryptor.decrypt(input: input, output: "\(folder.path)/out\(index)", key: source)
            #expect(summary.digest == Blobs.sampleDigest)
            #expect(SHA256.digest(of: try #require(folder.read("out\(index)"))) == Blobs.samplePlaintextDigest)
            #expect(try folder.permissions("out\(index)") == 0o600)
        }
        let files = ["in.enc", "in.enc.key", "out0", "out1", "out2", "out3", "recovery.key"]
        #expect(try folder.files() == files)
    }

    @Test("An empty dump becomes an empty file, an older output is replaced")
    func empty() throws {
        let input = try folder.write(Blobs.end, to: "in.enc")
        let output = try folder.write([1, 2, 3], to: "out")
        _ = try Decryptor.decrypt(input: input, output: output, key: .dataKey(Blobs.key, sha256: nil))
        #expect(folder.read("out") == [])
    }

    @Test("Without decompression the zstd stream is written")
    func stream() throws {
        let input = try folder.write(Blobs.sample, to: "in.enc")
        _ = try Decryptor.decrypt(
            input: input, output: "\(folder.path)/out", key: .dataKey(Blobs.sampleKey, sha256: Blobs.sampleDigest),
            skipsDecompression: true)
        #expect(folder.read("out")?.count == 9_786)
    }

    @Test(
        "Whatever is wrong with the blob, nothing is left behind and an older output stays", arguments: [false, true])
    func nothingLeft(hasOlder: Bool) throws {
        let frame = Blobs.frame(SecureRandom.bytes(300_000))
        let good = Blobs.blob(stride(from: 0, to: frame.count, by: 50_000).map { Array(frame[$0...].prefix(50_000)) })
        var flipped = good
        flipped[200_000] ^= 1
        let cases: [([UInt8], DecryptionError?)] = [
            (Array(good.dropLast(4)), .blob(.truncated(afterByteCount: UInt64(good.count - 4)))),
            (Array(good.dropLast(70_000)), .blob(.truncated(afterByteCount: UInt64(good.count - 70_000)))),
            (good + [0], .blob(.trailingBytes(endByteCount: UInt64(good.count)))),
            (flipped, .blob(.authenticationFailed(chunk: 4))),
            (Blobs.blob([Array(frame.prefix(200_000))]), .blob(.unfinishedCompression)),
            ([], .blob(.truncated(afterByteCount: 0))),
        ]
        for (bytes, expected) in cases {
            let input = try folder.write(bytes, to: "in.enc")
            if hasOlder { _ = try folder.write([42], to: "out") }
            let error = error(input: input, key: .dataKey(Blobs.key, sha256: nil))
            #expect(error == expected)
            #expect(error?.isVerificationFailure == true)
            #expect(try folder.files() == (hasOlder ? ["in.enc", "out"] : ["in.enc"]))
            #expect(folder.read("out") == (hasOlder ? [42] : nil))
        }
    }

    @Test("An output that would get larger than it may is stopped, and nothing is left of it")
    func tooLarge() throws {
        let input = try folder.write(Blobs.sample, to: "in.enc")
        #expect(throws: DecryptionError.blob(.plaintextTooLarge(maximumByteCount: 100))) {
            try Decryptor.decrypt(
                input: input, output: "\(folder.path)/out", key: .dataKey(Blobs.sampleKey, sha256: Blobs.sampleDigest),
                maximumByteCount: 100)
        }
        #expect(try folder.files() == ["in.enc"])
    }

    @Test("A removed chunk that decompression cannot see is found by the digest, before anything is written")
    func digest() throws {
        let chunks = Blobs.chunks([[1, 2, 3], [4, 5, 6], [7]])
        let whole = SHA256.digest(of: chunks.flatMap { $0 } + Blobs.end)
        let changed = chunks[0] + chunks[2] + Blobs.end
        let input = try folder.write(changed, to: "in.enc")
        let output = "\(folder.path)/missing-folder/out"  // writing first would fail with another error
        #expect(throws: DecryptionError.digestMismatch(expected: whole, actual: SHA256.digest(of: changed))) {
            try Decryptor.decrypt(
                input: input, output: output, key: .dataKey(Blobs.key, sha256: whole), skipsDecompression: true)
        }
        _ = try Decryptor.decrypt(
            input: input, output: "\(folder.path)/out", key: .dataKey(Blobs.key, sha256: whole),
            skipsDecompression: true, verifiesDigest: false)
        #expect(folder.read("out") == [1, 2, 3, 7])
    }

    @Test("Files that cannot be used are named")
    func files() throws {
        let input = try folder.write(Blobs.sample, to: "in.enc")
        let key = Decryptor.KeySource.dataKey(Blobs.sampleKey, sha256: nil)
        #expect(throws: DecryptionError.unusableOutput(path: input)) {
            try Decryptor.decrypt(input: input, output: input, key: key)
        }
        #expect(throws: DecryptionError.unusableOutput(path: folder.path)) {
            try Decryptor.decrypt(input: input, output: folder.path, key: key)
        }
        for (from, to) in [("\(folder.path)/none", "\(folder.path)/out"), (input, "\(folder.path)/none/out")] {
            do throws(DecryptionError) {
                _ = try Decryptor.decrypt(input: from, output: to, key: key)
                Issue.record("decrypted from or to nowhere")
            } catch {
                #expect(error.description.contains("No such file"))
                #expect(!error.isVerificationFailure)
            }
        }
        #expect(error(input: folder.path, key: key)?.description.contains("Is a directory") == true)
        #expect(try folder.files() == ["in.enc"])
    }

    @Test("Unusable keys are named, and nothing is written")
    func keys() throws {
        let input = try folder.write(Blobs.sample, to: "in.enc")
        #expect(error(input: input, key: .token("x", nowSeconds: 0)) == .token(.notAToken))
        #expect(error(input: input, key: .dataKey([1], sha256: nil)) == .blob(.badKeyLength(byteCount: 1)))
        let recovery = try folder.write(Array("nothing".utf8), to: "recovery.key")
        let source = Decryptor.KeySource.recoveryKey(file: recovery)
        #expect(error(input: input, key: source) == .recoveryKey(.unknownFormat(isOtherVersion: false)))
        _ = try folder.write(Array(RecoveryKey.generate().text.utf8), to: "recovery.key")
        #expect(error(input: input, key: source)?.description.contains("in.enc.key") == true)
        let name = try #require(ObjectName("a"))
        let foreign = Sidecar(sealing: Blobs.key, for: name, sha256: nil, to: RecoveryKey.generate().publicKey)
        _ = try folder.write(try #require(foreign).bytes, to: "in.enc.key")
        #expect(error(input: input, key: source) == .sidecar(.wrongKey))
        #expect(folder.read("out") == nil)
    }

    private func error(input: String, key: Decryptor.KeySource) -> DecryptionError? {
        do throws(DecryptionError) {
            _ = try Decryptor.decrypt(input: input, output: "\(folder.path)/out", key: key)
            return nil
        } catch {
            return error
        }
    }
}
