"""What whoever runs it relies on: figures, the log's lines, a copy made while it runs."""
import json
import os
import re
import signal
import socket
import subprocess
import threading
import urllib.parse

from kit.agent import Agent, local, wait_run
from kit.checks import Failure, Findings, Skipped, equal, eventually, expect
from kit.postgresql import RealAgent
from kit.prometheus import parse
from kit.storage import preload

HERE = os.path.dirname(os.path.abspath(__file__))
COPY = os.path.join(HERE, "../../../deploy/backup-control-plane.sh")


def scrape(port, path="/metrics", method="GET"):
    with socket.create_connection(("127.0.0.1", port), 20) as connection:
        connection.sendall(f"{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split(b" ")[1]), head.decode().lower(), body.decode()


def figures(world):
    server = world.new_server().start("--metrics-listen", "127.0.0.1:0")
    line = eventually(lambda: re.search(r"metrics on port (\d+)", open(server.outputs[-1][0], encoding="utf-8").read()), "the port")
    port = int(line[1])
    agent = Agent(server, "counted")
    job = agent.add_job()
    agent.connect()
    agent.back_up(job, b"x" * 4321)
    run, order = agent.order(job)
    agent.fail(order, "dump: it broke")
    wait_run(server, run, "failed")
    agent.fail(order, "dump: it broke")  # too late: an anomaly
    stranger = Agent(server, "stranger", key="bkpy_live_" + "x" * 32, identifier="agt_none")
    answer = server.request("GET", "/v1/agents/connect", headers=[("Authorization", f"Bearer {stranger.key}")])
    equal(answer.status, 401, "a wrong key")
    server.call("GET", "/v1/agents/agt_none")
    server.call("GET", "/v1/no/such/path?token=not-a-label")

    equal(server.call("GET", "/metrics", token="").status, 401, "figures without a token")
    answer = server.call("GET", "/metrics").must_be("figures with a token", 200)
    expect(answer.headers["content-type"].startswith("text/plain; version=0.0.4"), f"{answer.headers}")
    parse(answer.text)

    def look():
        status, head, body = scrape(port)
        equal(status, 200, "figures on their own port")
        expect("text/plain; version=0.0.4" in head, head)
        found = parse(body)
        return found if value(found, "backupy_anomalies_total", kind="late_report") == 1 else None
    found = eventually(look, "the anomaly is counted")
    findings = Findings()
    for name, labels, wanted in [
        ("backupy_sessions", {}, 1), ("backupy_sessions_opened_total", {}, 1),
        ("backupy_agents", {"status": "online"}, 1),
        ("backupy_runs_total", {"status": "success", "error_class": ""}, 1),
        ("backupy_runs_total", {"status": "failed", "error_class": "source"}, 1),
        ("backupy_runs_total", {"status": "lost", "error_class": "lost"}, 0),
        ("backupy_run_duration_seconds_count", {"status": "success"}, 1),
        ("backupy_run_stored_bytes_total", {}, 4321), ("backupy_store_objects", {}, 1),
        ("backupy_store_object_bytes", {}, 4321), ("backupy_run_object_bytes_count", {}, 1),
        ("backupy_runs_open", {"phase": "running"}, 0), ("backupy_engine_faults_total", {}, 0),
        ("backupy_session_upgrades_refused_total", {"status": "401"}, 1),
        ("backupy_session_frames_sent_total", {"kind": "run_backup"}, 2),
        ("backupy_session_frames_received_total", {"kind": "frame.backup_completed"}, 1),
        ("backupy_http_requests_total", {"method": "POST", "route": "/v1/jobs/{id}/run", "status": "202"}, 2),
        ("backupy_http_requests_total", {"method": "GET", "route": "/v1/agents/{id}", "status": "404"}, 1),
        ("backupy_slots_total", {"verdict": "missed", "reason": "server_away"}, 0),
        ("backupy_slots_total", {"verdict": "missed", "reason": "agent_away"}, 0),
        ("backupy_follower_up", {}, 1), ("backupy_follower_lag_entries", {}, 0),
    ]:
        findings.check(value(found, name, **labels) == wanted, f"{name} {labels}: {value(found, name, **labels)}, wanted {wanted}")
    for name in ["backupy_engine_commit_seconds_count", "backupy_engine_turns_total", "backupy_log_position",
                 "backupy_store_free_bytes", "process_resident_memory_bytes", "process_open_fds", "process_start_time_seconds"]:
        findings.check((value(found, name) or 0) > 0, f"{name}: {value(found, name)}")
    position = server.everything("/v1/log")[-1]["position"]
    entries = sum(v for (name, _), v in found.items() if name == "backupy_log_entries_total")
    findings.check(entries <= position and value(found, "backupy_log_position") <= position, f"{entries} entries of {position}")
    text = json.dumps([list(key) for key in found])
    findings.check("not-a-label" not in text and stranger.key not in text, "a text from outside became a label")
    for path, method, status in [("/", "GET", 404), ("/v1/agents", "GET", 404), ("/metrics", "POST", 405)]:
        findings.check(scrape(port, path, method)[0] == status, f"{method} {path} on the port of the figures")
    agent.leave()
    equal(server.stop(), 0, "exit code")
    findings.end()


def value(found, name, **labels):
    return found.get((name, tuple(sorted(labels.items()))))


def log_lines(world):
    server = world.new_server().start("--log-format", "json", "--log-level", "info")
    agent = Agent(server, "told of")
    job = agent.add_job()
    agent.connect()
    run, order, _ = agent.back_up(job, b"y" * 100)
    agent.complete(order, b"y" * 100)  # again: an anomaly
    lines = eventually(lambda: [l for l in parsed(server) if l.get("anomaly")] and parsed(server), "the anomaly's line")
    ended = [line for line in lines if line.get("run") == run and line.get("status") == "success"]
    expect(len(ended) == 1, f"lines of the run's end: {ended}")
    entry = server.show(f"/v1/log/{ended[0]['position']}")
    equal(entry["kind"], "run.closed", "the entry at the position that the line names")
    anomaly = next(line for line in lines if line.get("anomaly"))
    equal((anomaly["agent"], anomaly["level"]), (agent.id, "warning"), "the anomaly's line")
    for path, level in [("/v1/agents/agt_00000000000", "info"), ("/v1/cron/next?cron=1", "info")]:
        trace = server.call("GET", path).json["error"]["trace_id"]
        told = eventually(lambda: [l for l in parsed(server) if l.get("trace_id") == trace], f"the line of {trace}")
        equal([line["level"] for line in told], [level], f"the line of {path}")
        expect(path.split("?")[0] in told[0]["message"], f"{told}")
    agent.leave()
    equal(server.stop(), 0, "exit code")
    parsed(server)
    for arguments, words in [(["--log-format", "xml"], "xml"), (["--log-level", "loud"], "loud"), (["--metrics-listen", "x"], "x")]:
        code, _, err = server.command("serve", "--data", server.data, "--listen", "127.0.0.1:0", *arguments)
        expect(code == 2 and words in err, f"{arguments}: exit {code}: {err[-300:]}")


def start_failures_are_lines_too(world):
    server = world.new_server().start()
    findings = Findings()
    for arguments, wanted, words in [
        (["--data", server.data, "--listen", "127.0.0.1:0"], 1, "another server is using"),
        (["--data", server.data, "--listen", "0.0.0.0:0"], 2, "--allow-insecure"),
        (["--data", server.data, "--listen", "nonsense"], 2, "nonsense"), ([], 2, "--data is needed"),
        (["--data", "/proc/no/such", "--listen", "127.0.0.1:0"], 1, "/proc/no/such"),
    ]:
        code, out, err = server.command("serve", "--log-format", "json", *arguments)
        findings.check((code, out) == (wanted, ""), f"{arguments}: exit {code}, {out!r}")
        findings.run(str(arguments), lambda err=err, words=words: expect(
            any(line["level"] == "critical" and words in line["message"] for line in lines_of(err)), f"no {words!r}: {err}"))
    code, _, err = server.command("agent", "--log-format", "json", "--server", "http://127.0.0.1:1", "--state", "/proc/no")
    findings.check(code in (1, 2), f"agent: exit {code}")
    findings.run("agent", lambda: expect(lines_of(err)[-1]["level"] == "critical", err))
    equal(server.stop(), 0, "exit code")
    findings.end()


def parsed(server):
    return lines_of(server.errors())


def lines_of(text):
    lines = []
    for line in text.splitlines():
        try:
            found = json.loads(line)
        except ValueError:
            raise AssertionError(f"no JSON: {line!r}") from None
        expect({"ts", "level", "logger", "message"} <= set(found), f"members of {line!r}")
        expect(re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\Z", found["ts"]), f"ts of {line!r}")
        lines.append(found)
    expect(lines, "no lines")
    return lines


def agents_figures(world):
    server = world.server
    agent = RealAgent(server, "figured", {"BACKUP_METRICS_LISTEN_ADDR": "127.0.0.1:0", "BACKUPY_LOG_FORMAT": "json"})
    world.endings.append(agent.stop)
    agent.start()
    with open(os.path.join(agent.directory, "stderr"), encoding="utf-8") as file:
        lines = [json.loads(line) for line in file.read().splitlines()]
    port = next(int(urllib.parse.urlsplit(word).port) for line in lines for word in line["message"].split() if word.endswith("/metrics"))
    source = os.path.join(agent.directory, "app.db")
    subprocess.run(["sqlite3", source, "CREATE TABLE t(a); INSERT INTO t VALUES (1)"], check=True, timeout=30)
    jobs = {path: agent.add_job({"database": path}, type="sqlite") for path in (source, "/no/such.db")}
    wait_run(server, agent.order(jobs[source]), "success")
    wait_run(server, agent.order(jobs["/no/such.db"]), "failed")
    found = parse(scrape(port)[2])
    for name, labels, wanted in [
        ("backupy_agent_runs_total", {"job_id": jobs[source], "status": "success"}, 1),
        ("backupy_agent_runs_total", {"job_id": jobs["/no/such.db"], "status": "failure"}, 1),
        ("backupy_agent_run_duration_seconds_count", {"job_id": jobs[source]}, 1),
        ("backupy_agent_run_size_bytes_count", {"job_id": jobs[source]}, 1),
        ("backupy_agent_wss_connection_state", {"state": "connected"}, 1),
        ("backupy_agent_wss_reconnects_total", {}, 0), ("backupy_agent_dispatch_pending", {}, 0),
    ]:
        equal(value(found, name, **labels), wanted, f"{name} {labels}")
    agent.stop()


class Busy:
    """Makes agents, until it is told to stop."""

    def __init__(self, server):
        self.server, self.names, self.enough = server, [], threading.Event()
        self.thread = threading.Thread(target=self.work)
        self.thread.start()

    def work(self):
        while not self.enough.is_set():
            name = f"busy {len(self.names)}"
            made = self.server.make("/v1/agents", {"name": name})
            self.server.planted.add("agent key", made["key"])
            self.names.append(name)

    def end(self):
        self.enough.set()
        self.thread.join(60)


def a_copy_made_while_it_runs(world):
    server = world.new_server().start()
    agent = Agent(server, "copied")
    job = agent.add_job(agent.add_target(connection={"database": "/x", "password_secret_ref": "Pl4nted-in-the-vault-of-a-copy"}))
    server.planted.add("literal password", "Pl4nted-in-the-vault-of-a-copy")
    agent.connect()
    blob = os.urandom(50_000)
    run, _, _ = agent.back_up(job, blob)
    busy = Busy(server)
    try:
        eventually(lambda: len(busy.names) > 5, "some agents")
        before = list(busy.names)
        copy = world.new_server()
        done = subprocess.run([COPY, server.data, copy.data], capture_output=True, text=True, timeout=120)
        expect(done.returncode == 0, f"the copy: exit {done.returncode}: {done.stderr}")
        expect(len(busy.names) >= len(before), "nothing was written meanwhile")
    finally:
        busy.end()
    agent.leave()
    server.must_live()
    equal(sorted(os.listdir(copy.data)), ["log.sqlite", "objects", "vault.sqlite"], "what is in a copy")
    code, _, err = copy.command("log", "verify", "--data", copy.data)
    equal((code, err[-300:] if code else ""), (0, ""), "log verify of the copy")
    equal(server.stop(), 0, "exit code")
    # As docs/operations.md restores it: the copy, and the keys from where they are kept.
    code, _, err = copy.command("serve", "--data", copy.data, "--listen", "127.0.0.1:0", seconds=60)
    expect(code in (1, 2), f"a copy without its master key: exit {code}: {err[-400:]}")
    for name in ("master.key", "recovery.key", "admin.token"):
        with open(os.path.join(server.data, name), "rb") as source, open(os.path.join(copy.data, name), "wb") as file:
            os.fchmod(file.fileno(), 0o600)
            file.write(source.read())
    copy.start()
    names = {agent["name"] for agent in copy.everything("/v1/agents")}
    expect(set(before) <= names, f"lost in the copy: {set(before) - names}")
    url = copy.call("GET", f"/v1/runs/{run}/download-url").must_be("download-url", 200).json["url"]
    expect(copy.request("GET", local(url)).body == blob, "the object differs")
    copy.make(f"/v1/runs/{run}/decryption-token")
    returned = Agent(copy, "copied", key=agent.key, identifier=agent.id).connect()
    passwords = [target["connection"]["password_secret_ref"] for target in returned["config"]["targets"]]
    equal(passwords, ["Pl4nted-in-the-vault-of-a-copy"], "what the vault gives back")
    equal(copy.stop(), 0, "exit code of the copy")
    code, out, err = copy.command("replay", "--check", copy.data)
    expect(code == 0, f"replay --check of the copy: exit {code}: {out[-300:]} {err[-300:]}")


SLOW_READS = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A disk that takes 5 ms for each read of the files whose path holds the given text. */
ssize_t pread64(int descriptor, void *bytes, size_t count, off_t place) {
    static ssize_t (*next)(int, void *, size_t, off_t);
    if (!next) next = (ssize_t (*)(int, void *, size_t, off_t))dlsym(RTLD_NEXT, "pread64");
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(link, path, sizeof path - 1);
    path[length < 0 ? 0 : length] = 0;
    if (strstr(path, getenv("SLOW_READS"))) usleep(5 * 1000);
    return next(descriptor, bytes, count, place);
}
"""


def a_copy_beside_a_server_that_never_rests(world):
    """SQLite copies 100 pages at a time and begins anew when somebody wrote between two of them. Here the disk is slow and
    commits come all the time: it must come to its end all the same, with a log that is whole."""
    server = world.new_server().start()
    agent = Agent(server, "talkative")
    agent.connect()
    for _ in range(20):
        agent.send("log", {"ts_ms": 1, "level": 2, "message": "row after row, " * 4_000, "fields": {}})
    eventually(lambda: server.call("GET", "/v1/log?limit=100").text.count('"frame.log"') >= 20, "the frames are on the log", 60)
    agent.leave()
    environment = server.environment | {
        "LD_PRELOAD": preload(server.directory, "slow_reads", SLOW_READS), "SLOW_READS": server.data + "/log.sqlite"}
    copy, writers = world.new_server(), [Busy(server), Busy(server)]
    try:
        eventually(lambda: all(writer.names for writer in writers), "they write")
        before = sum(len(writer.names) for writer in writers)
        process = subprocess.Popen([COPY, server.data, copy.data], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.PIPE, env=environment, text=True, start_new_session=True)
        try:
            _, err = process.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            raise Failure("the copy has not come to its end within 60 s") from None
        written = sum(len(writer.names) for writer in writers) - before
    finally:
        for writer in writers:
            writer.end()
    equal(process.returncode, 0, f"exit code of the copy ({err})")
    # Commits came between its pages, or nothing was tried.
    expect(written >= 10, f"only {written} agents were made while it copied")
    code, _, err = copy.command("log", "verify", "--data", copy.data)
    equal((code, err[-300:] if code else ""), (0, ""), "log verify of the copy")
    equal(server.stop(), 0, "exit code")


def units(world):
    """The units are what systemd understands, as far as this machine can tell."""
    folder = os.path.join(HERE, "../../../deploy/systemd")
    tool = "/usr/bin/systemd-analyze"
    if not os.access(tool, os.X_OK):
        raise Skipped(f"there is no {tool}")
    directory = os.path.join(world.directory, "units")
    os.makedirs(directory, exist_ok=True)
    for name in os.listdir(folder):
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            text = file.read()
        path = os.path.join(directory, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text.replace("/usr/local/bin/backupy", "/bin/true"))
        done = subprocess.run([tool, "verify", path], capture_output=True, text=True, timeout=60)
        expect(done.returncode == 0 and name not in done.stderr, f"{name}: {done.stderr}")
        # What the units say must be what the program takes.
        words = re.search(r"^ExecStart=/usr/local/bin/backupy (\w+)", text, re.M)[1]
        _, out, _ = world.new_server().command(words, "--help")
        for option in re.findall(r"--[a-z-]+", re.search(r"^ExecStart=.*$", text, re.M)[0]):
            expect(option in out, f"{name}: {option} is no option of {words}")


def container_file(world):
    """What can be said about it where no image can be pulled: what it copies and starts is there."""
    root = os.path.join(HERE, "../../..")
    with open(os.path.join(root, "deploy/Containerfile"), encoding="utf-8") as file:
        lines = file.read().replace("\\\n", " ").splitlines()
    instructions = [line.split() for line in lines if line and not line.startswith("#")]
    known = {"ARG", "FROM", "RUN", "WORKDIR", "COPY", "USER", "ENV", "VOLUME", "EXPOSE", "STOPSIGNAL", "ENTRYPOINT", "CMD"}
    equal({words[0] for words in instructions} - known, set(), "instructions that are none")
    stages = {words[3] for words in instructions if words[0] == "FROM" and len(words) == 4}
    sources = []
    for words in (words for words in instructions if words[0] == "COPY"):
        if words[1].startswith("--from="):
            expect(words[1].removeprefix("--from=") in stages, f"no such stage: {words}")
        else:
            sources += words[1:-1]
    for words in instructions:
        if words[0] in ("VOLUME", "ENTRYPOINT", "CMD"):
            json.loads(" ".join(words[1:]))
    shell = "\n".join(" ".join(words[1:]) for words in instructions if words[0] == "RUN")
    done = subprocess.run(["sh", "-n"], input=shell, capture_output=True, text=True, timeout=20)
    expect(done.returncode == 0, done.stderr)
    last = [words for words in instructions if words[0] == "USER"][-1]
    expect(not last[1].startswith(("0", "root")), "the image runs as root")
    # Not what happens to lie here: a clean clone must have it.
    listed = subprocess.run(["git", "-C", root, "ls-files"], capture_output=True, text=True, timeout=60)
    if listed.returncode != 0:
        raise Skipped(f"what it copies is not looked up: {listed.stderr.strip()}")
    files = listed.stdout.splitlines()
    missing = [path for path in sources if not any(file == path or file.startswith(path + "/") for file in files)]
    expect(sources and not missing, f"not in the repository: {missing}")


SCENARIOS = [
    figures, log_lines, start_failures_are_lines_too, agents_figures, a_copy_made_while_it_runs,
    a_copy_beside_a_server_that_never_rests, units, container_file]
