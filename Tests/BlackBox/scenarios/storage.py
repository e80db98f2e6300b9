"""Disks that are full, and disks that fail."""
import contextlib
import os
import sqlite3
import threading
import time

from kit.agent import Agent, local, wait_run
from kit.checks import Failure, Findings, equal, eventually, expect
from kit.server import clean_environment
from kit.storage import SmallFileSystem, failing_sync


def verified(server, findings):
    for command in (["log", "verify", "--data", server.data], ["replay", "--check", server.data]):
        code, out, err = server.command(*command)
        findings.check(code == 0, f"backupy {' '.join(command[:2])}: exit {code}: {out[-300:]} {err[-500:]}")


class Requests:
    """Creates agents all the time, each under a key of its own; what had no answer is repeated under the same key."""

    def __init__(self, server):
        self.server = server
        self.lock = threading.Lock()
        self.answered, self.refused, self.wrong = {}, {}, []
        self.ends = threading.Event()
        self.threads = [threading.Thread(target=self.run, args=(number,), daemon=True) for number in range(3)]
        [thread.start() for thread in self.threads]

    def run(self, number):
        count = 0
        while not self.ends.is_set():
            count += 1
            self.ask(f"wanted-{number}.{count}")
            self.ends.wait(0.02)

    def ask(self, name):
        """One request; whether it was answered with a success."""
        try:
            answer = self.server.call("POST", "/v1/agents", {"name": name}, "key-of-" + name)
        except OSError:
            answer = None
        with self.lock:
            if answer is not None and answer.status == 201:
                made = answer.json
                self.answered[name] = made["id"]
                self.refused.pop(name, None)
                if made.get("key"):
                    self.server.planted.add("agent key", made["key"])
                return True
            if answer is None or answer.status == 503:
                self.refused[name] = time.monotonic()
            else:
                self.wrong.append(f"{name}: {answer.status} {answer.text[:200]}")
            return False

    def stop(self):
        self.ends.set()
        [thread.join(60) for thread in self.threads]

    def repeat(self, findings):
        """Every request that had no success, under its key: done now, and once."""
        for name in list(self.refused):
            findings.check(self.ask(name), f"repeating {name} is refused")
        names = {}
        for agent in self.server.everything("/v1/agents"):
            names.setdefault(agent["name"], []).append(agent["id"])
        for name, identifier in self.answered.items():
            findings.check(names.get(name) == [identifier], f"{name}: answered {identifier}, there are {names.get(name)}")
        findings.check(not self.wrong, f"other answers: {self.wrong[:3]}")


def a_full_disk(world):
    server = world.new_server()
    findings = Findings()
    with SmallFileSystem(os.path.join(server.directory, "small"), 24 << 20) as small:
        server.data = os.path.join(small.path, "data")
        server.start()
        agent = Agent(server, "patient")
        job = agent.add_job()
        agent.connect()
        run, order = agent.order(job)
        requests = Requests(server)
        eventually(lambda: len(requests.answered) >= 5 or requests.wrong, "requests are answered", 30)
        small.fill()
        eventually(lambda: len(requests.refused) >= 3, "requests are refused for lack of room", 60)
        short_since = time.monotonic()
        agent.fail(order, "the dump failed while your disk was full")
        for number in range(100):  # more than a session may have waiting
            agent.send("log", {"ts_ms": 1, "level": 2, "job_id": job, "message": f"line {number}", "fields": {}})
        findings.check(server.is_alive, "the server has died")
        findings.check(server.call("GET", "/v1/agents").status == 200, "reading is refused while there is no room")

        def pinged():
            return any(kind == "ping" and moment > short_since for moment, kind, _, _ in list(agent.received))
        findings.run("pings", lambda: eventually(pinged, "a ping during the shortage", 40))
        findings.check(agent.closed is None, f"the session was closed: {agent.closed}")
        before = len(requests.answered)
        time.sleep(1)
        findings.check(len(requests.refused) > 3, "requests found room on a full disk")
        small.make_room()
        findings.run("resuming", lambda: eventually(
            lambda: len(requests.answered) > before + 3, "requests are answered again, by themselves", 60))
        requests.stop()
        findings.check(agent.closed is None, f"the session was closed: {agent.closed}")
        requests.repeat(findings)
        findings.run("the report sent meanwhile", lambda: wait_run(server, run, "failed"))
        position = {"after": 0, "lines": 0, "full": 0}

        def all_lines():
            page = server.show(f"/v1/log?after={position['after']}&limit=100")["items"]
            position["lines"] += sum(1 for item in page if item["kind"] == "frame.log")
            position["full"] += sum(1 for item in page if item["kind"] == "engine.log_was_full")
            position["after"] = page[-1]["position"] if page else position["after"]
            return position["lines"] >= 100
        findings.run("frames sent meanwhile", lambda: eventually(all_lines, "100 frames on the log", 60))
        equal(position["lines"], 100, "frames on the log")
        findings.check(position["full"] >= 1, "the log does not say that it had no room")
        alerts = server.show("/v1/alerts?kind=server_disk_full&state=open")["items"]
        findings.check(len(alerts) == 1 and alerts[0]["subject"] == "server", f"alerts: {alerts}")
        agent.leave()
        server.must_live()
        findings.run("stop", lambda: equal(server.stop(), 0, "exit code"))
        verified(server, findings)
    findings.end()


