import Core
import Engine
import HTTPTypes
import Hummingbird

extension Desk {
    /// Schedules: what became of their slots, and what an expression means.
    var scheduleRoutes: [Route] {
        [
            Route(
                .get, "/v1/jobs/{id}/slots",
                Operation(
                    "The slots of a job's schedule that were met, the newest first.", query: .page,
                    result: .page("Slot")), handler: listSlots),
            Route(
                .get, "/v1/cron/next",
                Operation(
                    "The next times of a cron expression.",
                    query: [
                        .init("cron", "the expression: five fields, or @daily and the like"),
                        .init("time_zone", "the IANA name of the clock it is read on; UTC where none is given"),
                        .init("count", "how many times, 1 to 100; 10 where none is given"),
                    ], result: .one("CronTimes")), handler: nextTimes),
            Route(
                .get, "/v1/clock", Operation("Whether the wall clock is believed.", result: .one("Clock")),
                handler: showClock),
            Route(
                .post, "/v1/clock/confirm", access: .role(.admin),
                Operation(
                    "Say that the wall clock is right, although the log is far ahead of it or was left far behind: schedules and retention go by it.",
                    body: "Nothing", result: .one("Clock")), handler: confirmClock),
        ]
    }

    private func listSlots(_ request: Hummingbird.Request, _ context: FleetContext) async throws -> Response {
        let id: JobID = try identifier(context)
        let page = try Page(Query(request, allowed: ["limit", "cursor"]), kind: "slots")
        let wanted = DocumentQuery(
            collection: FleetProjection.slots, matching: ["job_id": id.text.string], limit: page.limit)
        let (documents, next) = try await self.documents(wanted, on: page)
        // The slots of a job that is no more stay, but of one that never was there is nothing to list.
        guard !documents.isEmpty || services.state.read({ $0.jobs.contains(id) }) else {
            throw RESTError.unknown("job")
        }
        let slots = documents.compactMap(FleetProjection.slot(of:))
        let clock = services.state.read { SlotJSON.Clock(of: id, in: $0) }
        return .json(Page.json(slots.map { SlotJSON.slot($0, on: clock) }, next: next))
    }

    /// When a job runs next, and what became of the slot before that.
    func times(of id: JobID) async throws -> [JSON.Member] {
        let (next, clock) = services.state.read { state in
            let schedule = state.schedules[id]
            let next = schedule?.plans.first?.ending == nil ? schedule?.next?.due : nil
            return (next, SlotJSON.Clock(of: id, in: state))
        }
        let views = services.views
        let query = DocumentQuery(
            collection: FleetProjection.slots, matching: ["job_id": id.text.string], limit: 1)
        let last = try await blocking { try views.documents(query) }.first.flatMap(FleetProjection.slot(of:))
        return [
            .init("next_run_at", Moment.json(next)),
            .init("last_slot", last.map { SlotJSON.slot($0, on: clock) } ?? .null),
        ]
    }

    private func nextTimes(_ request: Hummingbird.Request, _ context: FleetContext) throws -> Response {
        let query = try CronQuery(Query(request, allowed: ["cron", "time_zone", "count"]))
        let start = now
        // A leap day may be eight years away, and ten of them forty-four.
        guard let zone = services.zones(query.zone, start, .hours(60 * 366 * 24)) else { throw CronQuery.unknownZone }
        let times = query.times(after: start, in: zone).map { slot -> JSON in
            ["slot": .string(slot.text.string), "at": Moment.json(slot.instant)]
        }
        return .json([
            "cron": .string(query.text), "time_zone": .string(query.zone.string), "times": .array(times),
        ])
    }

    private func showClock(_ request: Hummingbird.Request, _ context: FleetContext) -> Response { .json(clock()) }

    private func confirmClock(_ request: Hummingbird.Request, _ context: FleetContext) async throws -> Response {
        let bytes = try await emptyBody(request)
        _ = try await ask(.confirmClock, ticket(request, context, body: bytes))
        return .json(clock())
    }

    private func clock() -> JSON {
        let (doubt, leap) = services.state.read { ($0.clockDoubt, $0.clockLeap) }
        let held = doubt == nil ? (leap == nil ? [] : ["retention"]) : ["schedules", "retention"]
        return [
            "status": .string(held.isEmpty ? "right" : "in_doubt"),
            "behind_sec": .integer(doubt.map { $0.behind.count / 1_000 }),
            "ahead_sec": .integer(leap.map { $0.ahead.count / 1_000 }),
            "since": Moment.json(doubt?.since ?? leap?.since), "held": .array(held.map { .string($0) }),
            "wall_time": Moment.json(now),
        ]
    }
}
