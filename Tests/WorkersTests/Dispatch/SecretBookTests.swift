import Core
import Engine
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

    @Test("After a start it knows from the vault: passwords in force, former ones, keys of open runs; nobody else's")
    func loads() throws {
        let other = AgentID("agt_00000000002")
        let (target, job, run) = (TargetID("tgt_00000000001"), JobID("job_00000000001"), RunID("run_00000000001"))
        var state = Fleet.initial
        var position = Position.start
        func fold(_ message: Fleet.Message) {
            position = position.next
            let entry = Entry(
                position: position, recordedAt: Timestamp(milliseconds: 1), stream: Stream("engine"),
                revision: Revision(position.number),
                cause: nil, kind: "test", message: message)
            _ = Fleet.fold(entry, into: &state)
        }
        let ticket = Ticket(token: "admin")
        for id in [agent, other] {
            fold(.accepted(.agentCreated(id, name: "a", keyDigest: [UInt8](repeating: 1, count: 32)), ticket))
        }
        var spec = TargetSpec()
        spec.set(.password(.vault("secret:target-now")))
        fold(.accepted(.targetCreated(target, agent, spec), ticket))
        fold(.accepted(.jobCreated(job, agent, target, JobSpec()), ticket))
        let order = RunOrder(
            job: job, agent: agent, target: target, isManual: true, timeoutSeconds: 0, retentionDays: 0)
        fold(.accepted(.runQueued(run, order), ticket))
        fold(.decided(run, .started(.first, isRepeatable: false)))
        let vault = MemoryVault()
        let key = [UInt8](repeating: 0xA5, count: 32)
        vault.store(password(1), as: "secret:target-now")
        vault.store(password(2), as: "former:\(agent):000001767225600:00ff")
        vault.store(password(3), as: "former:\(agent):000001767225601:00fe")
        vault.store(password(4), as: "former:\(other):000001767225600:00ff")
        vault.store(password(5), as: "former:malformed")
        vault.store(key, as: VaultNames.dataKey(run, .first))
        let book = SecretBook()
        try book.load(state, from: vault)
        for secret in [password(1), password(2), password(3), key] { #expect(isKnown(secret, book)) }
        for secret in [password(4), password(5)] { #expect(!isKnown(secret, book)) }
        // They stay when the configuration goes out, and are not taken for those in force.
        book.put(passwords: [password(1)], of: agent)
        for number in 1...3 { #expect(isKnown(password(number), book)) }
    }

    @Test("The signature of an upload's address is known by itself until the run is over")
    func addresses() {
        let book = SecretBook()
        book.add(
            uploadURL: "http://h/objects/x?expires=1&max=2&signature=00112233445566778899", of: RunID("run_1"), agent)
        #expect(isKnown(Array("00112233445566778899".utf8), book))
    }
}
