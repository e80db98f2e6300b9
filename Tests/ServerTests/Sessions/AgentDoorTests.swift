import Core
import Digests
import NIOHTTP1
import Testing

@testable import Engine
@testable import Server

@Suite("Who may connect as an agent")
struct AgentDoorTests {
    private let agent = AgentID("agt_00000000001")

    private func accepted(_ acceptance: Acceptance) -> [Recorded<Fleet.Message>] {
        let entry = Entry<Fleet.Message>(
            position: Position(1), recordedAt: Timestamp(milliseconds: 0), stream: .engine, revision: Revision(1),
            cause: nil, kind: "", message: .accepted(acceptance, Ticket(token: "admin")))
        return [Recorded(entry: entry, role: .answer)]
    }

    private func digest(_ key: String) -> [UInt8] { SHA256.digest(of: Array(key.utf8)).bytes }

    @Test("The table follows creation, rotation and deletion")
    func followsCommits() {
        let keys = KeyTable()
        #expect(keys.agent(withKey: "one") == nil)
        keys.apply(accepted(.agentCreated(agent, name: "a", keyDigest: digest("one"))))
        #expect(keys.agent(withKey: "one") == agent)
        let admission = keys.admission(withKey: "one")
        #expect(admission?.isValid == true)
        keys.apply(accepted(.keyRotated(agent, keyDigest: digest("two"))))
        #expect(admission?.isValid == false)
        #expect(keys.agent(withKey: "one") == nil)
        #expect(keys.agent(withKey: "two") == agent)
        keys.apply(accepted(.agentDeleted(agent)))
        #expect(keys.agent(withKey: "two") == nil)
        #expect(keys.agent(withKey: "") == nil)
        #expect(keys.agent(withKey: String(repeating: "a", count: 10_000)) == nil)
    }

    @Test(
        "Any path that ends in the endpoint's is for agents",
        arguments: [
            ("/v1/agents/connect", true), ("/a/b/v1/agents/connect", true), ("/v1/agents/connect?x=1", true),
            ("/v1/agents/connect/v1/agents/connect", true), ("/v1/agents/connect/", false), ("/v1/agents", false),
            ("/x?y=/v1/agents/connect", false), ("", false), ("?", false),
        ])
    func recognisesPaths(_ path: String, _ isForAgents: Bool) {
        #expect(AgentDoor.isAgentPath(path) == isForAgents)
    }

    @Test("Only an open door and one right bearer key let in")
    func looksAtKeys() {
        let keys = KeyTable()
        keys.apply(accepted(.agentCreated(agent, name: "a", keyDigest: digest("one"))))
        let door = AgentDoor(keys: keys)
        func head(_ values: String...) -> HTTPRequestHead {
            HTTPRequestHead(
                version: .http1_1, method: .GET, uri: AgentDoor.path,
                headers: HTTPHeaders(values.map { ("Authorization", $0) }))
        }
        #expect(door.agent(of: head("Bearer one")) == nil)
        door.open()
        #expect(door.agent(of: head("Bearer one")) == agent)
        #expect(door.agent(of: head("bearer one")) == agent)
        #expect(door.agent(of: head("Bearer two")) == nil)
        #expect(door.agent(of: head("Basic one")) == nil)
        #expect(door.agent(of: head("one")) == nil)
        #expect(door.agent(of: head("")) == nil)
        #expect(door.agent(of: head()) == nil)
        #expect(door.agent(of: head("Bearer one", "Bearer one")) == nil)
        door.close()
        #expect(door.agent(of: head("Bearer one")) == nil)
    }

    @Test("Both ends' extensions are those of the answer, sorted")
    func negotiates() {
        func answer(_ values: String...) -> HTTPHeaders {
            AgentDoor.answerHeaders(
                to: HTTPRequestHead(
                    version: .http1_1, method: .GET, uri: "/",
                    headers: HTTPHeaders(values.map { ("Backupy-Extensions", $0) })))
        }
        #expect(answer().isEmpty)
        #expect(answer("unheard-of").isEmpty)
        #expect(answer("report-ack, other, journal")["backupy-extensions"] == ["journal, report-ack"])
        #expect(answer("report-ack", "journal")["backupy-extensions"] == ["journal, report-ack"])
    }
}
