"""Databases of a real PostgreSQL, backed up by the real agent and restored with pg_restore."""
import os
import shutil
import socket
import tempfile
import threading

from kit.checks import Findings, equal, eventually, expect
from kit.postgresql import PostgreSQL, RealAgent, download, wait_end

PASSWORD = "Pl4nted-PostgreSQL-Passw0rd '\\\"=?&"


class Stage:
    """One PostgreSQL and one agent for all scenarios of the group; made at the first need."""

    current = None

    def __init__(self, world):
        self.server = world.server
        self.server.planted.add("database password", PASSWORD)
        # Not below the group's directory: the path of a socket may have 107 bytes only.
        self.directory = tempfile.mkdtemp(prefix="backupy-pg-", dir="/tmp")
        # What is to be cleared up is noted first, the last one first: a start that fails must leave nothing either.
        world.endings.insert(0, lambda: shutil.rmtree(self.directory, ignore_errors=True))
        os.chmod(self.directory, 0o755)
        self.database = PostgreSQL(os.path.join(self.directory, "server"))
        world.endings.insert(0, self.database.stop)
        self.database.start()
        literal = "E'" + PASSWORD.replace("\\", "\\\\").replace("'", "''") + "'"
        self.database.sql(f"CREATE ROLE backup LOGIN SUPERUSER PASSWORD {literal}")
        self.secret = os.path.join(self.directory, "secret")
        with open(self.secret, "w", encoding="utf-8") as file:
            file.write(PASSWORD + "\n")
        self.agent = RealAgent(self.server, "real", {"SHOP_PASSWORD": PASSWORD})
        world.endings.insert(0, self.agent.stop)
        self.agent.start()

    def tcp(self, database, reference=PASSWORD, **more):
        return {"host": "127.0.0.1", "port": self.database.port, "database": database, "username": "backup",
                "password_secret_ref": reference} | more

    def unix(self, database, reference):
        return self.tcp(database, reference, host=self.database.directory, strategy="unix_socket")


def stage(world):
    if Stage.current is None:
        Stage.current = Stage(world)
    return Stage.current


def backed_up_and_restored(world):
    here = stage(world)
    version = here.database.sql("SHOW server_version").split(" ")[0]
    here.database.fill("shop")
    wanted = here.database.content("shop")
    expect(len(wanted[1]) > 10, f"too little to compare: {wanted[1]}")
    capabilities = here.agent.show()["capabilities"]
    expect({"sqlite", "postgresql", "pg_dump"} <= set(capabilities), f"capabilities {capabilities}")
    findings = Findings()
    connections = {
        "tcp": here.tcp("shop"), "socket_env": here.unix("shop", "env:SHOP_PASSWORD"),
        "tcp_file": here.tcp("shop", f"file:{here.secret}"),
    }
    for name, connection in connections.items():
        def body(name=name, connection=connection):
            run = here.agent.order(here.agent.add_job(connection))
            shown = wait_end(here.server, run)
            equal((shown["status"], shown["error_message"]), ("success", None), "the run")
            equal(shown["db_engine_version"], f"PostgreSQL {version}", "the version")
            plain = download(here.server, run, here.agent.directory)
            here.database.create(f"restored_{name}")
            here.database.run("pg_restore", "--exit-on-error", "-d", f"restored_{name}", plain)
            found = here.database.content(f"restored_{name}")
            equal(found[1], wanted[1], "digests of the rows")
            expect(found[0] == wanted[0], "the words of pg_dump differ")
            os.remove(plain)
        findings.run(name, body)
    findings.end()


def empty_database(world):
    here = stage(world)
    here.database.create("nothing")
    run = here.agent.order(here.agent.add_job(here.tcp("nothing")))
    equal(wait_end(here.server, run)["status"], "success", "the run")
    plain = download(here.server, run, here.agent.directory)
    listed = here.database.run("pg_restore", "--list", plain)
    expect("Format: CUSTOM" in listed, f"pg_restore --list: {listed[:300]}")


def refusals(world):
    here = stage(world)
    findings = Findings()
    cases = {
        "a wrong password": (here.tcp("postgres", "Wr0ng-but-secret"), "password authentication failed"),
        "no password": (here.tcp("postgres", ""), "no password supplied"),
        "no such database": (here.tcp("no_such"), 'database "no_such" does not exist'),
        "no such variable": (here.tcp("postgres", "env:NOT_THERE"), "env:NOT_THERE: not set"),
        "the agent's own key": (here.tcp("postgres", "env:BACKUP_AGENT_KEY"), "env:BACKUP_AGENT_KEY"),
        "no such file": (here.tcp("postgres", "file:/no/such"), "file:/no/such: No such file"),
        "a folder": (here.tcp("postgres", "file:/etc"), "file:/etc: not a regular file"),
        "docker_exec": (here.tcp("postgres", strategy="docker_exec"), "docker_exec"),
    }
    for name, (connection, words) in cases.items():
        def body(connection=connection, words=words):
            shown = wait_end(here.server, here.agent.order(here.agent.add_job(connection)))
            equal((shown["status"], shown["error_class"]), ("failed", "configuration"), "the run")
            expect(words in shown["error_message"], f"{shown['error_message']!r} does not say {words!r}")
            expect("Wr0ng" not in shown["error_message"], "the password is shown")
        findings.run(name, body)
    target = {"type": "sqlite", "connection": {"database": "/x", "password_secret_ref": "env:NOT_THERE"}}

    def sqlite():
        job = here.agent.add_job(target["connection"], type="sqlite")
        shown = wait_end(here.server, here.agent.order(job))
        equal((shown["status"], shown["error_class"]), ("failed", "configuration"), "the run")
    findings.run("a reference of another type's target", sqlite)
    equal(here.agent.staged(), [], "what is staged")
    findings.end()


