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
        return
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
            return
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
    """A stopped server's log with 30 agents on it."""
    server = world.new_server().start()
    for number in range(30):
        server.make("/v1/agents", {"name": f"canary-{number:02}-in-the-log"})
    equal(server.stop(), 0, "exit code")
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
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    replace(path, b"canary-07-in-the-log", b"kanary-07-in-the-log")
    must_be_found(server)


def replace(path, old, new):
    with open(path, "rb") as file:
        data = file.read()
    expect(old in data, f"{old} is not in {path}")
    with open(path, "wb") as file:
        file.write(data.replace(old, new))


def a_log_that_lost_its_end(world):
    """One changed byte in the write-ahead file makes SQLite drop all commits from there on, without a word. Those were
    answered; the views know how far the log once went."""
    server, path = with_canaries(world)
    if os.path.exists(path + "-wal") and os.path.getsize(path + "-wal") > 0:
        replace(path + "-wal", b"canary-07-in-the-log", b"kanary-07-in-the-log")
    else:
        return  # with everything in the database file, that is tried above
    code, out, err = server.command("log", "verify", "--data", server.data)
    try:
        server.start()
    except Failure:
        return
    names = [agent["name"] for agent in server.everything("/v1/agents")]
    expect(code != 0 or len(names) == 30, f"{30 - len(names)} agents are gone, log verify says {out.strip()!r}, serve serves")


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
    equal(server.process.wait(15), 0, "exit code")
    with open(server.outputs[-1][0], encoding="utf-8") as file:
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
    second_server, addresses, directories, as_another_user, files_and_their_modes, sigterm_under_load, a_damaged_log,
    a_log_that_lost_its_end, told_to_stop_while_it_folds,
]
