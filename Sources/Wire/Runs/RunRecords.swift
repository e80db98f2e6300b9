import Core
import Foundation
import SwiftProtobuf

extension FailureClass {
    init(record number: UInt32) throws(RecordProblem) {
        guard let raw = UInt8(exactly: number), let failure = FailureClass(rawValue: raw) else {
            throw .unknown("class of failure")
        }
        self = failure
    }
}

extension RecordFleetRunDecision {
    init(_ run: RunID, _ decision: RunDecision) {
        self.init()
        self.run = run.text.string
        self.decision =
            switch decision {
            case .started(let attempt, let isRepeatable):
                .started(
                    .with {
                        $0.attempt = attempt.number
                        $0.isRepeatable = isRepeatable
                    })
            case .retried(let retry, let grounds):
                .retried(
                    .with {
                        $0.attempt = retry.attempt.number
                        $0.failure = UInt32(retry.failure.rawValue)
                        $0.dueMs = retry.due.milliseconds
                        $0.isFree = retry.isFree
                        $0.grounds = grounds.map(\.number)
                    })
            case .closed(let verdict, let grounds):
                .closed(
                    .with {
                        $0.verdict.verdict = RecordFleetVerdict.OneOf_Verdict(verdict)
                        $0.grounds = grounds.map(\.number)
                    })
            }
    }
}

extension RecordFleetVerdict.OneOf_Verdict {
    init(_ verdict: Verdict) {
        self =
            switch verdict {
            case .success(let attempt, let evidence):
                .success(
                    .with {
                        $0.attempt = attempt.number
                        $0.byteCount = evidence.byteCount
                        if let digest = evidence.digest { $0.digest = Data(digest) }
                        $0.digestSource = evidence.source.rawValue
                    })
            case .reported: .reported(RecordFleetNothing())
            case .failed(let failure): .failed(UInt32(failure.rawValue))
            case .cancelled: .cancelled(RecordFleetNothing())
            case .lost(let failure): .lost(UInt32(failure.rawValue))
            }
    }
}

extension RunDecision {
    init(_ record: RecordFleetRunDecision) throws(RecordProblem) {
        switch record.decision {
        case .started(let start): self = .started(Attempt(start.attempt), isRepeatable: start.isRepeatable)
        case .retried(let it):
            let retry = Retry(
                attempt: Attempt(it.attempt), failure: try FailureClass(record: it.failure),
                due: Timestamp(milliseconds: it.dueMs), isFree: it.isFree)
            self = .retried(retry, grounds: it.grounds.map(Position.init(_:)))
        case .closed(let end): self = .closed(try Verdict(end.verdict), grounds: end.grounds.map(Position.init(_:)))
        case nil: throw .unknown("decision")
        }
    }
}

extension Verdict {
    init(_ record: RecordFleetVerdict) throws(RecordProblem) {
        switch record.verdict {
        case .success(let success):
            guard let source = Evidence.DigestSource(rawValue: success.digestSource) else {
                throw .unknown("source of a digest")
            }
            let evidence = Evidence(
                byteCount: success.byteCount, digest: success.hasDigest ? [UInt8](success.digest) : nil, source: source)
            self = .success(Attempt(success.attempt), evidence)
        case .reported: self = .reported
        case .failed(let number): self = .failed(try FailureClass(record: number))
        case .cancelled: self = .cancelled
        case .lost(let number): self = .lost(try FailureClass(record: number))
        case nil: throw .unknown("verdict")
        }
    }
}

extension RecordFleetSession {
    init(_ agent: AgentID, _ session: SessionID) {
        self.init()
        self.agent = agent.text.string
        self.session = session.text.string
    }
}

extension RecordFleetAttempt {
    init(agent: AgentID? = nil, _ run: RunID, _ attempt: Attempt, isRepeatable: Bool = false) {
        self.init()
        self.agent = agent?.text.string ?? ""
        self.run = run.text.string
        self.attempt = attempt.number
        self.isRepeatable = isRepeatable
    }

    var agentID: AgentID { AgentID(Text(agent)) }
    var runID: RunID { RunID(Text(run)) }
    var number: Attempt { Attempt(attempt) }
}

