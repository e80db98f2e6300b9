import Digests
import Foundation
import Objects
import Testing

@Suite("Decryption tokens")
struct DecryptionTokenTests {
    /// The token with which the reference tool opened the recorded object.
    private static let good: [String: any Sendable] = [
        "iss": "backupy-server", "aud": "backupy-decrypt", "sub": "lab-user", "iat": 1_767_225_600,
        "exp": 4_102_444_800, "run_id": "run-pg-success-001", "company_id": "lab-company",
        "dek": "Zlid7IoSIQbmhKkPx6MR56GWCwS6/JuqFyeyKNy7coI=", "alg": "AES-256-GCM", "format_version": 1,
        "sha256": "28bf44b28d0225cda1d5911cda0611291bc6f80656795e93b899e81f09cf4b9c",
    ]

    @Test("The token of the reference recording is read, whatever its header and signature hold")
    func reference() throws {
        let token = try DecryptionToken(reading: "\n \(try Self.token(Self.good)) \n", nowSeconds: 1_800_000_000)
        #expect(token.dataKey == Blobs.sampleKey)
        #expect(token.sha256 == Blobs.sampleDigest)
        #expect(token.issuedAtSeconds == 1_767_225_600)
        #expect(token.expiresAtSeconds == 4_102_444_800)
        #expect([token.subject, token.runID, token.companyID] == ["lab-user", "run-pg-success-001", "lab-company"])
        #expect("\(token)" == "decryption token for run-pg-success-001")
    }

    @Test("What we sign, we read, and the signature is HS256 over the first two parts")
    func signed() throws {
        let token = DecryptionToken(
            subject: "a \"b\"\\\u{1}\nü", issuedAtSeconds: 10, expiresAtSeconds: 910, runID: "run_1-1",
            dataKey: Blobs.key, sha256: nil)
        let text = token.signed(with: [1, 2, 3])
        #expect(try DecryptionToken(reading: text, nowSeconds: 909) == token)
        let parts = text.split(separator: ".").map { String($0) }
        let signature = try #require(Base64.decodeURL(parts[2]))
        #expect(HMACSHA256.isValid(signature, of: Array("\(parts[0]).\(parts[1])".utf8), key: [1, 2, 3]))
        let header = try #require(Base64.decodeURL(parts[0]))
        #expect(String(decoding: header, as: UTF8.self) == #"{"alg":"HS256","typ":"JWT"}"#)
    }

    @Test("A token opens until its last second, and not in it")
    func expiry() throws {
        let text = try Self.token(Self.good)
        #expect(try DecryptionToken(reading: text, nowSeconds: 4_102_444_799).runID == "run-pg-success-001")
        for now in [4_102_444_800, Int64.max] {
            #expect(throws: TokenError.expired(atSeconds: 4_102_444_800, nowSeconds: now)) {
                try DecryptionToken(reading: text, nowSeconds: now)
            }
        }
    }

    @Test(
        "Every claim that must be there is missed by its name",
        arguments: ["iss", "aud", "exp", "sub", "run_id", "company_id", "dek", "alg", "format_version"])
    func missing(claim: String) throws {
        var claims = Self.good
        claims[claim] = nil
        #expect(try error(claims) == .missing(claim: claim))
        claims[claim] = NSNull()
        #expect(try error(claims) == .missing(claim: claim))
        if Self.good[claim] is String {
            claims[claim] = ""
            #expect(try error(claims) == .missing(claim: claim))
        }
    }

    @Test(
        "Every claim of a wrong type or value is named",
        arguments: [
            ("iss", "backupy"), ("iss", 1), ("aud", "backupy"), ("aud", ["backupy-decrypt"]),
            ("aud", "Backupy-decrypt"),
            ("exp", "4102444800"), ("exp", true), ("exp", 1.5), ("exp", 1e300), ("iat", "yesterday"), ("sub", 1),
            ("run_id", ["x"]), ("company_id", false), ("dek", "Zlid7IoSIQbmhKkPx6MR56GWCwS6_JuqFyeyKNy7coI="),
            ("dek", "Zlid7IoSIQbmhKkPx6MR56GWCwS6/JuqFyeyKNy7coI"), ("dek", "AAAA"), ("dek", 5), ("alg", "AES-128-GCM"),
            ("format_version", 2), ("format_version", "1"), ("format_version", true), ("sha256", "28bf"), ("sha256", 1),
        ] as [(String, any Sendable)])
    func wrong(claim: String, value: any Sendable) throws {
        var claims = Self.good
        claims[claim] = value
        guard case .wrong(claim, _) = try error(claims) else {
            Issue.record("\(claim) = \(value) gave \(String(describing: try error(claims)))")
            return
        }
    }

    @Test("What may be absent or written otherwise is accepted")
    func lenient() throws {
        var claims = Self.good
        claims["iat"] = nil
        claims["alg"] = "aes-256-gcm"
        claims["sha256"] = ""
        claims["extra"] = ["deep": ["er": 1]]
        #expect(try error(claims) == nil)
        claims["sha256"] = NSNull()
        #expect(try error(claims) == nil)
        claims["sha256"] = Blobs.sampleDigest?.hex.uppercased()
        #expect(try error(claims) == nil)
    }

    @Test("What is no token is refused", arguments: ["", ".", "a.b", "a.b.c.d", "..."])
    func notAToken(text: String) {
        #expect(throws: TokenError.notAToken) { try DecryptionToken(reading: text, nowSeconds: 0) }
    }

    @Test("What holds no claims is refused")
    func unreadable() {
        let deep = String(repeating: "[", count: 10_000)
        for payload in ["", "{", "[]", "1", "{\"a\":", "{\"a\":\(deep)"] {
            #expect(throws: TokenError.unreadableClaims) {
                try DecryptionToken(reading: "a.\(Base64.encodeURL(Array(payload.utf8))).c", nowSeconds: 0)
            }
        }
        #expect(throws: TokenError.unreadableClaims) { try DecryptionToken(reading: "a.e30=.c", nowSeconds: 0) }
        let long = String(repeating: "a", count: 70_000)
        #expect(throws: TokenError.notAToken) { try DecryptionToken(reading: "a.\(long).c", nowSeconds: 0) }
    }

    private func error(_ claims: [String: any Sendable]) throws -> TokenError? {
        let text = try Self.token(claims)
        do throws(TokenError) {
            _ = try DecryptionToken(reading: text, nowSeconds: 1_800_000_000)
            return nil
        } catch {
            #expect(!error.description.contains("Zlid7IoSIQ"))
            return error
        }
    }

    private static func token(_ claims: [String: any Sendable]) throws -> String {
        let payload = try JSONSerialization.data(withJSONObject: claims)
        return "not a header." + Base64.encodeURL(Array(payload)) + ".not a signature"
    }
}
