extension Fleet {
    static func sentence(for decision: ObjectDecision, of object: ObjectReference) -> String {
        let name = "The object of attempt \(object.attempt) of run \(object.run)"
        return switch decision {
        case .expired(let reason): ended("\(name) is let go: \(reason)")
        case .orphaned(.failed): "\(name), if there is one, belongs to no success, since the run ended without one."
        case .orphaned(.replaced):
            "\(name), if there is one, belongs to no success, since another attempt made the run's object."
        case .orphaned(.unowned): "\(name) was found in the store, and no run owns it."
        case .vanished: "\(name) is not in the store any more, though nobody has deleted it here."
        case .returned: "\(name), which had vanished, is in the store again."
        }
    }

    static func sentence(for survey: Survey) -> String {
        var parts = [
            "The store has \(count(survey.objectCount, "object")) of \(count(survey.byteCount, "byte"))",
            "\(survey.unowned.count) belong to no run", "\(survey.missing.count) are missing",
        ]
        if !survey.returned.isEmpty { parts.append("\(survey.returned.count) are there again") }
        if survey.strangerCount > 0 { parts.append("\(survey.strangerCount) are unknown to this log and stay") }
        if survey.foreignCount > 0 { parts.append("\(survey.foreignCount) have names of another form and stay") }
        return parts.joined(separator: "; ") + (survey.isCut ? "; more was found than is told here." : ".")
    }
}