extension RecordFleetCommand {
    init(_ command: Command) {
        self.init()
        self.command =
            switch command {
            case .welcome(let agent, let session): .welcome(RecordFleetSession(agent, session))
            case .configure(let agent, let version):
                .configure(
                    .with {
                        $0.agent = agent.text.string
                        $0.version = version
                    })
            case .dispatch(let agent, let run, let attempt, let isRepeatable):
                .dispatch(RecordFleetAttempt(agent: agent, run, attempt, isRepeatable: isRepeatable))
            case .cancel(let agent, let run, let attempt): .cancel(RecordFleetAttempt(agent: agent, run, attempt))
            case .observe(let run, let attempt): .observe(RecordFleetAttempt(run, attempt))
            case .delete(let run, let attempt): .delete(RecordFleetAttempt(run, attempt))
            case .survey: .survey(RecordFleetNothing())
            case .disconnect(let agent, let session): .disconnect(RecordFleetSession(agent, session))
            case .probe(let agent, let session): .probe(RecordFleetSession(agent, session))
            case .refuse(let agent, let session): .refuse(RecordFleetSession(agent, session))
            case .readZone(let zone, let moment):
                .readZone(
                    .with {
                        $0.name = zone.string
                        $0.fromMs = moment.milliseconds
                    })
            case .probeTarget(let check): .probeTarget(check.text.string)
            case .runCheck(let agent, let check):
                .runCheck(
                    .with {
                        $0.agent = agent.text.string
                        $0.check = check.text.string
                    })
            }
    }
}

extension Command {
    init(_ record: RecordFleetCommand) throws(RecordProblem) {
        switch record.command {
        case .welcome(let it): self = .welcome(AgentID(Text(it.agent)), SessionID(Text(it.session)))
        case .configure(let it): self = .configure(AgentID(Text(it.agent)), version: it.version)
        case .dispatch(let it): self = .dispatch(it.agentID, it.runID, it.number, isRepeatable: it.isRepeatable)
        case .cancel(let it): self = .cancel(it.agentID, it.runID, it.number)
        case .observe(let it): self = .observe(it.runID, it.number)
        case .delete(let it): self = .delete(it.runID, it.number)
        case .survey: self = .survey
        case .disconnect(let it): self = .disconnect(AgentID(Text(it.agent)), SessionID(Text(it.session)))
        case .probe(let it): self = .probe(AgentID(Text(it.agent)), SessionID(Text(it.session)))
        case .refuse(let it): self = .refuse(AgentID(Text(it.agent)), SessionID(Text(it.session)))
        case .readZone(let it): self = .readZone(Text(it.name), from: Timestamp(milliseconds: it.fromMs))
        case .probeTarget(let check): self = .probeTarget(CheckID(Text(check)))
        case .runCheck(let it): self = .runCheck(AgentID(Text(it.agent)), CheckID(Text(it.check)))
        case nil: throw .unknown("command")
        }
    }
}

extension RecordFleetOutcome {
    init(_ outcome: CommandOutcome) {
        self.init()
        position = outcome.position.number
        command = RecordFleetCommand(outcome.command)
        result =
            switch outcome.result {
            case .done: .done(RecordFleetNothing())
            case .undone(let reason): .undone(reason.string)
            case .unknown: .unknown(RecordFleetNothing())
            case .found(let byteCount, let digest):
                .found(
                    .with {
                        $0.byteCount = byteCount
                        if let digest { $0.digest = Data(digest) }
                    })
            case .missing: .missing(RecordFleetNothing())
            case .surveyed(let survey): .surveyed(RecordFleetSurvey(survey))
            case .zone(let rules): .zone(RecordFleetZone(rules))
            case .probed(let found): .probed(RecordFleetProbe(found))
            }
    }
}

extension CommandOutcome {
    init(_ record: RecordFleetOutcome) throws(RecordProblem) {
        let result: Result
        switch record.result {
        case .done: result = .done
        case .undone(let reason): result = .undone(Text(reason))
        case .unknown: result = .unknown
        case .found(let found):
            result = .found(byteCount: found.byteCount, digest: found.hasDigest ? [UInt8](found.digest) : nil)
        case .missing: result = .missing
        case .surveyed(let survey): result = .surveyed(Survey(survey))
        case .zone(let zone): result = .zone(ZoneRules(zone))
        case .probed(let found): result = .probed(try HealthResult(found))
        case nil: throw .unknown("outcome")
        }
        self.init(position: Position(record.position), command: try Command(record.command), result: result)
    }
}
