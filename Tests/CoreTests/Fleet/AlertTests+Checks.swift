import Testing

@testable import Core

/// Certificates.
extension AlertTests {
    private static let certificate = AlertKey(.certificateExpiring, Story.check)

    /// A check that was told of a certificate which ends in five days.
    private func told() -> Story {
        var story = Story.checked()
        story.pass(.seconds(30))
        story.hear(.health(Story.result(true, at: story.now, certificate: story.now + .hours(5 * 24))))
        #expect(steps(story, Self.certificate) == [.opened])
        return story
    }

    @Test("A check that is resumed and told of no certificates any more in one change opens no alert of one")
    func resumedWithoutNotice() {
        var story = told()
        story.ask(.changeCheck(Story.check, [.isPaused(true)]))
        #expect(steps(story, Self.certificate) == [.opened, .resolved])
        story.ask(.changeCheck(Story.check, [.isPaused(false), .certificateDays(0)]))
        #expect(steps(story, Self.certificate) == [.opened, .resolved])
        #expect(story.state.checks[Story.check]?.expiringCertificate == nil)
    }

    @Test("A check that is paused and told of no certificates any more in one change resolves its alert once")
    func pausedWithoutNotice() {
        var story = told()
        story.ask(.changeCheck(Story.check, [.isPaused(true), .certificateDays(0)]))
        #expect(steps(story, Self.certificate) == [.opened, .resolved])
    }

    @Test("A check that is resumed is an alert again for the certificate that it was told of")
    func resumed() {
        var story = told()
        story.ask(.changeCheck(Story.check, [.isPaused(true)]))
        story.ask(.changeCheck(Story.check, [.isPaused(false)]))
        #expect(steps(story, Self.certificate) == [.opened, .resolved, .opened])
    }
}
