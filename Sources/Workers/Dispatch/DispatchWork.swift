import Core
import Digests
import Engine
import Foundation
import Logging
import Wire

/// What agents are told. Here keys, passwords and addresses are put in, at the last moment.
struct DispatchWork: Sendable {
    let resources: FleetWorker.Resources
    /// What RegisterAck carries. Agents keep to 30 s whatever it says. Source: recorded sessions of reference agents.
    static let heartbeatIntervalSeconds: UInt32 = 30
    /// How much earlier an upload address ends than we give the attempt up: an agent that waits for the store until then can
    /// still say what kept it. An upload that began in time may go on.
    static let expiryMargin = Milliseconds.minutes(5)
    /// How long an upload address works at most: jobs from before there was a limit may have any timeout.
    static let longestExpiry = Milliseconds.hours(30 * 24)

    func welcome(_ agent: AgentID, _ session: SessionID) async -> CommandOutcome.Result {
        do {
            let configuration = try await configuration(of: agent)
            let now = resources.clock.wallTime()
            let message = ServerMessage.registerAck(
                session, configuration, heartbeatIntervalSeconds: Self.heartbeatIntervalSeconds,
                serverTime: Self.text(of: now))
            return try await send(message, to: agent, session)
        } catch {
            resources.logger.error("\(agent) is not welcomed: \(error)")
            return .undone(Text("\(error)"))
        }
    }

    func configure(_ agent: AgentID) async -> CommandOutcome.Result {
        do {
            return try await send(.configUpdate(try await configuration(of: agent)), to: agent, nil)
        } catch {
            resources.logger.error("\(agent) is not configured: \(error)")
            return .undone(Text("\(error)"))
        }
    }

    func send(_ agent: AgentID, _ run: RunID, _ attempt: Attempt) async -> CommandOutcome.Result {
        guard let order = resources.fleet.read({ $0.runs[run]?.order }) else { return .undone("there is no such run") }
        let text = ObjectNames.name(agent: agent, job: order.job, run: run, attempt: attempt)
        guard let name = ObjectName(text.string) else { return .undone(Text("\(text) cannot name an object")) }
        do {
            let key = try await dataKey(of: run, attempt)
            resources.secrets.add(key: key, of: run, agent)
            let lifetime = min(limit(of: order) - Self.expiryMargin, Self.longestExpiry)
            let expiry = resources.clock.wallTime() + lifetime
            let url = resources.urls.uploadURL(
                for: name, maximumByteCount: resources.maximumObjectByteCount,
                expiresAtMilliseconds: UInt64(clamping: expiry.milliseconds))
            resources.secrets.add(uploadURL: url, of: run, agent)
            let backup = RunBackupOrder(
                job: order.job, run: WireRunID(run, attempt), isManual: order.isManual, uploadURL: url,
                expiresAt: expiry, objectName: name.text, dataKey: key)
            return try await send(.runBackup(backup), to: agent, nil)
        } catch {
            resources.logger.error("\(run) is not sent: \(error)")
            return .undone(Text("\(error)"))
        }
    }

    func cancel(_ agent: AgentID, _ run: RunID) async -> CommandOutcome.Result {
        guard let job = resources.fleet.read({ $0.runs[run]?.order.job }) else {
            return .undone("there is no such run")
        }
        do {
            return try await send(.cancelJob(job), to: agent, nil)
        } catch {
            return .undone(Text("\(error)"))
        }
    }

    func runCheck(_ agent: AgentID, _ check: CheckID) async -> CommandOutcome.Result {
        do {
            return try await send(.runHealthCheck(check), to: agent, nil)
        } catch {
            return .undone(Text("\(error)"))
        }
    }

    /// The attempt's key: the one that was made for it, or a new one that is durable before anyone hears of it.
    private func dataKey(of run: RunID, _ attempt: Attempt) async throws -> [UInt8] {
        try await resources.vault.aside { vault in
            let name = VaultNames.dataKey(run, attempt)
            if let known = try vault.reveal(name) { return known }
            let key = SecureRandom.bytes(AESGCM.keyByteCount)
            try vault.store(key, as: name)
            return key
        }
    }

    private func limit(of order: RunOrder) -> Milliseconds {
        order.timeoutSeconds == 0
            ? Fleet.Limits.runWithoutTimeout : .seconds(Int64(order.timeoutSeconds)) + Fleet.Limits.overtime
    }

    /// The whole configuration with its passwords, which the book has learned before it is returned.
    private func configuration(of agent: AgentID) async throws -> AgentConfiguration {
        let names = resources.fleet.read { state in
            var names: [Text] = []
            for id in state.agents[agent]?.targets ?? [] {
                if case .vault(let name)? = state.targets[id]?.spec.password { names.append(name) }
            }
            return names
        }
        let passwords = try await resources.vault.aside { vault in
            var passwords: [Text: [UInt8]] = [:]
            for name in names { passwords[name] = try vault.reveal(name.string) }
            return passwords
        }
        resources.secrets.put(passwords: Array(passwords.values), of: agent)
        let result: Result<AgentConfiguration, ConfigurationError> = resources.fleet.read { state in
            do throws(ConfigurationError) {
                return .success(
                    try AgentConfiguration(of: agent, in: state) { name in
                        passwords[name].map { String(decoding: $0, as: UTF8.self) }
                    })
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    private func send(
        _ message: ServerMessage, to agent: AgentID, _ session: SessionID?
    ) async throws(FrameError) -> CommandOutcome.Result {
        let now = resources.clock.wallTime()
        // Encoded once to know that it can be; with the highest number it is longest.
        _ = try message.envelope(sequence: .max, sentAt: now)
        let result = await resources.sessions.send(to: agent, session: session) { sequence in
            (try? message.envelope(sequence: sequence, sentAt: now)) ?? []
        }
        return switch result {
        case .sent: .done
        case .notConnected: .undone("the agent is not connected")
        case .unknown: .unknown
        }
    }

    private static func text(of moment: Timestamp) -> String {
        Date(timeIntervalSince1970: Double(moment.milliseconds) / 1_000)
            .formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))
    }
}
