import Core

/// Somebody who asks for one thing.
struct Client: Sendable {
    var request: Request
    /// With a key the question is repeated until it is answered.
    var key: Text?
    var isAnswered = false
    var isWaiting = false
    /// Whether a run that was granted is cancelled after a while.
    var cancelAfter: Milliseconds?
}

extension World {
    private static let jobsPerAgent = 2

    private static func job(_ agent: Int, _ index: Int) -> JobID { JobID(Text("job_\(agent)_\(index)")) }

    /// Plans all that people will ask for.
    mutating func planClients(runCount: Int) {
        var moment = now + .seconds(1)
        func plan(_ request: Request, key: Text? = nil, cancelAfter: Milliseconds? = nil) {
            clients.append(Client(request: request, key: key, cancelAfter: cancelAfter))
            agenda.add(.ask(clients.count - 1), at: moment)
        }
        for (agent, link) in links.enumerated() {
            let target = TargetID(Text("tgt_\(agent)"))
            let limit = UInt32(dice.number(1...3))
            plan(.createAgent(link.agent, name: link.agent.text, keyDigest: [UInt8](repeating: 7, count: 32)))
            plan(.configureAgent(link.agent, [.maxParallelJobs(limit)]))
            plan(.createTarget(target, link.agent, [.type(.sqlite), .displayName("d"), .database("/d")]))
            for index in 0..<Self.jobsPerAgent {
                let seconds: UInt32 = dice.chance(in: 3) ? 0 : 600
                plan(.createJob(Self.job(agent, index), link.agent, target, [.timeoutSeconds(seconds)]))
                moment = moment + Milliseconds(50)
            }
        }
        moment = moment + .seconds(5)
        for number in 0..<runCount {
            moment = moment + (dice.chance(in: 4) ? Milliseconds(0) : dice.span(100...100_000))
            let job = Self.job(Int(dice.number(0...1)), Int(dice.number(0...1)))
            let key = dice.chance(in: 3) ? Text("key-\(number)") : nil
            plan(
                .runJob(RunID(bits: dice.bits()), job), key: key,
                cancelAfter: dice.chance(in: 8) ? dice.span(0...60_000) : nil)
            if dice.chance(in: 20) {
                let limit = UInt32(dice.number(1...4))
                plan(.configureAgent(links[Int(dice.number(0...1))].agent, [.maxParallelJobs(limit)]))
            }
        }
    }

    mutating func ask(_ client: Int) {
        guard !clients[client].isAnswered, !clients[client].isWaiting else { return }
        guard server.kernel != nil else { return after(.seconds(2), .ask(client)) }
        clients[client].isWaiting = true
        var request = clients[client].request
        if clients[client].key != nil, case .runJob(_, let job) = request {
            request = .runJob(RunID(bits: dice.bits()), job)  // the door draws a new id each time
        }
        let idempotency = clients[client].key.map { Ticket.Idempotency(key: $0, bodyDigest: [1]) }
        submit(.requested(request, Ticket(token: "simulation", idempotency: idempotency)), client: client)
    }

    /// The answer did not come; whether the request was recorded is not known.
    mutating func retry(_ client: Int) {
        clients[client].isWaiting = false
        // Without a key, a run may be asked for twice; then it is two runs.
        after(dice.span(500...5_000), .ask(client))
    }

    mutating func answered(_ client: Int, _ answer: Fleet.Message) {
        clients[client].isWaiting = false
        clients[client].isAnswered = true
        guard case .accepted(.runQueued(let run, _), _) = answer else { return }
        guard let wait = clients[client].cancelAfter else { return }
        clients.append(Client(request: .cancelRun(run)))
        after(wait, .ask(clients.count - 1))
    }
}
