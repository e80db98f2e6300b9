import Digests
import Foundation

/// What `backupy decrypt` needs to open one backup, as the claims of a JWT. Whoever has the token can read the backup.
///
/// Readers look at the claims only: they hold no key with which to check the signature, so ``sha256`` is as trustworthy as
/// the channel that brought the token. Claims as the reference decrypt tool has them.
public struct DecryptionToken: Hashable, Sendable, CustomStringConvertible {
    static let issuer = "backupy-server"
    static let audience = "backupy-decrypt"
    static let algorithm = "AES-256-GCM"
    /// The longest token that is read.
    static let maximumByteCount = 65_536

    /// Who asked for the token; not empty.
    public var subject: String
    /// Unix seconds; absent in some foreign tokens.
    public var issuedAtSeconds: Int64?
    /// Unix seconds from which on the token opens nothing.
    public var expiresAtSeconds: Int64
    /// The run that made the backup; not empty.
    public var runID: String
    /// Always `default` from our server; not empty.
    public var companyID: String
    /// The 32 bytes of the data key.
    public var dataKey: [UInt8]
    /// SHA-256 of the blob; nil skips that check.
    public var sha256: Digest?

    /// A token yet to be signed.
    public init(
        subject: String, issuedAtSeconds: Int64, expiresAtSeconds: Int64, runID: String, companyID: String = "default",
        dataKey: [UInt8], sha256: Digest?
    ) {
        self.subject = subject
        self.issuedAtSeconds = issuedAtSeconds
        self.expiresAtSeconds = expiresAtSeconds
        self.runID = runID
        self.companyID = companyID
        self.dataKey = dataKey
        self.sha256 = sha256
    }

    /// The token as text, signed with HS256.
    public func signed(with key: [UInt8]) -> String {
        var claims = [
            "\"iss\":\(Self.quoted(Self.issuer))", "\"aud\":\(Self.quoted(Self.audience))",
            "\"sub\":\(Self.quoted(subject))",
        ]
        if let issuedAtSeconds { claims.append("\"iat\":\(issuedAtSeconds)") }
        claims += [
            "\"exp\":\(expiresAtSeconds)", "\"run_id\":\(Self.quoted(runID))",
            "\"company_id\":\(Self.quoted(companyID))",
            "\"dek\":\(Self.quoted(Base64.encode(dataKey)))", "\"alg\":\(Self.quoted(Self.algorithm))",
            "\"format_version\":\(BlobFormat.version)",
        ]
        if let sha256 { claims.append("\"sha256\":\(Self.quoted(sha256.hex))") }
        let payload = "{" + claims.joined(separator: ",") + "}"
        let signedPart =
            Base64.encodeURL(Array(#"{"alg":"HS256","typ":"JWT"}"#.utf8)) + "." + Base64.encodeURL(Array(payload.utf8))
        let signature = HMACSHA256.code(of: Array(signedPart.utf8), key: key)
        return signedPart + "." + Base64.encodeURL(signature.bytes)
    }

    /// Names the run and nothing secret.
    public var description: String { "decryption token for \(runID)" }

    private static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"", "\\": result += "\\\(scalar)"
            case "\u{0}"..<"\u{20}":
                let hex = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}

/// Why a token opens nothing. No text holds any part of the token but the claim's name.
public enum TokenError: Error, Hashable, CustomStringConvertible {
    /// Not three segments between dots, or unreasonably long.
    case notAToken
    /// The middle segment is not URL-safe base64 without padding of a JSON object.
    case unreadableClaims
    /// A required claim is absent, null or an empty text.
    case missing(claim: String)
    /// A claim has the wrong type or value; `expected` says what was right.
    case wrong(claim: String, expected: String)
    /// The token was good once.
    case expired(atSeconds: Int64, nowSeconds: Int64)

    /// What was wrong and what to do.
    public var description: String {
        switch self {
        case .notAToken:
            "this is not a decryption token: it must be three parts with a dot between. Copy the whole of it."
        case .unreadableClaims:
            "the token's middle part is not URL-safe base64 of a JSON object. Copy the whole token, or get a new one."
        case .missing(let claim):
            "the token has no `\(claim)`. It was made for something else; get a decryption token for this run."
        case .wrong(let claim, let expected):
            "the token's `\(claim)` is not acceptable: expected \(expected)."
        case .expired(let at, let now):
            "the token expired \(now.subtractingReportingOverflow(at).partialValue) seconds ago. Get a new one for this run."
        }
    }
}
