"""The command line as a client: what it makes of answers, of texts from anywhere, and of its own arguments."""
import json
import os
import re
import ssl
import threading
import time

from kit.agent import Agent
from kit.checks import Findings, equal, eventually, expect
from kit.fake import Fake, page, refusal
from scenarios.tls import Authority

HOSTILE = "evil\x1b]0;owned\x07\x1b[2J\x7f\x9b1m\r\nforged line\tend"


def ask(world, fake, *arguments, seconds=60, environment=None):
    """A command against a fake server."""
    server = world.new_server()
    return server.command(*arguments, "--url", fake.url, "--token", "bkpy_x", seconds=seconds, environment=environment)


def lists_of_a_large_fleet(world):
    """The rate of a token runs out in the middle of a list, and an agent is deleted meanwhile."""
    def answer(_, method, path, count):
        if path == "/v1/agents":
            return page({"id": "agt_1"}, {"id": "agt_2"}, {"id": "agt_3"})
        _, _, _, agent, part = path.split("/")
        if agent == "agt_2":
            return refusal(404, "RESOURCE_NOT_FOUND")
        if agent == "agt_3" and count < 3:
            return refusal(429, "RATE_LIMITED", **{"Retry-After": "1"})
        return page({"id": f"{part}_of_{agent}", "agent_id": agent})
    findings = Findings()
    for part in ("jobs", "targets"):
        with Fake(answer) as fake:
            start = time.monotonic()
            code, out, err = ask(world, fake, part, "list", "--json")
            took = time.monotonic() - start
            findings.check(code == 0, f"{part}: exit {code}: {err}")
            found = [item["id"] for item in json.loads(out or "[]")]
            findings.check(found == [f"{part}_of_agt_1", f"{part}_of_agt_3"], f"{part}: {found}")
            findings.check(took >= 2, f"{part}: repeated after {took} s, and twice a second was asked for")
            code, _, err = ask(world, fake, part, "list", "--agent", "agt_2")
            findings.check(code == 1 and "RESOURCE_NOT_FOUND" in err, f"{part} of an agent that is not there: {code} {err}")
    with Fake(lambda *_: refusal(429, "RATE_LIMITED", **{"Retry-After": "600"})) as fake:
        code, _, err = ask(world, fake, "agents", "list")
        findings.check(code == 1 and "RATE_LIMITED" in err, f"a wait too long: {code} {err}")
        findings.check(len(fake.requests) == 1, f"asked {len(fake.requests)} times")
    findings.end()


def what_no_server_answers(world):
    """A login page, and JSON of somebody else, at the server's address."""
    findings = Findings()
    commands = [
        ["agents", "list"], ["agents", "show", "agt_1"], ["agents", "create", "x"], ["agents", "rotate-key", "agt_1"],
        ["tokens", "create", "x"], ["jobs", "run", "job_1"], ["jobs", "run", "job_1", "--wait"], ["jobs", "next", "@daily"],
        ["jobs", "slots", "job_1"], ["jobs", "retention", "job_1"], ["runs", "watch", "run_1"], ["runs", "token", "run_1"],
        ["runs", "download", "run_1", "--out", "/dev/null/no"], ["clock"], ["settings"], ["checks", "uptime", "chk_1"],
    ]
    login = 200, {"Content-Type": "text/html"}, b"<html>Please log in</html>"
    with Fake(lambda *_: login) as page_, Fake(lambda *_: (200, {}, {"ok": True})) as other:
        for arguments in commands + [["jobs", "delete", "job_1"], ["runs", "cancel", "run_1"], ["agents", "show", "agt_1", "--json"]]:
            check_foreign(findings, world, page_, arguments)
        for arguments in commands:
            check_foreign(findings, world, other, arguments)
    # An agent without its key, which is shown only once, is no answer either.
    with Fake(lambda *_: (201, {}, {"id": "agt_1", "name": "x"})) as fake:
        check_foreign(findings, world, fake, ["agents", "create", "x"])
        check_foreign(findings, world, fake, ["tokens", "create", "x"])
    findings.end()


def check_foreign(findings, world, fake, arguments):
    code, out, err = ask(world, fake, *arguments)
    findings.check(
        code == 1 and out == "" and "is not a Backupy server's answer" in err and "shown this once" not in err,
        f"{' '.join(arguments)}: exit {code}, {out!r}, {err[-200:]!r}")


