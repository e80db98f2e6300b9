import Core
import Digests
import Engine

@testable import Objects

extension Target {
    /// What a person or a store brings for decrypting: tokens, sidecars, recovery keys, and the texts of bytes in them.
    static let keys = Target(name: "keys", maximumByteCount: 2_048, seeds: keySeeds) { bytes in
        var feed = Feed(bytes)
        let form = feed.byte()
        let rest = feed.remainder()
        let text = String(decoding: rest, as: UTF8.self)
        switch form % 7 {
        case 0: read(token: text)
        case 1: read(token: "e30." + Base64.encodeURL(rest) + ".AA")
        case 2: read(sidecar: rest)
        case 3:
            guard let key = try? RecoveryKey(reading: text) else { return }
            promise((try? RecoveryKey(reading: key.text)) == key, "a recovery key comes back from its text")
        case 4:
            if let bytes = Base64.decode(text) { promise(Base64.encode(bytes) == text, "each text has one meaning") }
            if let bytes = Base64.decodeURL(text) { promise(Base64.encodeURL(bytes) == text, "and one way of writing") }
            if let bytes = Hex.decode(text) { promise(Hex.encode(bytes) == text.lowercased(), "but for the case") }
            promise(Base64.decode(Base64.encode(rest)) == rest, "any bytes have a text")
            promise(Base64.decodeURL(Base64.encodeURL(rest)) == rest, "any bytes have a text for URLs")
            promise(Hex.decode(Hex.encode(rest)) == rest, "any bytes have digits")
        case 5:
            guard let name = ObjectName(text), let reference = ObjectReference(name: Text(name.text)) else { return }
            promise(reference.name == Text(text), "a reference is what it was read from")
            promise(reference.attempt > .none, "of an attempt that there was")
        default:
            guard let name = ObjectName(text) else { return }
            promise(name.text.utf8.elementsEqual(text.utf8), "a name is what it was made of")
            promise(!text.split(separator: "/").contains("..") && !text.hasPrefix("/"), "a name leads nowhere else")
        }
    }

    private static func read(token text: String) {
        guard let token = try? DecryptionToken(reading: text, nowSeconds: 1_000) else { return }
        promise(token.expiresAtSeconds > 1_000 && token.dataKey.count == 32, "a token that is read is good")
        let again = token.signed(with: [1, 2, 3])
        // A token has a limit, and writing it may take more characters than it came in.
        guard again.utf8.count <= DecryptionToken.maximumByteCount else { return }
        promise((try? DecryptionToken(reading: again, nowSeconds: 1_000)) == token, "a token comes back from its text")
    }

    private static let recovery = X25519.PrivateKey([UInt8](1...32)).map(RecoveryKey.init)

    private static func read(sidecar bytes: [UInt8]) {
        guard let sidecar = try? Sidecar(reading: bytes) else { return }
        promise((try? Sidecar(reading: sidecar.bytes)) == sidecar, "a sidecar comes back from its bytes")
        guard let recovery, let content = try? sidecar.open(with: recovery) else { return }
        promise(content.dataKey.count == 32 && content.objectName == sidecar.objectName, "what opens is whole")
    }

    private static func keySeeds() throws -> [[UInt8]] {
        let token = DecryptionToken(
            subject: "admin", issuedAtSeconds: 5, expiresAtSeconds: 9_000, runID: "run_1",
            dataKey: [UInt8](repeating: 7, count: 32), sha256: SHA256.digest(of: [1]))
        let text = token.signed(with: [1])
        let claims = Base64.decodeURL(String(text.split(separator: ".")[1])) ?? []
        var seeds: [[UInt8]] = [[0] + text.utf8, [1] + claims, [4] + "AAECAw==".utf8, [4] + "00ff".utf8]
        seeds += [[6] + "agt_1/job_1/run_1.zst".utf8, [6] + "a/../b".utf8]
        let object = ObjectNames.name(
            agent: AgentID(bits: 1), job: JobID(bits: 2), run: RunID(bits: 3), attempt: .first)
        seeds.append([5] + Array(object.string.utf8))
        guard let recovery, let name = ObjectName("a/b") else { return seeds }
        seeds.append([3] + Array(recovery.text.utf8))
        let digests = [nil, SHA256.digest(of: [2])]
        for digest in digests {
            let sidecar = Sidecar(
                sealing: [UInt8](repeating: 3, count: 32), for: name, sha256: digest, to: recovery.publicKey)
            if let sidecar { seeds.append([2] + sidecar.bytes) }
        }
        return seeds
    }
}
