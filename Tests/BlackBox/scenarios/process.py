"""Starting where it must not, and ending when it is told to."""
import contextlib
import os
import shutil
import signal
import socket
import sqlite3
import stat
import subprocess
import tempfile
import time

from kit.agent import Agent
from kit.checks import Failure, Findings, Skipped, equal, eventually, expect
from kit.server import clean_environment


def refused(server, arguments, code, *words):
    """Runs `serve` that must end at once, saying what is wrong."""
    found, out, err = server.command("serve", *arguments, seconds=30)
    expect(found == code, f"serve {' '.join(arguments)}: exit {found}, wanted {code}: {err[-400:]}")
    expect("ready at" not in out, f"serve {' '.join(arguments)} said it was ready")
    for word in words:
        expect(word in err, f"serve {' '.join(arguments)}: {err[-400:]!r} does not say {word!r}")
    expect("Fatal error" not in err and "Stack dump" not in err, f"a trap: {err[-800:]}")


def second_server(world):
    server = world.new_server().start()
    refused(server, ["--data", server.data, "--listen", "127.0.0.1:0"], 1, "data")
    server.must_live()
    code, _, err = server.command("log", "verify", "--data", server.data)
    equal((code, err[-300:] if code else ""), (0, ""), "log verify beside the server")
    server.kill()
    server.start()  # what is left of a killed one is no obstacle
    equal(server.stop(), 0, "exit code")


def addresses(world):
    server = world.new_server()
    data = os.path.join(server.directory, "elsewhere")
    findings = Findings()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        listen = f"127.0.0.1:{port}"
        findings.run("taken", lambda: refused(server, ["--data", data, "--listen", listen], 1, str(port)))
    for listen in ("0.0.0.0:0", "[::]:0", f"{own_address()}:0"):
        findings.run(listen, lambda listen=listen: refused(server, ["--data", data, "--listen", listen], 2, "--allow-insecure"))
    findings.run("wildcard", lambda: refused(
        server, ["--data", data, "--listen", "0.0.0.0:0", "--allow-insecure"], 2, "--public-url"))
    for listen in ("", "127.0.0.1", "127.0.0.1:", "127.0.0.1:99999", "127.0.0.1:-1", ":::", "127.0.0.1:http", "nowhere.invalid:0"):
        findings.run(listen, lambda listen=listen: refused_somehow(server, ["--data", data, "--listen", listen]))
    for arguments in (["--nonsense"], ["--public-url", "ftp://x"], ["--public-url", "no url"], ["--config", "/no/such"],
                      ["--tls-certificate", "/no/such"], ["--tls-certificate", "/no/a", "--tls-key", "/no/b"],
                      ["--master-key-file", "/no/such"]):
        findings.run(arguments[0], lambda arguments=arguments: refused_somehow(
            server, ["--data", data, "--listen", "127.0.0.1:0", *arguments]))
    findings.end()


