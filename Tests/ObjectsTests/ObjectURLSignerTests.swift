import Digests
import Engine
import Objects
import Testing

@Suite("Object addresses")
struct ObjectURLSignerTests {
    let signer = ObjectURLSigner(key: [UInt8](repeating: 5, count: 32), base: "http://127.0.0.1:8080/")
    let name: ObjectName

    init() throws { name = try #require(ObjectName("agt_1/run_1-1.enc")) }

    private func target(_ url: String, _ base: String = "http://127.0.0.1:8080") -> String {
        String(url.dropFirst(base.utf8.count))
    }

    @Test("The shape that others rely on; the signature is the longest value")
    func shape() {
        let url = signer.uploadURL(for: name, maximumByteCount: 1_000, expiresAtMilliseconds: 5_000)
        let code = HMACSHA256.code(
            of: Array("PUT\nagt_1/run_1-1.enc\n5000\n1000".utf8), key: [UInt8](repeating: 5, count: 32))
        #expect(
            url == "http://127.0.0.1:8080/objects/agt_1/run_1-1.enc?expires=5000&max=1000&signature=\(code.hex)")
    }

    @Test("An address is good for its method until it expires")
    func verdicts() {
        let put = target(signer.uploadURL(for: name, maximumByteCount: 1_000, expiresAtMilliseconds: 5_000))
        let get = target(signer.downloadURL(for: name, expiresAtMilliseconds: 5_000))
        let grant = ObjectURLSigner.Grant(name: name, expiresAtMilliseconds: 5_000, maximumByteCount: 1_000)
        #expect(signer.verify(method: "PUT", target: put, nowMilliseconds: 4_999) == .valid(grant))
        #expect(signer.verify(method: "PUT", target: put, nowMilliseconds: 5_000) == .expired)
        for method in ["GET", "HEAD", "DELETE", "put", ""] {
            #expect(signer.verify(method: method, target: put, nowMilliseconds: 0) == .invalid)
        }
        for method in ["GET", "HEAD"] {
            guard case .valid = signer.verify(method: method, target: get, nowMilliseconds: 0) else {
                Issue.record("\(method) was refused")
                return
            }
        }
        #expect(signer.verify(method: "PUT", target: get, nowMilliseconds: 0) == .invalid)
        let other = ObjectURLSigner(key: [UInt8](repeating: 6, count: 32), base: "")
        #expect(other.verify(method: "PUT", target: put, nowMilliseconds: 0) == .invalid)
    }

    @Test("Every change of an address makes it invalid, also once it has expired")
    func tampering() {
        let target = target(signer.uploadURL(for: name, maximumByteCount: 1_000, expiresAtMilliseconds: 5_000))
        let bytes = Array(target.utf8)
        for index in bytes.indices {
            for mask in [1, 3, 0x10] as [UInt8] {
                var changed = bytes
                changed[index] ^= mask
                let text = String(decoding: changed, as: UTF8.self)
                #expect(signer.verify(method: "PUT", target: text, nowMilliseconds: 9_000) == .invalid, "\(text)")
            }
            let cut = String(decoding: bytes.prefix(index), as: UTF8.self)
            #expect(signer.verify(method: "PUT", target: cut, nowMilliseconds: 0) == .invalid)
        }
    }

    @Test(
        "Nothing else is valid",
        arguments: [
            "", "?", "/objects/", "/objects/a", "/objects/a?", "/objects/a?expires=1",
            "/objects/../a?expires=1&max=1&signature=00",
            "/objects/a?expires=99999999999999999999&max=1&signature=00", "/objects/a?expires=-1&max=1&signature=00",
            "/objects/a?expires=1&max=1&signature=", "/objects/a?expires=1&max=1&signature=0g",
            "/other/a?expires=1&max=1&signature=00",
            "/objects/a?expires=1&max=1&signature=00&signature=00",
        ])
    func nonsense(target: String) {
        #expect(signer.verify(method: "PUT", target: target, nowMilliseconds: 0) == .invalid)
    }

    @Test("Parameters may come in another order, but once, and numbers in one form")
    func forms() {
        let target = target(signer.uploadURL(for: name, maximumByteCount: 1_000, expiresAtMilliseconds: 5_000))
        let halves = target.split(separator: "?").map { String($0) }
        let parameters = halves[1].split(separator: "&")
        let reordered = halves[0] + "?" + parameters.reversed().joined(separator: "&")
        guard case .valid = signer.verify(method: "PUT", target: reordered, nowMilliseconds: 0) else {
            Issue.record("another order was refused")
            return
        }
        for changed in [
            target + "&max=1000", target + "&x=1", target.replacing("=5000", with: "=05000"),
            target.replacing("=5000", with: "=+5000"),
        ] {
            #expect(signer.verify(method: "PUT", target: changed, nowMilliseconds: 0) == .invalid)
        }
    }

    @Test("A base with a path works with and without a proxy that strips it")
    func basePath() {
        let signer = ObjectURLSigner(key: [1], base: "https://host.example/backup/")
        let url = signer.uploadURL(for: name, maximumByteCount: 1, expiresAtMilliseconds: 5_000)
        #expect(url.hasPrefix("https://host.example/backup/objects/agt_1/"))
        for base in ["https://host.example", "https://host.example/backup"] {
            guard case .valid = signer.verify(method: "PUT", target: target(url, base), nowMilliseconds: 0) else {
                Issue.record("refused below \(base)")
                return
            }
        }
    }
}
