extension Run {
    /// The entries that a verdict rests on besides its cause, in the order of the log: how the attempt reached the agent,
    /// what the agent said about its object or its end, who wished for it to be cancelled, and that the agent never answered.
    func grounds(of verdict: Verdict) -> [Position] {
        var grounds = [sentBy, stoppedBy].compactMap(\.self)
        switch verdict {
        case .success(let attempt, _): grounds += claims(about: attempt)
        case .failed(.storage): grounds += claims(about: attempt)
        case .cancelled:
            let unanswered = stoppedBy == nil ? unansweredBy : nil
            grounds += [cancelRequestedBy, unanswered].compactMap(\.self)
        case .reported: grounds += reported.map(\.position)
        case .failed, .lost: break
        }
        var ordered: [Position] = []
        for position in grounds.sorted() where position != ordered.last { ordered.append(position) }
        return ordered
    }

    private func claims(about attempt: Attempt) -> [Position] {
        reported.filter { $0.attempt == attempt }.map(\.position)
    }
}