def no_room_for_objects(world):
    """The store keeps 1 GiB free on a small file system; 5 % is less here."""
    server = world.new_server()
    findings = Findings()
    with SmallFileSystem(os.path.join(server.directory, "small"), (1 << 30) + (64 << 20)) as small:
        server.data = os.path.join(small.path, "data")
        server.start()
        agent = Agent(server, "hoarder")
        job = agent.add_job()
        agent.connect()
        blob = os.urandom(1 << 20)
        agent.back_up(job, blob)
        run, order = agent.order(job)
        url = local(order["upload_creds"]["presigned_put_url"])
        headers = [("Content-Type", "application/octet-stream")]
        small.fill(leaving=1 << 30)
        answer = server.request("PUT", url, blob, headers)
        findings.check(answer.status == 507, f"an upload into the reserve: {answer.status} {answer.text[:200]}")
        findings.check(server.call("POST", "/v1/agents", {"name": "beside"}).status == 201, "the log has no room")
        small.make_room()
        answer = server.request("PUT", url, blob, headers)
        findings.check(answer.status == 200, f"the same upload with room: {answer.status} {answer.text[:200]}")
        agent.complete(order, blob)
        findings.run("completion", lambda: wait_run(server, run, "success"))
        agent.leave()
        findings.run("stop", lambda: equal(server.stop(), 0, "exit code"))
    findings.end()


def a_sync_that_fails(world):
    server = world.new_server()
    findings = Findings()
    trigger = os.path.join(server.directory, "trigger")
    marker = os.path.join(server.directory, "exit-handlers-ran")
    preload = {"LD_PRELOAD": failing_sync(server.directory), "FAILING_SYNC_TRIGGER": trigger,
               "FAILING_SYNC_FILE": "/log.sqlite-wal", "EXIT_HANDLERS_MARKER": marker}
    server.environment = clean_environment() | preload
    server.start()
    requests = Requests(server)
    eventually(lambda: len(requests.answered) >= 10 or requests.wrong, "requests are answered", 30)
    with open(trigger, "w", encoding="ascii"):
        pass
    code = server.wait_end()
    requests.stop()
    findings.check(code == 1, f"exit code {code}")
    errors = server.errors()
    findings.check("log.sqlite: commit failed" in errors, f"it does not say why: {errors[-600:]}")
    findings.check("Fatal error" not in errors and "Stack dump" not in errors, f"a trap: {errors[-800:]}")
    findings.check(not os.path.exists(marker), "handlers of exit ran beside threads at work")
    os.unlink(trigger)
    server.start()
    requests.repeat(findings)
    findings.run("stop", lambda: equal(server.stop(), 0, "exit code"))
    findings.check(not os.path.exists(marker), "handlers of exit ran at an end that was asked for")
    verified(server, findings)
    findings.end()


def damaged_views(world):
    """Views hold nothing of their own: where they are damaged the process ends rather than stall, and makes them anew."""
    server = world.new_server()
    server.start()
    agents = [server.make("/v1/agents", {"name": f"agent {number}"})["id"] for number in range(40)]
    equal(server.stop(), 0, "exit code")
    path = os.path.join(server.data, "views.sqlite")
    with contextlib.closing(sqlite3.connect(path)) as views:
        views.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        size, = views.execute("PRAGMA page_size").fetchone()
        kept, = views.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'progress'").fetchone()
    with open(path, "r+b") as file:
        for page in range(2, os.path.getsize(path) // size + 1):
            if page != kept:
                file.seek((page - 1) * size)
                file.write(b"\xA5" * size)
    try:
        server.start()
        server.call("GET", "/v1/runs").must_be_error("damaged views", 500)
        with contextlib.suppress(OSError):
            server.make("/v1/agents", {"name": "one more"})
    except Failure:
        pass  # it may end before it is ready
    equal(server.wait_end(), 1, "exit code")
    server.start()
    found = {agent["id"] for agent in server.everything("/v1/agents")}
    expect(set(agents) <= found, "agents are missing from views that were made anew")
    equal(server.stop(), 0, "exit code")


SCENARIOS = [a_full_disk, no_room_for_objects, a_sync_that_fails, damaged_views]
