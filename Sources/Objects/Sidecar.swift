import Digests
import Engine

/// The file `OBJECT.key` beside a backup object: its data key, sealed so that only the recovery key opens it.
///
/// Text, one field a line, in this order, each line ended by a newline:
///
///     backupy-sidecar-1
///     object: NAME
///     sha256: HEX                          (of the blob; absent where it was not known)
///     ephemeral-public-key: BASE64         (X25519, 32 bytes, made for this file only)
///     sealed-key: BASE64                   (nonce[12] | ciphertext[32] | tag[16])
///
/// The sealing key is HKDF-SHA256 of the X25519 secret shared by ephemeral and recovery key, with salt
/// ephemeral public key ‖ recovery public key, info `backupy-sidecar-1`, 32 bytes. The data key is sealed under it with
/// AES-256-GCM; additional data is the file's text from its start to before `ephemeral-public-key`, so that neither name nor
/// digest can be exchanged. Base64 is standard and padded.
public struct Sidecar: Hashable, Sendable {
    static let tag = "backupy-sidecar-1"
    /// The longest sidecar that is read.
    static let maximumByteCount = 4_096

    /// What a sidecar holds once opened.
    public struct Content: Hashable, Sendable {
        /// The object it belongs to.
        public var objectName: ObjectName
        /// SHA-256 of the object's bytes, where it was known.
        public var sha256: Digest?
        /// The 32 bytes that open the object.
        public var dataKey: [UInt8]

        /// Content as given.
        public init(objectName: ObjectName, sha256: Digest?, dataKey: [UInt8]) {
            self.objectName = objectName
            self.sha256 = sha256
            self.dataKey = dataKey
        }
    }

    /// The object that the file says it belongs to; proven only by ``open(with:expecting:)``.
    public let objectName: ObjectName
    /// SHA-256 of the object as the file says; proven only by ``open(with:expecting:)``.
    public let sha256: Digest?
    private let ephemeralKey: X25519.PublicKey
    private let sealedKey: [UInt8]

    /// Seals a data key. Needs the public half only.
    ///
    /// - Returns: `nil` when `publicKey` is of low order, which no generated key is.
    public init?(
        sealing dataKey: [UInt8], for objectName: ObjectName, sha256: Digest?, to publicKey: X25519.PublicKey
    ) {
        precondition(dataKey.count == AESGCM.keyByteCount, "a data key has 32 bytes, not \(dataKey.count)")
        let ephemeral = X25519.PrivateKey.generate()
        guard let secret = ephemeral.sharedSecret(with: publicKey),
            let gcm = Self.gcm(secret: secret, ephemeral: ephemeral.publicKey, recipient: publicKey)
        else { return nil }
        let nonce = SecureRandom.bytes(AESGCM.nonceByteCount)
        var sealed = nonce
        gcm.seal(
            dataKey, nonce: nonce, additionalData: Self.bound(objectName: objectName, sha256: sha256),
            appendingTo: &sealed)
        self.objectName = objectName
        self.sha256 = sha256
        ephemeralKey = ephemeral.publicKey
        sealedKey = sealed
    }

    /// Reads the bytes of a sidecar file.
    public init(reading bytes: [UInt8]) throws(SidecarError) {
        guard bytes.count <= Self.maximumByteCount else { throw .notASidecar }
        var lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n")[...]
        guard let first = lines.popFirst(), first.hasPrefix("backupy-sidecar-") else { throw .notASidecar }
        guard first == Self.tag else { throw .otherVersion }
        func field(_ name: String) -> String? {
            guard let line = lines.first, line.hasPrefix(name + ": ") else { return nil }
            lines = lines.dropFirst()
            return String(line.dropFirst(name.count + 2))
        }
        guard let name = field("object").flatMap({ ObjectName($0) }) else { throw .badField("object") }
        let hex = field("sha256")
        let digest = hex.flatMap { Digest(hex: $0) }
        guard (hex == nil) == (digest == nil) else { throw .badField("sha256") }
        guard
            let ephemeral = field("ephemeral-public-key").flatMap({ Base64.decode($0) }).flatMap({
                X25519.PublicKey($0)
            })
        else { throw .badField("ephemeral-public-key") }
        let sealedByteCount = AESGCM.nonceByteCount + AESGCM.keyByteCount + AESGCM.tagByteCount
        guard let sealed = field("sealed-key").flatMap({ Base64.decode($0) }), sealed.count == sealedByteCount,
            lines.isEmpty
        else { throw .badField("sealed-key") }
        objectName = name
        sha256 = digest
        ephemeralKey = ephemeral
        sealedKey = sealed
    }

    /// The bytes of the file.
    public var bytes: [UInt8] {
        Self.bound(objectName: objectName, sha256: sha256)
            + Array("ephemeral-public-key: \(Base64.encode(ephemeralKey.bytes))\n".utf8)
            + Array("sealed-key: \(Base64.encode(sealedKey))\n".utf8)
    }

    /// Opens the sealed key.
    ///
    /// - Parameter expected: the object it must belong to; nil takes the name in the file, which is authenticated too.
    public func open(
        with key: RecoveryKey, expecting expected: ObjectName? = nil
    ) throws(SidecarError) -> Content {
        if let expected, expected != objectName { throw .otherObject(objectName) }
        guard let secret = key.privateKey.sharedSecret(with: ephemeralKey),
            let gcm = Self.gcm(secret: secret, ephemeral: ephemeralKey, recipient: key.publicKey)
        else { throw .badField("ephemeral-public-key") }
        let nonce = Array(sealedKey.prefix(AESGCM.nonceByteCount))
        let sealed = Array(sealedKey.dropFirst(AESGCM.nonceByteCount))
        do {
            let dataKey = try gcm.open(
                sealed, nonce: nonce, additionalData: Self.bound(objectName: objectName, sha256: sha256))
            return Content(objectName: objectName, sha256: sha256, dataKey: dataKey)
        } catch {
            throw .wrongKey
        }
    }

    private static func bound(objectName: ObjectName, sha256: Digest?) -> [UInt8] {
        var text = "\(tag)\nobject: \(objectName.text)\n"
        if let sha256 { text += "sha256: \(sha256.hex)\n" }
        return Array(text.utf8)
    }

    private static func gcm(secret: [UInt8], ephemeral: X25519.PublicKey, recipient: X25519.PublicKey) -> AESGCM? {
        AESGCM(
            key: HKDFSHA256.derive(
                secret: secret, salt: ephemeral.bytes + recipient.bytes, info: tag, byteCount: AESGCM.keyByteCount))
    }
}

/// Why a sidecar gives no data key.
public enum SidecarError: Error, Hashable, CustomStringConvertible {
    /// Not such a file at all.
    case notASidecar
    /// A version other than 1.
    case otherVersion
    /// A field is missing, out of order or unreadable.
    case badField(String)
    /// It belongs to the object named.
    case otherObject(ObjectName)
    /// It does not authenticate under this recovery key.
    case wrongKey

    /// What was wrong and what to do.
    public var description: String {
        switch self {
        case .notASidecar: "this is not the .key file of a backup: it must start with `\(Sidecar.tag)`."
        case .otherVersion: "the .key file has another version than 1. Use a newer backupy."
        case .badField(let name): "the .key file is damaged: `\(name)` is missing or unreadable. Fetch it again."
        case .otherObject(let name): "the .key file belongs to another object, \(name)."
        case .wrongKey: "the .key file was sealed to another recovery key, or was changed."
        }
    }
}
