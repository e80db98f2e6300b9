"""Health checks: our own agent as a real process, the prober of the server, and what both find."""
import contextlib
import http.server
import os
import socket
import ssl
import subprocess
import threading

from crashes.processes import AgentProcess
from kit.agent import Agent
from kit.checks import equal, eventually, expect


class Web(http.server.ThreadingHTTPServer):
    """A site that can be well or not."""

    def __init__(self, tls=None):
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
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_side=True)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}/health"

    def handle_error(self, *_):
        pass  # probes that do not like the certificate hang up


@contextlib.contextmanager
def site(tls=None):
    web = Web(tls)
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


def restarted(server, *arguments):
    equal(server.stop(), 0, "exit code")
    server.start(*arguments)


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
    """Loopback is not probed without `--allow-local-probes`; nothing reaches it, and it is unknown, with that reason."""
    server = world.server
    restarted(server)
    with site() as web:
        port = web.server_address[1]
        checks = [check(server, name=host, target=f"http://{host}:{port}/") for host in ("127.0.0.1", "localhost", "[::1]")]
        checks.append(check(server, name="metadata", target="http://169.254.169.254/latest/meta-data/"))
        checks.append(check(server, name="tcp", type="tcp", target=f"127.0.0.1:{server.port}"))
        for identifier in checks:
            path = f"/v1/health-checks/{identifier}"
            eventually(lambda: server.show(path)["reason"] == "forbidden", "it is not probed")
            found = server.show(path)
            equal(found["status"], "unknown", f"{found['name']}: status")
            equal(found["last"]["error_class"], "forbidden", f"{found['name']}: error_class")
        equal(web.paths, [], "what reached the site")
        restarted(server, "--allow-local-probes")
        wait_status(server, checks[0], "up")
        code, out, _ = server.command("checks", "list", "--url", server.url, "--token", server.token)
        equal(code, 0, "exit code of checks list")
        expect("127.0.0.1" in out and "up" in out, f"checks list: {out}")


class Authority:
    """Signs certificates for localhost."""

    def __init__(self, folder):
        self.folder = folder
        os.makedirs(folder)
        self._openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "9",
                      "-subj", "/CN=an authority", "-keyout", self.path("ca.key"), "-out", self.path("ca.pem"))

    def path(self, name):
        return os.path.join(self.folder, name)

    @staticmethod
    def _openssl(*arguments):
        done = subprocess.run(["openssl", *arguments], capture_output=True, text=True, check=False)
        expect(done.returncode == 0, f"openssl {arguments[0]}: {done.stderr[-500:]}")

    def context(self, name, days, names="DNS:localhost", signs_itself=False):
        """A server's context with a certificate that ends in so many days."""
        key, request, certificate = (self.path(f"{name}.{end}") for end in ("key", "csr", "pem"))
        self._openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
                      "/CN=localhost", "-addext", f"subjectAltName={names}", "-keyout", key, "-out", request)
        signer = ["-key", key] if signs_itself else ["-CA", self.path("ca.pem"), "-CAkey", self.path("ca.key")]
        self._openssl("x509", "-req", "-in", request, *signer, "-days", str(days), "-copy_extensions", "copy",
                      "-out", certificate)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        return context


def certificates_are_verified_and_read(world):
    """A good certificate is up, and one that ends within 14 days is told of; bad ones are down, and say that it is TLS."""
    server = world.server
    authority = Authority(os.path.join(server.directory, "authority"))
    server.environment["SSL_CERT_FILE"] = authority.path("ca.pem")
    restarted(server, "--allow-local-probes")
    cases = {
        "far": (authority.context("far", 90), "up", None), "near": (authority.context("near", 3), "up", None),
        "elsewhere": (authority.context("elsewhere", 90, "DNS:other.example"), "down", "tls"),
        "alone": (authority.context("alone", 90, signs_itself=True), "down", "tls"),
    }
    with contextlib.ExitStack() as stack:
        made = {}
        for name, (context, _, _) in cases.items():
            port = stack.enter_context(site(context)).server_address[1]
            made[name] = check(server, name=name, type="https", target=f"https://localhost:{port}/")
        for name, (_, status, failure) in cases.items():
            found = wait_status(server, made[name], status)
            equal(found["last"]["error_class"], failure, f"{name}: error_class")
            equal(found["certificate_expiring"], name == "near", f"{name}: certificate_expiring")
            expect((found["last"]["phases"]["tls_ms"] is None) == (failure is not None), f"{name}: {found['last']}")
        kinds = [entry["kind"] for entry in server.everything(f"/v1/log?stream=check/{made['near']}")]
        expect("check.certificate_expiring" in kinds, f"decisions: {kinds}")


def a_server_that_says_nothing_is_down(world):
    """Each probe has its timeout; the others go on meanwhile."""
    server = world.server
    restarted(server, "--allow-local-probes")
    with socket.create_server(("127.0.0.1", 0)) as mute, site() as web:
        silent = check(server, name="mute", target=f"http://127.0.0.1:{mute.getsockname()[1]}/", timeout_sec=1)
        well = check(server, name="well", target=web.url)
        web.status = 301
        equal(wait_status(server, silent, "down")["last"]["error_class"], "timeout", "error_class")
        equal(wait_status(server, well, "up")["last"]["status_code"], 301, "status_code")
        equal(set(web.paths), {"/health"}, "what was asked: nothing was followed")
        server.call("PATCH", f"/v1/health-checks/{well}", {"expected_status": 200}).must_be("change", 200)
        equal(wait_status(server, well, "down")["last"]["error_class"], "status", "error_class")
        server.call("DELETE", f"/v1/health-checks/{well}").must_be("delete", 204)


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
    an_agent_probes, the_server_probes_no_place_of_its_own, certificates_are_verified_and_read,
    a_server_that_says_nothing_is_down, an_agent_of_version_one_runs_no_checks, without_its_agent_it_is_unknown,
]