def waiting_for_a_lock(here, database):
    """A run whose pg_dump waits for a table; the session that holds it."""
    here.database.create(database)
    here.database.sql("CREATE TABLE t(a int)", database)
    job = here.agent.add_job(here.tcp(database))
    holder = here.database.session(database)
    holder.stdin.write("BEGIN; LOCK TABLE t; SELECT 'held';\n")
    holder.stdin.flush()
    equal(holder.stdout.readline(), "held\n", "the lock")
    run = here.agent.order(job)
    eventually(lambda: here.database.dumping("wait_event_type = 'Lock'") == 1, "pg_dump waits for the lock")
    return run, holder


def release(holder):
    holder.stdin.close()
    holder.wait(20)
    holder.stdout.close()


def cancelled_while_dumping(world):
    here = stage(world)
    run, holder = waiting_for_a_lock(here, "cancelled")
    try:
        here.server.call("POST", f"/v1/runs/{run}/cancel").must_be("cancel", 202)
        equal(wait_end(here.server, run)["status"], "cancelled", "the run")
        eventually(lambda: here.database.dumping() == 0, "the dump's connection is gone while the lock is held")
        equal(here.agent.staged(), [], "what is staged")
    finally:
        release(holder)


def connection_cut_within_the_dump(world):
    here = stage(world)
    here.database.create("big")
    here.database.sql("CREATE TABLE t AS SELECT i, repeat(md5(i::text), 30) FROM generate_series(1, 30000) i", "big")
    with Cutter(here.database.port, after=2_000_000) as cutter:
        job = here.agent.add_job(here.tcp("big", port=cutter.port))
        shown = wait_end(here.server, here.agent.order(job))
        expect(cutter.has_cut, "the connection was not cut")
    equal((shown["status"], shown["error_class"]), ("failed", "source"), "the run")
    expect(shown["error_message"].startswith("dump: postgresql: pg_dump exited 1: "), shown["error_message"])
    equal(here.agent.staged(), [], "what is staged")


class Cutter:
    """Passes connections on to a port of this machine, and cuts one off once so many bytes came back over it."""

    def __init__(self, port, after):
        self.target, self.after, self.has_cut = port, after, False
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]

    def __enter__(self):
        threading.Thread(target=self.accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.listener.close()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
                server = socket.create_connection(("127.0.0.1", self.target), 20)
            except OSError:
                return
            threading.Thread(target=self.copy, args=(client, server, None), daemon=True).start()
            threading.Thread(target=self.copy, args=(server, client, self.after), daemon=True).start()

    def copy(self, source, destination, left):
        try:
            while data := source.recv(65536):
                destination.sendall(data)
                if left is not None:
                    left -= len(data)
                    if left <= 0:
                        self.has_cut = True
                        break
        except OSError:
            pass
        for end in (source, destination):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def server_killed_within_the_dump(world):
    """The last one: there is no PostgreSQL afterwards."""
    here = stage(world)
    run, holder = waiting_for_a_lock(here, "killed")
    try:
        here.database.kill()
        shown = wait_end(here.server, run)
        equal((shown["status"], shown["error_class"]), ("failed", "source"), "the run")
        equal(here.agent.staged(), [], "what is staged")
    finally:
        release(holder)
    run = here.agent.order(here.agent.add_job(here.tcp("killed")))
    shown = wait_end(here.server, run)
    equal((shown["status"], shown["error_class"]), ("failed", "source"), "a run without a server")
    equal(here.agent.process.poll(), None, "the agent's exit code")


def nothing_said(world):
    """The agent's log and its state are searched with all other files at the end; here, that it lived."""
    here = stage(world)
    here.agent.stop()
    with open(os.path.join(here.agent.directory, "stderr"), encoding="utf-8", errors="replace") as file:
        text = file.read()
    expect("Fatal error" not in text, f"a trap: {text[-800:]}")
    expect(PASSWORD not in text and here.agent.key not in text, "a secret in the agent's log")


SCENARIOS = [
    backed_up_and_restored, empty_database, refusals, cancelled_while_dumping, connection_cut_within_the_dump,
    server_killed_within_the_dump, nothing_said]
