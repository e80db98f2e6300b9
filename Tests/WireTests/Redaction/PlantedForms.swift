import Foundation

/// The ways in which a secret may stand in a text, made with Foundation and so independently of what searches for them.
enum PlantedForms {
    static func all(of secret: [UInt8], asText: Bool) -> [[UInt8]] {
        let data = Data(secret)
        var texts: [String] = []
        let text = String(data: data, encoding: .utf8)
        if let text {
            texts += [text, json(text), json(json(text)), unicode(text)]
        }
        for format in ["%02x", "%02X"] {
            let digits = secret.map { String(format: format, $0) }
            texts += [digits.joined(), digits.joined(separator: " "), digits.joined(separator: ":")]
            texts += ["0x" + digits.joined(separator: ", 0x"), digits.map { "\\x" + $0 }.joined()]
            let percent = digits.map { "%" + $0 }.joined()
            texts += [percent, percent.replacing("%", with: "%25")]
        }
        if let text {
            for allowed in [CharacterSet.alphanumerics.intersection(ascii), .urlQueryAllowed, .urlPathAllowed] {
                texts += [text.addingPercentEncoding(withAllowedCharacters: allowed) ?? ""]
            }
            texts += [
                (text.addingPercentEncoding(withAllowedCharacters: .alphanumerics.intersection(ascii)) ?? "")
                    .replacing("%20", with: "+")
            ]
        }
        texts += ["[" + secret.map { String($0) }.joined(separator: " ") + "]"]
        texts += [secret.map { String($0) }.joined(separator: ","), secret.map { String($0) }.joined(separator: ", ")]
        let base64 = data.base64EncodedString()
        texts += [base64, base64.replacing("=", with: "")]
        texts += [base64.replacing("+", with: "-").replacing("/", with: "_")]
        var forms = texts.map { Array($0.utf8) }
        if text == nil, !asText { forms.append(secret) }
        return forms.filter { $0.count >= 4 }
    }

    private static let ascii = CharacterSet(charactersIn: UnicodeScalar(0)...UnicodeScalar(127))

    private static func json(_ text: String) -> String {
        let bytes = (try? JSONEncoder().encode([text])) ?? Data()
        return String(String(decoding: bytes, as: UTF8.self).dropFirst(2).dropLast(2))
    }

    private static func unicode(_ text: String) -> String {
        text.utf16.map { String(format: "\\u%04x", $0) }.joined()
    }
}
