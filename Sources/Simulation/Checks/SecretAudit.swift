import Core

/// Whether what an agent said stands on the log with a secret in it (invariant 11): a key or signature of the run that it
/// speaks of, however long ago that ended, or the password of its databases.
enum SecretAudit {
    /// Looks at a frame as it was recorded.
    static func check(
        _ agent: AgentID, _ frame: ReceivedFrame, in state: borrowing Fleet.State, vault: borrowing ModelVault
    ) throws(Breach) {
        switch frame.report {
        case .jobUpdate, .completed: break
        default: return
        }
        for form in forms(of: Array(ModelVault.password(of: agent).utf8)) where contains(frame.bytes, form) {
            throw Breach(11, "the password of \(agent) is in a recorded frame")
        }
        for id in frame.namedRuns where state.runs[id]?.order.agent == agent {
            for secret in vault.secrets(of: id, agent) {
                for form in forms(of: secret) where contains(frame.bytes, form) {
                    throw Breach(11, "a key of \(id) is in a recorded frame")
                }
            }
        }
    }

    /// A secret as itself, in both kinds of hexadecimal, and in as much of its base64 as depends on it alone.
    private static func forms(of secret: [UInt8]) -> [[UInt8]] {
        guard !secret.isEmpty else { return [] }
        let digits = World.hexadecimal(secret).string
        return [
            secret, Array(digits.utf8), Array(digits.uppercased().utf8),
            base64(Array(secret.prefix(secret.count / 3 * 3))),
        ]
    }

    /// The base64 of whole groups of three bytes.
    static func base64(_ bytes: [UInt8]) -> [UInt8] {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        return stride(from: 0, to: bytes.count - 2, by: 3).flatMap { start in
            let group = UInt32(bytes[start]) << 16 | UInt32(bytes[start + 1]) << 8 | UInt32(bytes[start + 2])
            return [18, 12, 6, 0].map { alphabet[Int(group >> $0 & 63)] }
        }
    }

    private static func contains(_ bytes: [UInt8], _ part: [UInt8]) -> Bool {
        guard let first = part.first, bytes.count >= part.count else { return false }
        for start in 0...(bytes.count - part.count) where bytes[start] == first {
            if bytes[start..<(start + part.count)].elementsEqual(part) { return true }
        }
        return false
    }
}