def texts_cannot_steer_a_terminal(world):
    """An agent that calls itself by control characters, in tables, members, the server's log and the log's own commands."""
    server = world.new_server().start("--log-format", "text")
    agent = Agent(server, "plain")
    agent.connect(hostname=HOSTILE)
    clone = Agent(server, "clone", agent.key, agent.id)
    clone.dial()
    clone.register(hostname=HOSTILE + " again")
    clone.wait_closed(60)
    lines = eventually(
        lambda: [line for line in server.errors().splitlines() if "identity_conflict" in line], "the conflict is told")
    findings = Findings()
    findings.check(any("forged line" in line for line in lines), f"the log does not tell the name: {lines}")
    raw = [line for line in server.errors().split("\n") if re.match(r"\s*forged", line)]
    findings.check(raw == [], f"forged lines: {raw}")
    findings.check(not controls(server.errors()), f"control characters in the log: {controls(server.errors())}")

    position = next(entry["position"] for entry in server.everything("/v1/log") if entry["kind"] == "frame.register")
    at = ["--url", server.url, "--token", server.token]
    for arguments, is_one_line in [
        (["agents", "list", *at], True), (["agents", "show", agent.id, *at], False),
        (["agents", "anomalies", agent.id, *at], True), (["alerts", "list", *at], True),
        (["log", "show", str(position), "--data", server.data], False), (["log", "tail", "--data", server.data], True),
        (["log", "why", str(position), "--data", server.data], True),
    ]:
        code, out, err = server.command(*arguments)
        findings.check(code == 0, f"{arguments[:2]}: exit {code}: {err}")
        findings.check(not controls(out), f"{arguments[:2]}: {controls(out)}")
        findings.check("\nforged" not in out, f"{arguments[:2]}: a forged line")
        if is_one_line and arguments[1] in ("list",) and arguments[0] == "agents":
            findings.check(r"\u{1B}]0;owned\u{7}" in out and r"\u{D}\nforged line\tend" in out, f"{arguments[:2]}: {out}")
    code, out, _ = server.command("agents", "show", agent.id, "--json", *at)
    equal((code, json.loads(out)["hostname"]), (0, HOSTILE), "the name as JSON")
    agent.leave()
    equal(server.stop(), 0, "exit code")
    findings.end()