def own_address():
    """Some address of this machine that is not loopback, or one that stands for it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing
            return probe.getsockname()[0]
        except OSError:
            return "192.0.2.1"


def refused_somehow(server, arguments):
    code, out, err = server.command("serve", *arguments, seconds=30)
    expect(code in (1, 2), f"serve {' '.join(arguments)}: exit {code}: {err[-400:]}")
    expect("ready at" not in out, f"serve {' '.join(arguments)} said it was ready")
    expect(err.strip(), f"serve {' '.join(arguments)}: no word about it")
    expect("Fatal error" not in err, f"a trap: {err[-800:]}")


def directories(world):
    server = world.new_server()
    findings = Findings()
    file = os.path.join(server.directory, "a-file")
    with open(file, "w", encoding="ascii") as handle:
        handle.write("x")
    for path in (file, file + "/below", "/proc/nothing/here", "/dev/null"):
        findings.run(path, lambda path=path: refused(server, ["--data", path, "--listen", "127.0.0.1:0"], 1))
    foreign = os.path.join(server.directory, "foreign")
    os.makedirs(foreign)
    with open(os.path.join(foreign, "log.sqlite"), "wb") as handle:
        handle.write(b"this is no database, but somebody's file" * 100)
    findings.run("somebody's file", lambda: refused(server, ["--data", foreign, "--listen", "127.0.0.1:0"], 1, "log.sqlite"))
    with open(os.path.join(foreign, "log.sqlite"), "rb") as handle:
        findings.check(handle.read().startswith(b"this is no database"), "somebody's file was overwritten")
    findings.end()


def as_another_user(world):
    """A directory that may not be written. Root may write anywhere, so somebody else has to try."""
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        raise Skipped("only root can be somebody else, with setpriv")
    server = world.new_server()
    locked = os.path.join(server.directory, "locked")
    os.makedirs(locked, mode=0o755)
    findings = Findings()
    with tempfile.TemporaryDirectory(prefix="backupy-black-box-") as place:
        os.chmod(place, 0o755)
        binary = os.path.join(place, "backupy")
        try:
            os.link(server.binary, binary)  # the original may lie where others cannot go
        except OSError:
            shutil.copy(server.binary, binary)
        if not os.stat(binary).st_mode & stat.S_IXOTH:
            raise Skipped(f"others may not run {server.binary}")
        for path in (locked, os.path.join(locked, "below")):
            done = subprocess.run(
                ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", binary, "serve", "--data", path,
                 "--listen", "127.0.0.1:0"], capture_output=True, timeout=30, env=clean_environment(), text=True, cwd=place)
            findings.check(done.returncode == 1, f"{path}: exit {done.returncode}: {done.stderr[-400:]}")
            findings.check("locked" in done.stderr, f"{path}: {done.stderr[-400:]!r} does not name the directory")
            findings.check("Fatal error" not in done.stderr, f"a trap: {done.stderr[-800:]}")
    findings.end()


def files_and_their_modes(world):
    server = world.new_server().start()
    findings = Findings()
    for name in ("master.key", "recovery.key", "admin.token"):
        mode = stat.S_IMODE(os.stat(os.path.join(server.data, name)).st_mode)
        findings.check(mode == 0o600, f"{name} has mode {mode:o}")
        findings.check(name in server.errors(), f"{name} is not spoken of at the first start")
        with open(os.path.join(server.data, name), encoding="ascii") as file:
            for line in file.read().split():
                findings.check(len(line) < 20 or line not in server.errors(), f"the content of {name} was printed")
    equal(stat.S_IMODE(os.stat(server.data).st_mode) & 0o077, 0, "what others may do in the data directory")
    equal(server.stop(), 0, "exit code")
    server.start()
    findings.check(server.call("GET", "/v1/agents").status == 200, "the token after a restart")
    for path in ("/healthz", "/readyz"):
        findings.check(server.call("GET", path, token="").status == 200, f"{path} without a token")
    findings.end()


def drafts_of_a_start_that_was_cut_off(world):
    """A process that died within its first start left halves of secrets, under names that they have until they are whole."""
    server = world.new_server()
    os.makedirs(server.data, mode=0o700)
    names = ("master.key", "recovery.key", "admin.token")
    for name in names:
        with open(os.path.join(server.data, name + ".new"), "w", encoding="ascii") as file:
            file.write("half-of-it")
    server.start()
    for name in names:
        with open(os.path.join(server.data, name), encoding="ascii") as file:
            expect("half-of-it" not in file.read(), f"{name} is what was left over")
    expect(not [name for name in os.listdir(server.data) if name.endswith(".new")], "they are still there")
    agent = Agent(server, "early")
    job = agent.add_job()
    agent.connect()
    agent.back_up(job, b"x" * 1_000)  # with all three keys
    agent.leave()
    equal(server.stop(), 0, "exit code")


def hung_up_on_while_it_starts(world):
    """A reload that comes as soon as the server is up must not end it: it is taken for an end that was asked for."""
    for _ in range(3):
        server = world.new_server()
        server.begin()
        count, deadline = 0, time.monotonic() + 60
        while server.is_alive and not os.path.getsize(server.served[0]):
            expect(time.monotonic() < deadline, "it is not ready after 60 s")
            is_at_work = os.path.exists(server.data)
            if is_deaf(server.process.pid, signal.SIGHUP):
                server.process.send_signal(signal.SIGHUP)
                count += 1
            else:
                expect(not is_at_work, "it is at work, and SIGHUP would end it")
            time.sleep(0.001)
        expect(server.is_alive, f"ended with {server.process.returncode} by one of {count} SIGHUPs: {server.errors()[-600:]}")
        expect(count > 0, "it was ready before it could be hung up on")
        equal(server.stop(), 0, "exit code")


def is_deaf(process, number):
    """Whether a process ignores a signal, or has its own way with it; until then the signal ends it."""
    with open(f"/proc/{process}/status", encoding="ascii") as file:
        fields = dict(line.split(":", 1) for line in file)
    return bool((int(fields["SigIgn"], 16) | int(fields["SigCgt"], 16)) >> number - 1 & 1)


def sigterm_under_load(world):
    server = world.new_server().start()
    agents = [Agent(server, f"agent {number}") for number in range(20)]
    [agent.connect() for agent in agents]
    stuck = Agent(server, "stuck")
    stuck.dial()  # no Register
    idle = socket.create_connection(("127.0.0.1", server.port), 10)
    half = socket.create_connection(("127.0.0.1", server.port), 10)
    half.sendall(b"POST /v1/agents HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
    try:
        equal(server.stop(10), 0, "exit code of SIGTERM within 10 s")
    finally:
        idle.close()
        half.close()
    expect("Fatal error" not in server.errors(), server.errors()[-500:])
    [agent.wait_closed(10) for agent in agents]


def with_canaries(world):
    """A server with 30 agents on its log, which the views have seen too; and the log's path."""
    server = world.new_server().start()
    for number in range(30):
        server.make("/v1/agents", {"name": f"canary-{number:02}-in-the-log"})
    eventually(lambda: len(server.everything("/v1/agents")) == 30, "the views have all agents")
    return server, os.path.join(server.data, "log.sqlite")


