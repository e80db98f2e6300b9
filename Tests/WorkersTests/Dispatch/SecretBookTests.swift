import Core
import Testing
import Wire
import Workers

@Suite("Secret book")
struct SecretBookTests {
    private let agent = AgentID("agt_00000000001")

    private func password(_ number: Int) -> [UInt8] { Array("password-\(10_000 + number)".utf8) }

    private func isKnown(_ secret: [UInt8], _ book: SecretBook) -> Bool {
        var text = secret
        book.redactor(for: agent).redact(&text)
        return text != secret
    }

    @Test("All passwords in force are known, however many there are")
    func knowsAllInForce() {
        let book = SecretBook()
        book.put(passwords: (0..<200).map(password), of: agent)
        for number in 0..<200 { #expect(isKnown(password(number), book)) }
    }

    @Test("Former passwords stay known, the newest 64 of them, and never at the cost of those in force")
    func remembersFormer() {
        let book = SecretBook()
        for number in 0..<70 { book.put(passwords: [password(number), password(1_000)], of: agent) }
        #expect(isKnown(password(1_000), book))
        for number in 5..<70 { #expect(isKnown(password(number), book)) }
        #expect(!isKnown(password(4), book))
    }
}
