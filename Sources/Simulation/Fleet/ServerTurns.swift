import Core
import Engine
import Wire

/// What the control plane does with all that has arrived: turns, one commit, and only then anyone hears of it. The process
/// may die anywhere between.
extension World {
    mutating func processInbox() throws(Breach) {
        guard server.kernel != nil else { return }
        server.isProcessing = false
        let batch = server.inbox
        server.inbox = []
        let moment = readServerClock()
        var ranges: [Range<Int>?] = []
        do {
            if !server.hasStarted {
                let start = EngineStart(
                    build: "simulation", rules: Fleet.rules, seed: plan.serverSeed, clockBehind: server.time.behind)
                _ = try server.kernel?.turn(.started(start), at: moment)
            }
            if let step = server.clockStep { _ = try server.kernel?.turn(.clockStepped(step), at: moment) }
            for submission in batch {
                guard case .staged(let range)? = try server.kernel?.turn(submission.message, at: moment) else {
                    ranges.append(nil)
                    continue
                }
                ranges.append(range)
            }
            if try server.kernel?.passDeadlines(at: moment) == .stuck {
                throw Breach(4, "a deadline is still due after it has passed")
            }
        } catch let breach as Breach {
            throw breach
        } catch {
            throw Breach(3, "the log cannot be read: \(error)")
        }
        defer { scheduleServerDeadlines() }
        guard server.kernel?.staged.isEmpty == false else { return }
        planWrite()
        guard let recorded = try commit(batch) else { return }
        server.clockStep = nil
        if strikesServer(.serverKillAfterCommit, in: 1_200) {
            for submission in batch { if let client = submission.client { retry(client) } }
            return killServer()
        }
        try publish(recorded, batch, ranges)
    }

    /// What the next write will meet.
    private mutating func planWrite() {
        if now < server.fullUntil {
            server.disk.plan(.full)
        } else if strikesServer(.serverKillBeforeWrite, in: 2_400) {
            server.disk.plan(.diesBefore)
        } else if strikesServer(.tornWrite, in: 2_400) {
            server.disk.plan(.tears(thousandths: Int(dice.number(0...999))))
        } else if strikesServer(.serverKillBeforeSync, in: 2_400) {
            server.disk.plan(.diesBeforeSync)
        } else if strikesServer(.failedSync, in: 2_400) {
            server.disk.plan(.failsToSync)
        }
    }

    /// Commits, and checks what is then on the log.
    ///
    /// - Returns: What may leave; nil when it did not work.
    private mutating func commit(_ batch: [ModelServer.Submission]) throws(Breach) -> [Recorded<Fleet.Message>]? {
        if let first = server.kernel?.staged.first?.entry.position, first != server.disk.head.position.next {
            throw Breach(1, "position \(first) is to be written behind \(server.disk.head.position)")
        }
        let recorded: [Recorded<Fleet.Message>]
        do {
            recorded = try server.kernel?.commit() ?? []
        } catch .full {
            try waitForRoom(batch)
            return nil
        } catch {
            for submission in batch { if let client = submission.client { retry(client) } }
            killServer(losesPower: dice.chance(in: 2))
            return nil
        }
        server.commitCount += 1
        try auditFleet()
        if server.commitCount.isMultiple(of: plan.comparisonInterval), let state = server.kernel?.state {
            try fleetAudit.check(served: state)
        }
        if plan.keepsSnapshots, server.commitCount.isMultiple(of: plan.snapshotInterval),
            let folded = server.kernel?.folded
        {
            do {
                try server.disk.keep(folded, Self.fleetCodec, keepsAll: plan.keepsLog)
                server.promises.forget(upTo: server.disk.base)
            } catch {
                throw Breach(3, "a snapshot cannot be kept: \(error)")
            }
        }
        return recorded
    }

    /// Requests are told so and come again; facts and outcomes wait until there is room.
    private mutating func waitForRoom(_ batch: [ModelServer.Submission]) throws(Breach) {
        do {
            try server.kernel?.reload()
        } catch {
            throw Breach(3, "the log cannot be folded: \(error)")
        }
        if let state = server.kernel?.state { try fleetAudit.check(served: state) }
        for submission in batch { if let client = submission.client { retry(client) } }
        server.inbox = batch.filter { $0.client == nil } + server.inbox
        server.retryAt = now + .seconds(1)
        server.isProcessing = true
        after(.seconds(1), .process(server.epoch))
    }

    /// Takes what is new on the log into the audit.
    mutating func auditFleet() throws(Breach) {
        do {
            for encoded in try server.disk.entries(after: fleetAudit.last) {
                let entry = try Self.fleetCodec.decode(encoded)
                coverage.note(entry, in: fleetAudit.state)
                try checks.before(entry, in: fleetAudit.state, store: store, vault: vault)
                try fleetAudit.take(entry)
                try checks.after(entry, in: fleetAudit.state)
                anomalies.take(entry)
                try follow(entry)
            }
        } catch let breach as Breach {
            throw breach
        } catch {
            throw Breach(3, "\(error)")
        }
        try fleetAudit.checkWhole()
    }

    /// What the workers' memory makes of a committed entry.
    private mutating func follow(_ entry: Entry<Fleet.Message>) throws(Breach) {
        guard case .decided(let run, .closed) = entry.message, let agent = fleetAudit.state.runs[run]?.order.agent
        else {
            return
        }
        vault.close(run, agent)
        server.redactors[agent] = nil
    }

    /// What may leave after the commit: answers, acknowledgements, commands.
    private mutating func publish(
        _ recorded: [Recorded<Fleet.Message>], _ batch: [ModelServer.Submission], _ ranges: [Range<Int>?]
    ) throws(Breach) {
        for (submission, range) in zip(batch, ranges) {
            guard let range, let first = recorded[range].first?.entry else { continue }
            if let client = submission.client, let answer = recorded[range].first(where: { $0.role == .answer })?.entry
            {
                server.promises.give(answer)
                answered(client, answer.message)
            }
            if let id = submission.connection, case .received(_, let frame) = first.message {
                try acknowledge(id, frame, first)
            }
        }
        if !server.hasStarted {
            server.hasStarted = true
            for delivery in server.redelivered { deliver(delivery) }
            server.redelivered = []
        }
        for item in recorded where item.role == .command {
            deliver(Delivery(position: item.entry.position, message: item.entry.message, isRedelivered: false))
        }
    }

    private mutating func acknowledge(
        _ id: Int, _ frame: ReceivedFrame, _ entry: Entry<Fleet.Message>
    ) throws(Breach) {
        guard let run = frame.concluded, let connection = connections[id], connection.isOpenAtServer,
            connection.extensions.contains(ProtocolExtension.reportAck)
        else { return }
        server.promises.give(entry)
        guard connection.isWelcomed else {
            connections[id]?.owed.append((run, frame.sequence))
            return
        }
        try write(.reportAcknowledged(run, sequence: frame.sequence), to: id)
    }
}

extension ReceivedFrame {
    /// The run that it ends; nil when it is no terminal report.
    var concluded: WireRunID? {
        switch report {
        case .completed(let completion): completion.run
        case .jobUpdate(let update) where update.status == .failed || update.status == .cancelled: update.run
        default: nil
        }
    }
}
