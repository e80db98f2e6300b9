import Core
import Testing

@Suite("Targets of checks")
struct CheckTargetTests {
    @Test(
        "are read into host, port and path",
        arguments: [
            ("http://web", CheckSpec.Kind.http, "web", 80, "/"),
            ("HTTPS://Web.example:8443/a?b=c#d", .https, "Web.example", 8_443, "/a?b=c"),
            ("https://web?x", .https, "web", 443, "/?x"),
            ("http://[2001:db8::1]:81/", .http, "2001:db8::1", 81, "/"),
            ("http://[::1]", .http, "::1", 80, "/"),
            ("db.internal:5432", .tcp, "db.internal", 5_432, ""),
            ("[fe80::1]:22", .tcp, "fe80::1", 22, ""),
            ("a_b:65535", .tcp, "a_b", 65_535, ""),
        ])
    func good(_ text: String, _ kind: CheckSpec.Kind, _ host: String, _ port: Int, _ path: String) {
        let target = CheckTarget(Text(text), kind)
        #expect(target?.host.string == host)
        #expect(target.map { Int($0.port) } == port)
        #expect(target?.path.string == path)
        #expect(CheckTarget.problem(of: Text(text), kind) == nil)
    }

    @Test(
        "are refused with what is wrong",
        arguments: [
            ("", CheckSpec.Kind.http), ("web", .http), ("https://web", .http), ("http://", .http), ("http:///x", .http),
            ("http://user:secret@web/", .http), ("http://user@web/", .http), ("http://we b/", .http),
            ("http://wéb/", .http), ("http://web:0/", .http), ("http://web:65536/", .http), ("http://web:/", .http),
            ("http://web:+1/", .http), ("http://[::1/", .http), ("http://[]/", .http), ("http://[web]/", .http),
            ("http://[::1]x/", .http), ("http://-web/", .http), ("http://web\r\nX: y/", .http),
            ("db", .tcp), ("db:", .tcp), ("db:x", .tcp), (":5432", .tcp), ("http://db:5432", .tcp), ("::1:22", .tcp),
            ("db:5432/x", .tcp), ("db:000001", .tcp), ("a:1@b:2", .tcp),
        ])
    func bad(_ text: String, _ kind: CheckSpec.Kind) {
        #expect(CheckTarget(Text(text), kind) == nil)
        #expect(CheckTarget.problem(of: Text(text), kind) != nil)
    }

    @Test("a check is refused by the field that is wrong")
    func spec() {
        func field(_ fields: CheckField...) -> Text? {
            var spec = Story.spec()
            for field in fields { spec.set(field) }
            return spec.problem?.field
        }
        #expect(field() == nil)
        #expect(field(.name("")) == "name")
        #expect(field(.target("x")) == "target")
        #expect(field(.kind(.tcp)) == "target")
        #expect(field(.intervalSeconds(4)) == "interval_sec")
        #expect(field(.timeoutSeconds(31)) == "timeout_sec")
        #expect(field(.intervalSeconds(600), .timeoutSeconds(301)) == "timeout_sec")
        #expect(field(.expectedStatus(99)) == "expected_status")
        #expect(field(.kind(.tcp), .target("a:1"), .expectedStatus(200)) == "expected_status")
        #expect(field(.failuresToDown(0)) == "failures_to_down")
        #expect(field(.successesToUp(21)) == "successes_to_up")
        #expect(field(.flapChanges(2)) == "flap_changes")
        #expect(field(.flapChanges(20)) == "flap_changes")
        #expect(field(.flapChanges(0)) == nil)
        #expect(field(.certificateDays(366)) == "certificate_days")
    }
}
