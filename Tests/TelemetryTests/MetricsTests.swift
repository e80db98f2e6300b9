import Telemetry
import Testing

@Suite("Metrics")
struct MetricsTests {
    @Test("The text is what Prometheus reads, with every value escaped")
    func text() throws {
        let metrics = Metrics()
        let counter = metrics.counter("t_events_total", "Events with a \\ and\na line.")
        counter.add(2, [("kind", "a\"b\\c\nd"), ("other", "é")])
        counter.add(1, [("kind", "a\"b\\c\nd"), ("other", "é")])
        counter.appear([("kind", "z"), ("other", "")])
        let histogram = metrics.histogram("t_seconds", "Durations.", bounds: [0.5, 1, 10])
        for value in [0.5, 0.25, 0.75, 100] { histogram.observe(value, [("route", "/x/{id}")]) }
        metrics.reading("t_free_bytes", "Free.") { [.init([], 12_345_678_901), .init([("disk", "b")], .infinity)] }
        metrics.reading("t_none", "Nothing known.") { [] }
        #expect(
            metrics.text() == """
                # HELP t_events_total Events with a \\\\ and\\na line.
                # TYPE t_events_total counter
                t_events_total{kind="a\\"b\\\\c\\nd",other="é"} 3
                t_events_total{kind="z",other=""} 0
                # HELP t_seconds Durations.
                # TYPE t_seconds histogram
                t_seconds_bucket{route="/x/{id}",le="0.5"} 2
                t_seconds_bucket{route="/x/{id}",le="1"} 3
                t_seconds_bucket{route="/x/{id}",le="10"} 3
                t_seconds_bucket{route="/x/{id}",le="+Inf"} 4
                t_seconds_sum{route="/x/{id}"} 101.5
                t_seconds_count{route="/x/{id}"} 4
                # HELP t_free_bytes Free.
                # TYPE t_free_bytes gauge
                t_free_bytes 12345678901
                t_free_bytes{disk="b"} +Inf
                # HELP t_none Nothing known.
                # TYPE t_none gauge

                """)
    }

    @Test("The process knows its own figures")
    func process() {
        let metrics = Metrics()
        metrics.addProcess()
        for name in [
            "process_start_time_seconds", "process_resident_memory_bytes", "process_open_fds", "process_max_fds",
            "process_cpu_seconds_total",
        ] {
            let line = metrics.text().split(separator: "\n").first { $0.hasPrefix("\(name) ") }
            let value = line.flatMap { Double($0.split(separator: " ")[1]) } ?? -1
            #expect(value >= 0, "\(name)")
        }
    }
}
