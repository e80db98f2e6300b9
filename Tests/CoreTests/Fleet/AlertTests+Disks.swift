import Testing

@testable import Core

/// Disks, clocks and objects that vanish.
extension AlertTests {
    @Test("A disk is full at 95 %, and has room again below 90 %")
    func disk() {
        var story = Story.ready()
        let key = AlertKey(.diskFull, Story.agent)
        func beat(_ used: UInt64, of total: UInt64 = 1_000) {
            let metrics = AgentMetrics(
                cpuThousandths: nil, memoryUsedByteCount: 0, memoryTotalByteCount: 0, diskUsedByteCount: used,
                diskTotalByteCount: total, queueDepth: 0)
            story.hear(.heartbeat(Heartbeat(configVersion: 3, metrics: metrics, activeJobIDs: [])))
        }
        beat(949)
        beat(0, of: 0)
        #expect(steps(story, key) == [])
        for used: UInt64 in [950, 999, 940, 900] { beat(used) }
        #expect(steps(story, key) == [.opened])
        beat(899)
        beat(.max, of: .max)
        #expect(steps(story, key) == [.opened, .resolved, .opened])
    }

    @Test("The server's disk: an alert from the refused objects on, or once the log has room again; over with the room")
    func serverDisk() {
        let key = AlertKey(.serverDiskFull, AlertKey.server)
        let room = DiskRoom(freeByteCount: 1 << 29, totalByteCount: 1 << 40)
        var story = Story.ready()
        story.tell(.disk(.short(room)))
        story.tell(.disk(.short(room)))
        #expect(steps(story, key) == [.opened])
        #expect(story.state.alerts[key]?.detail == "536870912 of 1099511627776 bytes are free, which is too little")
        #expect(story.entries.last { $0.kind == "alert.opened" }?.stream == .engine)
        story.tell(.disk(.roomy(room)))
        #expect(steps(story, key) == [.opened, .resolved])
        // The agent could not be heard for an hour, and is not silent for it.
        story.now = story.now + .hours(1)
        story.tell(.disk(.logWasFull(.hours(1))))
        #expect(steps(story, key) == [.opened, .resolved, .opened])
        story.pass(.seconds(89))
        #expect(story.state.agents[Story.agent]?.session != nil)
        story.tell(.disk(.roomy(room)))
        #expect(steps(story, key).last == .resolved)
    }

    @Test("A clock that is far behind the log is an alert until it is confirmed, or found right at a start")
    func clockBehind() {
        let key = AlertKey(.clockBehind, AlertKey.server)
        for isConfirmed in [true, false] {
            var story = Story.ready()
            for _ in 0..<2 {
                story.tell(
                    .started(EngineStart(build: "test", rules: Fleet.rules, seed: 8, clockBehind: .hours(25))))
            }
            #expect(steps(story, key) == [.opened])
            if isConfirmed {
                story.ask(.confirmClock)
            } else {
                story.tell(.started(EngineStart(build: "test", rules: Fleet.rules, seed: 8)))
            }
            #expect(steps(story, key) == [.opened, .resolved])
        }
    }

    @Test("Objects that vanish are one alert of their job, until they are back, deleted, or the job is")
    func vanished() {
        let ends: [(inout Story) -> Void] = [
            { story in
                Self.survey(&story) { $0.returned = [ObjectKey(run: "run_1", attempt: .first)] }
                #expect(story.state.alerts.contains(AlertKey(.objectVanished, Story.job)))
                Self.survey(&story) { $0.returned = [ObjectKey(run: "run_2", attempt: .first)] }
            },
            { story in
                story.ask(.deleteRun("run_1"))
                #expect(story.state.alerts.contains(AlertKey(.objectVanished, Story.job)))
                story.ask(.deleteRun("run_2"))
            },
            { story in
                story.ask(.deleteJob(Story.job))
                story.pass(.seconds(0))
            },
        ]
        for end in ends {
            var story = Story.ready()
            story.ask(.changeJob(Story.job, [.retentionDays(0)]))
            for number in 1...3 { run(&story, number) { succeed(&$0, $1) } }
            let key = AlertKey(.objectVanished, Story.job)
            Self.survey(&story) {
                $0.missing = ["run_1", "run_2"].map { ObjectKey(run: $0, attempt: .first) }
            }
            #expect(steps(story, key) == [.opened])
            #expect(story.state.alerts[key]?.detail == "2 objects, the first of run run_1, are not in the store")
            end(&story)
            // Surveys come once a day, as reminders do.
            #expect(steps(story, key).filter { $0 != .reminded } == [.opened, .resolved])
        }
    }

    @Test("Objects of a job that is gone are nobody's alert")
    func vanishedOfNoJob() {
        var story = Story.ready()
        run(&story, 1) { succeed(&$0, $1) }
        story.ask(.deleteJob(Story.job))
        Self.survey(&story) { $0.missing = [ObjectKey(run: "run_1", attempt: .first)] }
        #expect(story.state.objects["run_1"]?.isVanished == true)
        #expect(steps(story, AlertKey(.objectVanished, Story.job)) == [])
    }

    private static func survey(_ story: inout Story, _ body: (inout Survey) -> Void) {
        while !story.pending.contains(where: { $0.1 == .survey }) { story.pass(.minutes(10)) }
        var survey = Survey()
        body(&survey)
        story.carryOut { $0 == .survey ? .surveyed(survey) : nil }
    }
}
