"""A private PostgreSQL server by scripts/postgresql.sh, and the real agent beside it."""
import os
import signal
import subprocess
import time

from .checks import Failure, Skipped, equal, eventually, expect
from .server import clean_environment

HERE = os.path.dirname(os.path.abspath(__file__))
SCRIPT = os.path.join(HERE, "../../../scripts/postgresql.sh")


def quoted(text):
    return "'" + text.replace("'", "''") + "'"


def children(parent):
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
                if int(file.read().rpartition(")")[2].split()[1]) == parent:
                    found.append(int(pid))
        except OSError:
            pass
    return found


class PostgreSQL:
    def __init__(self, directory):
        self.directory = directory

    def start(self):
        done = subprocess.run([SCRIPT, "start", self.directory], capture_output=True, text=True, timeout=120)
        if done.returncode == 3:
            raise Skipped(done.stderr.strip())
        expect(done.returncode == 0, f"postgresql.sh start: {done.stderr[-500:]}")
        self.port = int(done.stdout)

    def environment(self, database):
        """For the superuser, over the socket."""
        return clean_environment() | {
            "PGHOST": self.directory, "PGPORT": str(self.port), "PGUSER": "postgres", "PGDATABASE": database, "LC_ALL": "C"}

    def run(self, *command, database="postgres", text=None):
        done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=120, env=self.environment(database))
        if done.returncode != 0:
            raise Failure(f"{' '.join(command)}: exit {done.returncode}: {done.stderr[-800:]}")
        return done.stdout

    def sql(self, text, database="postgres"):
        return self.run("psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-f", "-", database=database, text=text).strip("\n")

    def create(self, database):
        self.sql(f'CREATE DATABASE "{database}" TEMPLATE template0')

    def fill(self, database):
        self.create(database)
        with open(os.path.join(HERE, "content.sql"), encoding="utf-8") as file:
            self.sql(file.read(), database)

    def content(self, database):
        """Everything in a database, asked for in two ways: the words of pg_dump, and digests by plain queries."""
        lines = self.run("pg_dump", database=database).splitlines()
        texts = [line for line in lines if not line.startswith(("\\restrict ", "\\unrestrict "))]
        relations = self.sql(
            "SELECT c.relkind::text || format('%I.%I', n.nspname, c.relname) FROM pg_class c "
            "JOIN pg_namespace n ON n.oid = c.relnamespace "
            "WHERE c.relkind IN ('r', 'm', 'S') AND n.nspname !~ '^(pg_|information_schema)' ORDER BY 1", database).splitlines()
        rows = "count(*), md5(string_agg(t::text, E'\\n' ORDER BY t::text))"
        queries = []
        for kind, name in ((relation[0], relation[1:]) for relation in relations):
            columns = "last_value, is_called" if kind == "S" else rows
            queries.append(f"SELECT {quoted(name)}, {columns} FROM {name} t;")
        queries.append("SELECT oid, lomowner::regrole, md5(lo_get(oid)) FROM pg_largeobject_metadata ORDER BY 1;")
        digests = self.sql("\n".join(queries), database).splitlines()
        return texts, digests

    def session(self, database):
        """An open psql that takes commands on its standard input."""
        return subprocess.Popen(
            ["psql", "-XAtq"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=self.environment(database))

    def dumping(self, condition="true"):
        return int(self.sql(f"SELECT count(*) FROM pg_stat_activity WHERE application_name = 'backupy' AND {condition}"))

    def kill(self):
        """As a crash would end it: the children notice that their parent is gone."""
        with open(os.path.join(self.directory, "cluster", "postmaster.pid"), encoding="ascii") as file:
            postmaster = int(file.readline())
        for pid in [postmaster, *children(postmaster)]:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass

    def stop(self):
        subprocess.run([SCRIPT, "stop", self.directory], capture_output=True, timeout=60)


class RealAgent:
    """`backupy agent` as a process, with a name of its own on the server."""

    def __init__(self, server, name, environment=None):
        self.server, self.name = server, name
        made = server.make("/v1/agents", {"name": name})
        self.id, self.key = made["id"], made["key"]
        server.planted.add("agent key", self.key)
        self.directory = os.path.join(server.directory, name)
        os.makedirs(self.directory)
        self.environment = clean_environment() | {"BACKUP_AGENT_KEY": self.key} | (environment or {})
        self.process = None

    def start(self):
        with open(os.path.join(self.directory, "stderr"), "ab") as err:
            self.process = subprocess.Popen(
                [self.server.binary, "agent", "--server", self.server.url, "--allow-insecure",
                 "--state", os.path.join(self.directory, "state")],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=err, env=self.environment)
        eventually(lambda: self.show()["status"] == "online", f"{self.name} is online")
        return self

    def show(self):
        return self.server.show(f"/v1/agents/{self.id}")

    def add_job(self, connection, type="postgresql", **job):
        target = self.server.make(
            f"/v1/agents/{self.id}/targets", {"type": type, "display_name": "db", "connection": connection})["id"]
        # The new configuration is on its way to the agent before any run of this job is.
        return self.server.make(f"/v1/agents/{self.id}/jobs", {"target_id": target} | job)["id"]

    def order(self, job):
        return self.server.make(f"/v1/jobs/{job}/run")["run_id"]

    def staged(self):
        return os.listdir(os.path.join(self.directory, "state", "staging"))

    def stop(self):
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(20)


def download(server, run, directory):
    """A run's object, decrypted by the token; the path of the plain file."""
    blob, token, plain = (os.path.join(directory, f"{run}.{end}") for end in ("enc", "token", "plain"))
    answer = server.call("GET", f"/v1/runs/{run}/download-url").must_be("download-url", 200).json
    path = answer["url"].split("/", 3)[3]
    got = server.request("GET", "/" + path)
    equal(got.status, 200, "status of the download")
    with open(blob, "wb") as file:
        file.write(got.body)
    with open(token, "w", encoding="ascii") as file:
        file.write(server.make(f"/v1/runs/{run}/decryption-token")["token"])
    code, out, err = server.command("decrypt", "--token-file", token, "--in", blob, "--out", plain)
    expect(code == 0, f"decrypt: exit {code}: {out} {err}")
    os.remove(token)
    return plain


def wait_end(server, run, seconds=90):
    """The run once it has ended."""
    deadline = time.monotonic() + seconds
    while True:
        shown = server.show(f"/v1/runs/{run}")
        if shown["status"] not in ("queued", "running"):
            return shown
        expect(time.monotonic() < deadline, f"the run is {shown['status']}, step {shown['current_step']}")
        time.sleep(0.1)
