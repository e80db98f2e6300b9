import Digests
import Foundation

extension DecryptionToken {
    /// Reads a token's claims. Header and signature are not looked at.
    ///
    /// - Parameters:
    ///   - text: the token; white space around it is ignored.
    ///   - nowSeconds: the wall clock as unix seconds, against which the expiry is held.
    public init(reading text: String, nowSeconds: Int64) throws(TokenError) {
        let trimmed = text.trimmingCharacters(in: .whitespacesAndNewlines)
        guard trimmed.utf8.count <= Self.maximumByteCount else { throw .notAToken }
        let segments = trimmed.split(separator: ".", omittingEmptySubsequences: false)
        guard segments.count == 3 else { throw .notAToken }
        guard let payload = Base64.decodeURL(String(segments[1])),
            let members = try? JSONDecoder().decode([String: Claim].self, from: Data(payload))
        else { throw .unreadableClaims }
        let claims = Claims(members: members)

        guard try claims.text("iss") == Self.issuer else { throw .wrong(claim: "iss", expected: "`\(Self.issuer)`") }
        guard try claims.text("aud") == Self.audience else {
            throw .wrong(claim: "aud", expected: "the text `\(Self.audience)`")
        }
        expiresAtSeconds = try claims.integer("exp", "a whole number of unix seconds")
        issuedAtSeconds =
            claims.isPresent("iat") ? try claims.integer("iat", "a whole number of unix seconds") : nil
        subject = try claims.text("sub")
        runID = try claims.text("run_id")
        companyID = try claims.text("company_id")
        guard try claims.text("alg").lowercased() == Self.algorithm.lowercased() else {
            throw .wrong(claim: "alg", expected: Self.algorithm)
        }
        guard try claims.integer("format_version", "the number 1") == BlobFormat.version else {
            throw .wrong(claim: "format_version", expected: "the number 1; a newer tool may know others")
        }
        guard let key = Base64.decode(try claims.text("dek")), key.count == AESGCM.keyByteCount else {
            throw .wrong(claim: "dek", expected: "32 bytes in standard base64 with padding")
        }
        dataKey = key
        sha256 = try claims.digest("sha256")
        guard expiresAtSeconds > nowSeconds else { throw .expired(atSeconds: expiresAtSeconds, nowSeconds: nowSeconds) }
    }
}

/// A claim's value, as far as this tool tells values apart.
private enum Claim: Decodable {
    case text(String)
    case number(Double)
    case null
    case other

    init(from decoder: any Decoder) throws {
        guard let container = try? decoder.singleValueContainer() else {
            self = .other
            return
        }
        if container.decodeNil() {
            self = .null
        } else if let text = try? container.decode(String.self) {
            self = .text(text)
        } else if (try? container.decode(Bool.self)) != nil {
            self = .other
        } else if let number = try? container.decode(Double.self) {
            self = .number(number)
        } else {
            self = .other
        }
    }
}

private struct Claims {
    let members: [String: Claim]

    func isPresent(_ name: String) -> Bool {
        if case .null = members[name, default: .null] { false } else { true }
    }

    func text(_ name: String) throws(TokenError) -> String {
        switch members[name, default: .null] {
        case .text(""), .null: throw .missing(claim: name)
        case .text(let text): return text
        case .number, .other: throw .wrong(claim: name, expected: "a text")
        }
    }

    func integer(_ name: String, _ expected: String) throws(TokenError) -> Int64 {
        switch members[name, default: .null] {
        case .null: throw .missing(claim: name)
        case .number(let number):
            guard let integer = Int64(exactly: number) else { throw .wrong(claim: name, expected: expected) }
            return integer
        case .text, .other: throw .wrong(claim: name, expected: expected)
        }
    }

    func digest(_ name: String) throws(TokenError) -> Digest? {
        switch members[name, default: .null] {
        case .text(""), .null: return nil
        case .text(let text):
            guard let digest = Digest(hex: text) else { throw .wrong(claim: name, expected: "64 hexadecimal digits") }
            return digest
        case .number, .other: throw .wrong(claim: name, expected: "64 hexadecimal digits")
        }
    }
}