def must_be_found(server):
    code, out, err = server.command("log", "verify", "--data", server.data)
    expect(code == 3, f"log verify: exit {code}: {out[-300:]} {err[-300:]}")
    code, out, err = server.command("replay", "--check", server.data)
    expect(code in (1, 3), f"replay --check: exit {code}: {out[-300:]} {err[-300:]}")
    code, out, err = server.command("serve", "--data", server.data, "--listen", "127.0.0.1:0", seconds=30)
    expect(code in (1, 3), f"serve: exit {code}: {err[-300:]}")


def a_damaged_log(world):
    server, path = with_canaries(world)
    equal(server.stop(), 0, "exit code")
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with open(path, "rb") as file:
        whole = file.read()
    expect(b"canary-07-in-the-log" in whole, f"no canary in {path}")
    with open(path, "wb") as file:
        file.write(whole.replace(b"canary-07-in-the-log", b"kanary-07-in-the-log"))
    must_be_found(server)


def a_log_that_lost_its_end(world):
    """One changed byte in the write-ahead log makes SQLite drop all commits from there on, without a word. Those were
    answered. In the middle the sound ones behind it give it away; of the last one only the views know, which keep how far
    the log once went."""
    server, path = with_canaries(world)
    server.kill()  # a polite end leaves no write-ahead log
    with open(path + "-wal", "rb") as file:
        whole = file.read()
    findings = Findings()
    for canary, words in ((b"canary-07-in-the-log", "commits behind it are lost"), (b"canary-29-in-the-log", "lost its end")):
        place = whole.rfind(canary)
        expect(place >= 0, f"no {canary} in the write-ahead log")
        with open(path + "-wal", "r+b") as file:
            file.seek(place)
            file.write(b"k")
        code, out, err = server.command("log", "verify", "--data", server.data)
        findings.check(code == 3 and words in err, f"{canary}: log verify: exit {code}: {out[-300:]} {err[-300:]}")
        findings.run(str(canary), lambda words=words: refused(
            server, ["--data", server.data, "--listen", "127.0.0.1:0"], 1, words))
        with open(path + "-wal", "wb") as file:
            file.write(whole)
    # Nothing was touched by those who refused.
    server.start()
    equal(len(server.everything("/v1/agents")), 30, "agents once the byte is as it was")
    equal(server.stop(), 0, "exit code")
    findings.end()


def told_to_stop_while_it_folds(world):
    """A pipe in the place of a snapshot holds the start until somebody writes into it, which is after SIGTERM."""
    server = world.new_server().start()
    equal(server.stop(), 0, "exit code")
    snapshots = os.path.join(server.data, "snapshots")
    os.makedirs(snapshots, exist_ok=True)
    pipe = os.path.join(snapshots, f"{1:020}.snapshot")
    os.mkfifo(pipe)
    server.begin()
    try:
        eventually(lambda: "wait_for_partner" in places(server.process.pid), "the start waits for the pipe", 30, 0.05)
    except Failure:
        if places(server.process.pid) == {"0"}:
            raise Skipped("this kernel does not show where a thread waits") from None
        raise
    server.process.send_signal(signal.SIGTERM)
    time.sleep(1)  # nothing outside shows that a signal has reached all parts
    expect(server.is_alive, "it has ended in the middle of a read")
    with open(pipe, "wb"):
        pass
    equal(server.wait_end(15), 0, "exit code")
    with open(server.served[0], encoding="utf-8") as file:
        equal(file.read(), "", "what it printed: it went on to be ready")
    expect("stopped before it was ready" in server.errors(), server.errors()[-600:])
    os.unlink(pipe)
    server.start()
    server.must_live()
    equal(server.stop(), 0, "exit code")


def places(process):
    """Where in the kernel the threads of a process wait."""
    found = set()
    for thread in os.listdir(f"/proc/{process}/task"):
        with contextlib.suppress(OSError), open(f"/proc/{process}/task/{thread}/wchan", encoding="ascii") as file:
            found.add(file.read())
    return found


SCENARIOS = [
    second_server, addresses, directories, as_another_user, files_and_their_modes, drafts_of_a_start_that_was_cut_off,
    hung_up_on_while_it_starts, sigterm_under_load, a_damaged_log, a_log_that_lost_its_end, told_to_stop_while_it_folds,
]
