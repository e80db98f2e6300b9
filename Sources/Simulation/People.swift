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
    /// Somebody asks, now and until there is an answer.
    mutating func askNow(_ request: Request, key: Text? = nil, cancelAfter: Milliseconds? = nil) {
        ask(request, at: now, key: key, cancelAfter: cancelAfter)
    }

    mutating func ask(
        _ request: Request, at moment: Timestamp, key: Text? = nil, cancelAfter: Milliseconds? = nil
    ) {
        clients.append(Client(request: request, key: key, cancelAfter: cancelAfter))
        unansweredCount += 1
        agenda.add(.ask(clients.count - 1), at: moment)
    }

    mutating func ask(_ client: Int) {
        guard !clients[client].isAnswered, !clients[client].isWaiting else { return }
        guard server.kernel != nil else { return after(.seconds(2), .ask(client)) }
        clients[client].isWaiting = true
        var request = clients[client].request
        if clients[client].key != nil, case .runJob(_, let job) = request {
            request = .runJob(RunID(bits: dice.bits()), job)  // the door draws a new id each time
        }
        let idempotency = clients[client].key.map {
            Ticket.Idempotency(key: $0, bodyDigest: [UInt8](repeating: 1, count: 32))
        }
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
        guard !clients[client].isAnswered else { return }
        clients[client].isAnswered = true
        unansweredCount -= 1
        guard case .accepted(.runQueued(let run, _), _) = answer, let wait = clients[client].cancelAfter else { return }
        ask(.cancelRun(run), at: now + wait)
    }
}
