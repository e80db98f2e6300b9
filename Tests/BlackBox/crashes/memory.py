"""All that was answered, acknowledged or seen decided, by whoever tries the server; it must hold for ever."""
import collections
import threading
import time

from kit.checks import Findings

FINAL = ("success", "failed", "cancelled", "lost")
PATHS = {"agt": "/v1/agents", "tgt": "/v1/targets", "job": "/v1/jobs", "run": "/v1/runs"}


class Asked:
    """A run whose request was answered."""

    def __init__(self, job, source_moment):
        self.job, self.source_moment, self.at = job, source_moment, time.monotonic()


class Memory:
    def __init__(self):
        self.lock = threading.Lock()
        self.created = {}  # id: name
        self.runs = {}  # id: Asked
        self.verdicts = {}  # id: the run as it was shown once it had its verdict
        self.acknowledged = {}  # wire run id: the SHA-256 of a completion, None of another report
        self.cancelled, self.deleted = set(), set()
        self.orders = collections.Counter()  # wire run ids of RunBackups at agents without a journal
        self.problems = []
        self.unchecked_count = 0  # successes that wait to be decrypted
        self.asking, self.ordered = threading.Event(), threading.Event()  # a run is asked for; a RunBackup has come

    def problem(self, text):
        with self.lock:
            self.problems.append(text)

    def note_run(self, run, job, moment):
        with self.lock:
            self.runs[run] = Asked(job, moment)

    def note_order(self, wire, name):
        self.ordered.set()
        with self.lock:
            self.orders[wire] += 1
            if self.orders[wire] > 1:
                self.problems.append(f"{name} has no journal and got RunBackup {wire} {self.orders[wire]} times")

    def note_shown(self, run):
        """Takes in a run as it is shown; true when its verdict is new."""
        if run["status"] not in FINAL:
            with self.lock:
                if run["id"] in self.verdicts:
                    self.problems.append(f"{run['id']} was {self.verdicts[run['id']]['status']}, is {run['status']}")
            return False
        with self.lock:
            before = self.verdicts.setdefault(run["id"], run)
            if before is run:
                return True
            if lasting(before) != lasting(run):
                self.problems.append(f"a verdict has changed: {lasting(before)} became {lasting(run)}")
        return False

    def moving(self, job):
        """Runs of a job that are likely to be at work. One that has been open for long waits for its grace."""
        with self.lock:
            limit = time.monotonic() - 15
            return sum(1 for run, asked in self.runs.items()
                       if asked.job == job and run not in self.verdicts and asked.at > limit)

    def check(self, server, shown):
        """Holds what a server shows at rest against what is remembered. `shown`: all its runs by id."""
        findings = Findings()
        names = {item["id"]: item["name"] for item in server.everything("/v1/agents")}
        findings.check(len(set(names.values())) == len(names), "an agent was created twice for one request")
        for identifier, name in self.created.items():
            kind = identifier.split("_")[0]
            if kind == "agt":
                findings.check(names.get(identifier) == name, f"{identifier} {name} was answered and is gone")
            else:
                status = server.call("GET", f"{PATHS[kind]}/{identifier}").status
                findings.check(status == 200, f"{identifier} was answered and is gone ({status})")
        self.created = {identifier: name for identifier, name in self.created.items() if identifier.startswith("agt")}
        findings.check(set(self.runs) <= set(shown), f"runs answered and gone: {sorted(set(self.runs) - set(shown))[:5]}")
        findings.check(set(shown) <= set(self.runs), f"runs nobody asked for: {sorted(set(shown) - set(self.runs))[:5]}")
        for identifier, run in shown.items():
            findings.check(run["status"] in FINAL, f"{identifier} is still {run['status']}, step {run['current_step']}")
            if identifier in self.verdicts:
                before = lasting(self.verdicts[identifier])
                findings.check(before == lasting(run), f"a verdict has changed: {before} became {lasting(run)}")
        for wire, digest in self.acknowledged.items():
            self._check_acknowledged(server, wire, digest, findings)
        self.acknowledged = {}
        for run in self.cancelled:
            kinds = [entry["kind"] for entry in server.everything(f"/v1/runs/{run}/timeline")]
            findings.check("accepted.cancel_requested" in kinds, f"the cancellation of {run} is not on the log: {kinds}")
        self.cancelled = set()
        findings.end()

    @staticmethod
    def _check_acknowledged(server, wire, digest, findings):
        run = wire.rsplit("-", 1)[0]
        entries = server.everything(f"/v1/runs/{run}/timeline")
        kind = "frame.backup_completed" if digest else "frame.job_update"
        there = [entry for entry in entries if entry["kind"] == kind and (not digest or digest in repr(entry))]
        findings.check(there, f"the acknowledged report of {wire} is not on the log: {[e['kind'] for e in entries]}")
        closed = [entry for entry in entries if entry["kind"] == "run.closed"]
        findings.check(len(closed) == 1, f"{run} has {len(closed)} verdicts")


def lasting(run):
    """What of a run must never change once it has its verdict."""
    return {name: run[name] for name in ("id", "status", "attempt", "sha256", "size_bytes", "s3_key", "evidence",
                                         "error_message", "finished_at")}