def controls(text):
    return re.findall(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", text)


def several_lines_stay_under_their_member(world):
    run = {"id": "run_1", "status": "failed", "error_message": "first\nstatus  success\x1b[2J", "position": 1}
    with Fake(lambda *_: (200, {}, run)) as fake:
        code, out, err = ask(world, fake, "runs", "show", "run_1")
        equal(code, 0, err)
        expect(not controls(out), repr(out))
        statuses = [line for line in out.splitlines() if line.startswith("status")]
        equal(len(statuses), 1, f"lines that begin with status: {out}")
        expect(re.search(r"\n {10,}status  success", out), out)
        code, out, err = ask(world, fake, "runs", "watch", "run_1")
        equal((code, out), (1, ""), err)
        expect("failed" in err and not controls(err), repr(err))


def a_watch_outlives_a_broken_answer(world):
    """The server restarts while it answers."""
    def answer(handler, method, path, count):
        if count == 1:
            handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{\"id\":")
            return None
        return 200, {}, {"id": "run_1", "status": "success"}
    with Fake(answer) as fake:
        code, _, err = ask(world, fake, "runs", "watch", "run_1")
        equal(code, 0, err)
        equal(len(fake.requests), 2, "times asked")


def a_watch_counts_time(world):
    """A server that takes each request and never answers is given up after a minute, not after a number of them."""
    over = threading.Event()

    def answer(*_):
        over.wait(200)
    with Fake(answer) as fake:
        start = time.monotonic()
        code, _, err = ask(world, fake, "runs", "watch", "run_1", seconds=200)
        took = time.monotonic() - start
        over.set()
        equal(code, 1, err)
        expect("watch it again" in err, err)
        expect(55 < took < 120, f"given up after {took} s")


def a_silent_download_is_given_up(world):
    """Also where SSL_CERT_FILE names what is trusted. 90 s without a byte."""
    server = world.new_server()
    authority = Authority(os.path.join(server.directory, "authority"))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(*authority.issue(1))
    over = threading.Event()

    def answer(handler, method, path, count):
        if path == "/object":
            handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf")
            over.wait(300)
            return None
        return 200, {}, {"url": f"{fake.url}/object", "expires_at": "2030-01-01T00:00:00Z"}
    with Fake(answer, tls) as fake:
        out = os.path.join(server.directory, "object")
        code, _, err = server.command(
            "runs", "download", "run_1", "--out", out, "--url", fake.url, "--token", "bkpy_x", seconds=200,
            environment={"SSL_CERT_FILE": authority.certificate})
        over.set()
    equal(code, 1, err)
    expect("broke off (timed out)" in err, err)
    expect(not os.path.exists(out) and not os.path.exists(out + ".partial"), "something is left of it")


def hooks_are_removed(world):
    server = world.server
    agent = Agent(server, "hooked")
    job = agent.add_job(pre_hooks=["true"], post_hooks=["false", "true"])
    at = ["--url", server.url, "--token", server.token]
    code, _, err = server.command("jobs", "update", job, "--no-pre-hooks", "--pre-hook", "x", *at)
    equal(code, 2, err)
    for arguments, wanted in [
        (["--timeout", "60"], (["true"], ["false", "true"])), (["--no-pre-hooks"], ([], ["false", "true"])),
        (["--pre-hook", "a", "--no-post-hooks"], (["a"], [])), (["--no-pre-hooks", "--no-post-hooks"], ([], [])),
    ]:
        code, _, err = server.command("jobs", "update", job, *arguments, *at)
        equal(code, 0, err)
        found = server.show(f"/v1/jobs/{job}")
        equal((found["pre_hooks"], found["post_hooks"]), wanted, f"after {arguments}")


def wrong_usage(world):
    """Told before anything is asked; an address is not repeated, since it may hold a password."""
    findings = Findings()
    with Fake(lambda *_: page()) as fake:
        host = fake.url.removeprefix("http://")
        for arguments, word in [
            (["tokens", "create", "x", "--role", "root"], "viewer"), (["tokens", "create", "x", "--expires-at", "yesterday"], "expires-at"),
            (["tokens", "create", "x", "--expires-at", "2027-02-29T00:00:00Z"], "expires-at"),
            (["runs", "lock", "run_1", "--reason", "x", "--until", "2027-01-01"], "until"),
            (["checks", "results", "chk_1", "--from", "12:00"], "from"),
        ]:
            code, out, err = ask(world, fake, *arguments)
            findings.check((code, out) == (2, "") and word in err, f"{arguments}: exit {code}, {err!r}")
        for url in (f"http://user:hunter22pw@{host}", f"http://hunter22pw@{host}", f"user:hunter22pw@{host}", "http://a:hunter22pw@",
                    f"{fake.url}?token=hunter22pw", "ftp://u:hunter22pw@h", "http://u:hunter22pw@h h/", ""):
            for arguments, environment in ((["--url", url], {}), ([], {"BACKUPY_URL": url})):
                if not url and environment:
                    continue  # stands for the default
                code, out, err = world.new_server().command(
                    "agents", "list", "--token", "bkpy_x", *arguments, environment=environment)
                findings.check((code, out) == (2, ""), f"{url!r}: exit {code}, {err!r}")
                findings.check("hunter22pw" not in err and "BACKUPY_URL" in err, f"{url!r}: {err!r}")
        findings.check(fake.requests == [], f"asked: {fake.requests}")
        for moment in ("2027-01-31T00:00:00Z", "2028-02-29t23:59:60.5+02:00"):
            code, _, err = ask(world, fake, "checks", "results", "chk_1", "--from", moment)
            findings.check(code == 0, f"{moment}: exit {code}: {err}")
    findings.end()


SCENARIOS = [
    lists_of_a_large_fleet, what_no_server_answers, texts_cannot_steer_a_terminal, several_lines_stay_under_their_member,
    a_watch_outlives_a_broken_answer, hooks_are_removed, wrong_usage,
]
SLOW = [a_watch_counts_time, a_silent_download_is_given_up]
