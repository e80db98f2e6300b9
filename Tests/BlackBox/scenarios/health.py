"""Health checks: our own agent as a real process, the prober of the server, and what both find."""
import contextlib
import http.server
import os
import threading

from crashes.processes import AgentProcess
from kit.agent import Agent
from kit.checks import equal, eventually, expect


class Web(http.server.ThreadingHTTPServer):
    """A site that can be well or not."""

    def __init__(self):
        self.status, self.paths = 200, []
        site = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                site.paths.append(self.path)
                self.send_response(site.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}/health"


@contextlib.contextmanager
def site():
    web = Web()
    try:
        yield web
    finally:
        web.shutdown()
        web.server_close()


@contextlib.contextmanager
def our_agent(server, name):
    made = server.make("/v1/agents", {"name": name})
    server.planted.add("agent key", made["key"])
    agent = AgentProcess(server, name, os.path.join(server.directory, name), made["key"])
    agent.begin()
    try:
        eventually(lambda: server.show(f"/v1/agents/{made['id']}")["status"] == "online", f"{name} is online")
        yield made["id"], agent
    finally:
        agent.kill()


def check(server, **fields):
    return server.make("/v1/health-checks", {
        "type": "http", "interval_sec": 5, "timeout_sec": 2, "failures_to_down": 2, "successes_to_up": 1} | fields)["id"]


def wait_status(server, identifier, status, seconds=30):
    def look():
        found = server.show(f"/v1/health-checks/{identifier}")
        return found if found["status"] == status else None
    return eventually(look, f"the check is {status}", seconds)


def an_agent_probes(world):
    """Up, down and up again, each by a decision on the log; its results, uptime and phases are told."""
    server = world.server
    with site() as web, our_agent(server, "prober") as (agent, _):
        identifier = check(server, name="web", target=web.url, agent_id=agent)
        found = wait_status(server, identifier, "up")
        expect(found["last"]["phases"]["connect_ms"] is not None, f"phases: {found['last']}")
        equal(found["last"]["status_code"], 200, "status_code")
        web.status = 503
        found = wait_status(server, identifier, "down")
        equal(found["last"]["error_class"], "status", "error_class")
        web.status = 200
        wait_status(server, identifier, "up")
        kinds = [entry["kind"] for entry in server.everything(f"/v1/log?stream=check/{identifier}")]
        equal([kind for kind in kinds if kind.startswith("check.")], ["check.up", "check.down", "check.up"], "decisions")
        results = server.everything(f"/v1/health-checks/{identifier}/results")
        expect(len(results) >= 4 and {result["ok"] for result in results} == {True, False}, f"results: {results[:3]}")
        before = len(web.paths)
        server.call("POST", f"/v1/health-checks/{identifier}/run").must_be("run", 202)
        eventually(lambda: len(web.paths) > before, "it was probed on request", 4)
        up = eventually(lambda: server.show(f"/v1/health-checks/{identifier}/uptime?period=24h")["up_seconds"], "some uptime")
        expect(up < 120, f"up for {up} s")
        server.call("PATCH", f"/v1/health-checks/{identifier}", {"paused": True}).must_be("pause", 200)
        eventually(lambda: server.show(f"/v1/health-checks/{identifier}")["reason"] == "paused", "it is paused")


def the_server_probes_no_place_of_its_own(world):
    """Loopback is not probed without `--allow-local-probes`; nothing reaches it, and it counts as down."""
    server = world.server
    with site() as web:
        port = web.server_address[1]
        checks = [check(server, name=host, target=f"http://{host}:{port}/") for host in ("127.0.0.1", "localhost", "[::1]")]
        checks.append(check(server, name="metadata", target="http://169.254.169.254/latest/meta-data/"))
        checks.append(check(server, name="tcp", type="tcp", target=f"127.0.0.1:{server.port}"))
        for identifier in checks:
            found = wait_status(server, identifier, "down")
            equal(found["last"]["error_class"], "forbidden", f"{found['name']}: error_class")
        equal(web.paths, [], "what reached the site")
        equal(server.stop(), 0, "exit code")
        server.start("--allow-local-probes")
        wait_status(server, checks[0], "up")
        code, out, _ = server.command("checks", "list", "--url", server.url, "--token", server.token)
        equal(code, 0, "exit code of checks list")
        expect("127.0.0.1" in out and "up" in out, f"checks list: {out}")


def an_agent_of_version_one_runs_no_checks(world):
    """Such an agent is told nothing to run, and a result of it counts all the same; user info in a target is refused."""
    server = world.server
    agent = Agent(server, "version one")
    agent.connect()
    identifier = check(server, name="web", target="http://web.example/", agent_id=agent.id)
    server.call("POST", f"/v1/health-checks/{identifier}/run").must_be_error("run", 409)
    agent.send("health_result", {"check_id": identifier, "ok": True, "ts_ms": 1, "latency_ms": 5, "status_code": 200})
    wait_status(server, identifier, "up")
    answer = server.call("POST", "/v1/health-checks", {
        "name": "x", "type": "http", "target": "http://someone:word@web.example/", "agent_id": agent.id})
    answer.must_be_error("user info", 422)


def without_its_agent_it_is_unknown(world):
    """Never down: 90 s after the last result it is unknown, and says that the agent is away."""
    server = world.server
    with site() as web, our_agent(server, "leaving") as (agent, process):
        identifier = check(server, name="web", target=web.url, agent_id=agent)
        wait_status(server, identifier, "up")
        process.kill()
        found = wait_status(server, identifier, "unknown", 110)
        equal(found["reason"], "agent_away", "reason")
        kinds = [entry["kind"] for entry in server.everything(f"/v1/log?stream=check/{identifier}")]
        expect("check.down" not in kinds, f"decisions: {kinds}")
        process.begin()
        wait_status(server, identifier, "up", 60)


SCENARIOS = [
    an_agent_probes, the_server_probes_no_place_of_its_own, an_agent_of_version_one_runs_no_checks,
    without_its_agent_it_is_unknown,
]
