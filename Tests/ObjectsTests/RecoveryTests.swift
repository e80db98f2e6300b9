import Digests
import Engine
import Objects
import Testing

@Suite("Recovery key and sidecar")
struct RecoveryTests {
    let name: ObjectName

    init() throws { name = try #require(ObjectName("agt_1/run_1-1.enc")) }

    @Test("A recovery key survives its file, which is private and never overwritten")
    func file() throws {
        let folder = try TemporaryFolder()
        let key = RecoveryKey.generate()
        let path = "\(folder.path)/recovery.key"
        try key.write(to: path)
        #expect(try folder.permissions("recovery.key") == 0o600)
        #expect(try RecoveryKey(file: path) == key)
        #expect(throws: RecoveryKeyError.self) { try RecoveryKey.generate().write(to: path) }
        #expect(try RecoveryKey(file: path) == key)
        #expect(!"\(key)".contains(Base64.encode(key.privateKey.bytes)))
    }

    @Test("A bare line, Windows line ends and comments are fine")
    func lenient() throws {
        let key = RecoveryKey.generate()
        let line = "backupy-recovery-1 \(Base64.encode(key.privateKey.bytes))"
        for text in [line, "# a\r\n\r\n\(line)\r\n", "  \n\(line)  \n# end"] {
            #expect(try RecoveryKey(reading: text) == key)
        }
    }

    @Test(
        "What is no recovery key says why",
        arguments: [
            ("", .empty), ("# only a comment\n", .empty), ("a\nb", .notOneKey(lineCount: 2)),
            ("hello", .unknownFormat(isOtherVersion: false)),
            ("backupy-recovery-2 AAAA", .unknownFormat(isOtherVersion: true)), ("backupy-recovery-1", .badKey),
            ("backupy-recovery-1 AAAA", .badKey), ("backupy-recovery-1 AAAA BBBB", .badKey),
        ] as [(String, RecoveryKeyError)])
    func unreadable(text: String, expected: RecoveryKeyError) {
        #expect(throws: expected) { try RecoveryKey(reading: text) }
    }

    @Test("A sidecar opens with its recovery key only, with and without a digest")
    func sidecar() throws {
        let key = RecoveryKey.generate()
        for digest in [nil, SHA256.digest(of: [1])] {
            let sealed = try #require(Sidecar(sealing: Blobs.key, for: name, sha256: digest, to: key.publicKey))
            let read = try Sidecar(reading: sealed.bytes)
            #expect(read == sealed)
            #expect(
                try read.open(with: key, expecting: name)
                    == Sidecar.Content(objectName: name, sha256: digest, dataKey: Blobs.key))
            #expect(throws: SidecarError.wrongKey) { try read.open(with: .generate()) }
            #expect(!String(decoding: sealed.bytes, as: UTF8.self).contains(Base64.encode(Blobs.key)))
        }
    }

    @Test("Two sidecars for one key have nothing in common")
    func fresh() throws {
        let key = RecoveryKey.generate()
        let one = Sidecar(sealing: Blobs.key, for: name, sha256: nil, to: key.publicKey)
        #expect(one != Sidecar(sealing: Blobs.key, for: name, sha256: nil, to: key.publicKey))
    }

    @Test("A sidecar is bound to name and digest")
    func bound() throws {
        let key = RecoveryKey.generate()
        let other = try #require(ObjectName("agt_1/run_2-1.enc"))
        let digest = SHA256.digest(of: [1])
        let sealed = try #require(Sidecar(sealing: Blobs.key, for: name, sha256: digest, to: key.publicKey))
        #expect(throws: SidecarError.otherObject(name)) { try sealed.open(with: key, expecting: other) }
        let text = String(decoding: sealed.bytes, as: UTF8.self)
        for (from, to) in [
            (name.text, other.text), (digest.hex, SHA256.digest(of: [2]).hex), ("sha256: \(digest.hex)\n", ""),
        ] {
            let changed = try Sidecar(reading: Array(text.replacing(from, with: to).utf8))
            #expect(throws: SidecarError.wrongKey) { try changed.open(with: key) }
        }
    }

    @Test("Damaged sidecars say where, and a changed byte never opens")
    func damaged() throws {
        let key = RecoveryKey.generate()
        let bytes = try #require(Sidecar(sealing: Blobs.key, for: name, sha256: nil, to: key.publicKey)).bytes
        for index in bytes.indices {
            var changed = bytes
            changed[index] ^= 2
            #expect(throws: SidecarError.self, "byte \(index)") { try Sidecar(reading: changed).open(with: key) }
        }
        for count in 0..<(bytes.count - 1) {
            #expect(throws: SidecarError.self) { try Sidecar(reading: Array(bytes.prefix(count))).open(with: key) }
        }
        #expect(throws: SidecarError.otherVersion) { try Sidecar(reading: Array("backupy-sidecar-2\n".utf8)) }
        #expect(throws: SidecarError.notASidecar) { try Sidecar(reading: Blobs.sample) }
        #expect(throws: SidecarError.notASidecar) { try Sidecar(reading: [UInt8](repeating: 10, count: 5_000)) }
    }
}
