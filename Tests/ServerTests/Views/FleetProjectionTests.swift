import Engine
import Server
import Testing

@Suite("Collections for reading")
struct FleetProjectionTests {
    @Test("Whatever runs can be narrowed by has an index, their time too: there may be millions of them")
    func runs() throws {
        let runs = try #require(FleetProjection().collections.first { $0.name == FleetProjection.runs })
        #expect(runs.indexed == ["agent_id", "job_id", "target_id", "status", "created_at"])
    }
}
