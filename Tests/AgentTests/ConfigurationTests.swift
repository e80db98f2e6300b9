import Logging
import Testing

@testable import Agent

@Suite("Configuration of the agent")
struct ConfigurationTests {
    static let key = "bkpy_live_0123456789abcdefghijABCDEFGHIJ01"

    @Test(
        "The socket's path is made by the rules of the protocol",
        arguments: [
            ("https://h", "/v1/agents/connect"), ("https://h/", "/v1/agents/connect"),
            ("https://h/a/b//", "/a/b/v1/agents/connect"), ("https://h/v1/agents/connect", "/v1/agents/connect"),
            ("https://h/v1/agents/connect/", "/v1/agents/connect"),
            ("https://h/p/v1/agents/connect?x=1", "/p/v1/agents/connect?x=1"),
            ("https://h?a=b%20c", "/v1/agents/connect?a=b%20c"),
        ])
    func paths(url: String, target: String) throws {
        #expect(try ServerAddress(url, allowsInsecure: false).target == target)
    }

    @Test("Ports, hosts and TLS")
    func hosts() throws {
        let secure = try ServerAddress("HTTPS://Example.org", allowsInsecure: false)
        #expect((secure.port, secure.isSecure) == (443, true))
        #expect(secure.authority == secure.host)
        let six = try ServerAddress("http://[::1]:8080", allowsInsecure: true)
        #expect(six.host == "::1")
        #expect(six.authority == "[::1]:8080")
    }

    @Test(
        "What cannot be dialled is refused",
        arguments: [
            "wss://h", "http://h", "ftp://h", "h", "", "https://", "https://u:p@h", "https://h:0", "https://h:99999",
        ])
    func refusals(url: String) {
        #expect(throws: AgentSetupError.self) { try ServerAddress(url, allowsInsecure: false) }
    }

    @Test("No error shows user, password or query of a URL")
    func noSecrets() {
        do {
            _ = try ServerAddress("ftp://me:hidden@h/x?token=hidden", allowsInsecure: false)
            Issue.record("accepted")
        } catch {
            #expect(!error.description.contains("hidden"))
        }
    }

    @Test("Environment as the reference agent reads it")
    func environment() throws {
        let configuration = try AgentSetup(
            options: .init(),
            environment: [
                "BACKUP_SERVER_URL": "http://h:1", "BACKUP_AGENT_KEY": " \(Self.key)\n",
                "BACKUP_DEV_ALLOW_INSECURE": "true",
                "BACKUP_STATE_DIR": "", "BACKUP_LOG_LEVEL": "trace",
            ], version: "v1")
        #expect(configuration.server.description == "http://h:1/v1/agents/connect")
        #expect(configuration.stateDirectory == AgentSetup.defaultStateDirectory)
        #expect(configuration.logLevel == .debug)
        #expect(configuration.key.text == Self.key)
        #expect(!"\(configuration)".contains(Self.key))
    }

    @Test("A missing or malformed key is named, never shown")
    func keys() {
        #expect(throws: AgentSetupError.missingKey) {
            try AgentSetup(options: .init(), environment: ["BACKUP_AGENT_KEY": ""], version: "v")
        }
        for text in [
            "bkpy_live_short", "bkpy_prod_0123456789abcdefghijABCDEFGHIJ01", Self.key + "0",
            "bkpy_live_" + String(repeating: "ä", count: 16),
        ] {
            do {
                _ = try AgentKey(text)
                Issue.record("accepted")
            } catch {
                #expect(!error.description.contains(text))
            }
        }
    }

    @Test("Waits double up to a minute, within a fifth, and start anew")
    func backoff() {
        var backoff = Backoff()
        #expect((0..<8).map { _ in backoff.next(jitter: 200) } == [1, 2, 4, 8, 16, 32, 60, 60].map { .seconds($0) })
        #expect(backoff.next(jitter: 0) == .seconds(48))
        #expect(backoff.next(jitter: 400) == .seconds(72))
        backoff.reset()
        #expect(backoff.next(jitter: 200) == .seconds(1))
    }

    @Test("Figures of the host are read from the kernel's texts, and nonsense gives none")
    func vitals() throws {
        let before = try #require(HostVitals.processorTime("cpu  10 0 10 70 10 0 0 0 0 0\ncpu0 1"))
        let now = try #require(HostVitals.processorTime("cpu  40 0 10 120 30 0 0 0 0 0"))
        #expect(HostVitals.load(from: before, to: now) == 300)
        #expect(HostVitals.load(from: now, to: before) == 0)
        #expect(HostVitals.processorTime("") == nil)
        #expect(HostVitals.processorTime("cpu  x y") == nil)
        let memory = try #require(HostVitals.memory("MemTotal:  100 kB\nMemFree: 1 kB\nMemAvailable:   40 kB\n"))
        #expect((memory.total, memory.used) == (102_400, 61_440))
        #expect(HostVitals.memory("MemTotal: 1 kB") == nil)
    }
}
