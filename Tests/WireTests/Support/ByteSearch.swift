import Foundation

extension [UInt8] {
    init(_ text: String) { self.init(text.utf8) }

    func contains(run pattern: [UInt8]) -> Bool {
        pattern.isEmpty || Data(self).range(of: Data(pattern)) != nil
    }

    /// Whether the secret stands here as itself, in hex or in base64 (standard and URL alphabet, with and without
    /// padding). Computed by Foundation, independently of the code under test.
    func betrays(_ secret: [UInt8]) -> Bool {
        let hex = secret.map { String(format: "%02x", $0) }.joined()
        let base64 = Data(secret).base64EncodedString()
        let bare = base64.replacing("=", with: "")
        let url = bare.replacing("+", with: "-").replacing("/", with: "_")
        return contains(run: secret) || [hex, hex.uppercased(), bare, url].contains { contains(run: [UInt8]($0)) }
    }
}
