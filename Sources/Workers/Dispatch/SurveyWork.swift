import Core
import Engine
import Logging

/// Compares what is in the store with what the log says, page by page, and lets the store forget names of former uploads.
struct SurveyWork: Sendable {
    /// The most objects of a page.
    private static let pageCount = 1_000
    /// For how long a name takes no upload once its object was judged: twice as long as any address of its is good.
    private static let freeze = DispatchWork.longestExpiry + DispatchWork.longestExpiry

    let resources: FleetWorker.Resources

    /// An object that the state has, as it was before the store was looked at.
    private struct Known: Sendable {
        var key: ObjectKey
        var isVanished: Bool
    }

    func survey() async -> CommandOutcome.Result {
        // What is known before the first page must be in the store all the time; what is listed must be known after its
        // page. So neither a backup nor a deletion under way is taken for something else.
        var known = knownObjects()
        var survey = Survey()
        do {
            var after: ObjectName?
            repeat {
                let page = try await resources.store.list(after: after, limit: Self.pageCount)
                try await look(at: page, &known, &survey)
                after = page.isLast ? nil : page.items.last?.name
            } while after != nil
            try await lookAgain(for: known.values.filter { !$0.isVanished }.map(\.key).sorted(), &survey)
        } catch {
            resources.logger.error("the store cannot be surveyed: \(error)")
            return .undone(Text("\(error)"))
        }
        await releaseNames()
        if survey.foreignCount + survey.strangerCount > 0 {
            resources.logger.warning(
                "the store holds files that stay since nothing is known of them",
                metadata: ["foreign": "\(survey.foreignCount)", "strangers": "\(survey.strangerCount)"])
        }
        return .surveyed(survey)
    }

    /// What was found counts, whether this works or not: it is tried again by the next survey.
    private func releaseNames() async {
        let moment = resources.clock.wallTime() + Milliseconds(-Self.freeze.count)
        do {
            try await resources.store.release(frozenBefore: UInt64(clamping: moment.milliseconds))
        } catch {
            resources.logger.warning("names of former uploads stay in the store: \(error)")
        }
    }

    private func knownObjects() -> [Text: Known] {
        resources.fleet.read { state in
            var known: [Text: Known] = [:]
            state.objects.forEach { run, object in
                guard !object.isBeingDeleted else { return }
                let name = ObjectNames.name(agent: object.agent, job: object.job, run: run, attempt: object.attempt)
                known[name] = Known(
                    key: ObjectKey(run: run, attempt: object.attempt), isVanished: object.isVanished)
            }
            return known
        }
    }

    private func look(at page: ObjectListing, _ known: inout [Text: Known], _ survey: inout Survey) async throws {
        survey.foreignCount += page.foreignCount
        var candidates: [ObjectReference] = []
        for item in page.items {
            guard let reference = ObjectReference(name: Text(item.name.text)) else {
                survey.foreignCount += 1
                continue
            }
            survey.objectCount += 1
            survey.byteCount &+= item.byteCount
            if let object = known.removeValue(forKey: reference.name) {
                if object.isVanished { survey.append(object.key, to: \.returned) }
            } else {
                candidates.append(reference)
            }
        }
        let asked = candidates
        let unowned = resources.fleet.read { state in
            asked.filter { state.isUnowned($0) }.map { ($0, state.runs.contains($0.run)) }
        }
        for (reference, isKnown) in unowned {
            // Without a key, and of no known run, it was made under another state of this log: a copy was restored.
            let name = VaultNames.dataKey(reference.run, reference.attempt)
            if try await resources.vault.aside({ try isKnown || $0.reveal(name) != nil }) {
                survey.append(reference, to: \.unowned)
            } else {
                survey.strangerCount += 1
            }
        }
    }

    /// Whether what was not listed is really not there.
    private func lookAgain(for keys: [ObjectKey], _ survey: inout Survey) async throws {
        for key in keys {
            let name = resources.fleet.read { state -> ObjectName? in
                guard let object = state.objects[key.run], object.attempt == key.attempt, !object.isBeingDeleted else {
                    return nil
                }
                return ObjectName(
                    ObjectNames.name(agent: object.agent, job: object.job, run: key.run, attempt: key.attempt).string)
            }
            guard let name, try await resources.store.observe(name, freezing: false) == .missing else { continue }
            survey.append(key, to: \.missing)
            if survey.isCut { return }
        }
    }
}

extension Survey {
    /// Adds to a list as long as there is room.
    fileprivate mutating func append<Item>(_ item: Item, to list: WritableKeyPath<Survey, [Item]>) {
        if self[keyPath: list].count < Survey.limit { self[keyPath: list].append(item) } else { isCut = true }
    }
}
