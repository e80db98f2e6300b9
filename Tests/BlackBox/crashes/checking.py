"""What is looked at once a run is a success, and once all is at rest."""
import collections
import hashlib
import os
import re
import threading

from kit.checks import Findings, equal, eventually, expect

#: What may make a run of a sound database fail while processes are killed.
EXCUSES = re.compile(r"interrupted: |upload: pipeline: |the order |dump: no luck|$")


class Checker:
    """Decrypts each new success, holds it against its source, and deletes most of the objects."""

    def __init__(self, stage):
        self.stage, self.lock, self.queue = stage, threading.Lock(), collections.deque()
        self.rng = stage.dice("checker")
        self.busy = False

    def take(self, run):
        with self.lock:
            self.queue.append(run)
            self.stage.memory.unchecked_count = len(self.queue)

    @property
    def is_done(self):
        with self.lock:
            return not self.queue and not self.busy

    def work(self):
        with self.lock:
            if not self.queue:
                return
            run = self.queue.popleft()
            self.stage.memory.unchecked_count = len(self.queue)
            self.busy = True
        try:
            self.check(run)
            self.stage.counts["successes checked"] += 1
            if self.rng.random() < 0.8:
                self._delete(run["id"])
        finally:
            self.busy = False

    def _delete(self, run):
        # The id of a request that got no answer: a second one may find that the first was heard.
        self.stage.insistent.ask("DELETE", f"/v1/runs/{run}", also=(409,))
        with self.stage.memory.lock:
            self.stage.memory.deleted.add(run)

    def check(self, run):
        path = self.path(run)
        source = self.stage.sources.get(run["job_id"])
        if source is None:
            digests = [peer.blobs.get(f"{run['id']}-{run['attempt']}") for peer in self.stage.peers]
            equal([digest for digest in digests if digest], [run["sha256"]], f"{run['id']}: what was uploaded")
            equal(self._sha256(path), run["sha256"], f"{run['id']}: what the store has")
            return
        expect(not self.stage.search.holds(path), f"{path} holds rows in plaintext")
        copy = os.path.join(self.stage.root, "copies", run["id"])
        os.makedirs(os.path.dirname(copy), exist_ok=True)
        key = ["--recovery-key", os.path.join(self.stage.server.data, "recovery.key")]
        try:
            self.stage.run("decrypt", *key, "--in", path, "--out", copy)
            source.check(copy, self.stage.memory.runs[run["id"]].source_moment)
            if self.stage.counts["successes checked"] < 3:
                # A search that finds nothing proves nothing: this one finds rows, also within what is only compressed.
                expect(self.stage.search.holds(copy), "the search does not find the marker in a database")
                os.unlink(copy)
                self.stage.run("decrypt", *key, "--in", path, "--out", copy, "--skip-decompress")
                expect(self.stage.search.holds(copy), "the search does not find the marker in a zstd stream")
        finally:
            if os.path.exists(copy):
                os.unlink(copy)

    def _sha256(self, path):
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def path(self, run):
        return os.path.join(self.stage.server.data, "objects", run["s3_key"])


def at_rest(stage):
    """Everything that must hold when nothing is under way any more. The server and the agents run."""
    server, memory = stage.server, stage.memory
    shown = {run["id"]: run for run in server.everything("/v1/runs")}
    memory.check(server, shown)
    findings = Findings()
    ours = [run for run in shown.values() if run["job_id"] in stage.sources]
    for run in shown.values():
        excuse = (run["error_message"] or "") if run["status"] == "failed" else ""
        findings.check(EXCUSES.match(excuse), f"{run['id']} failed: {excuse}")
    findings.run("agents of ours", lambda: nothing_journaled_is_lost(stage, ours))
    for name, count in collections.Counter(
            ("at ours: " if run in ours else "at peers: ") + run["status"] for run in shown.values()).items():
        stage.counts[f"runs {name}"] = count
    findings.run("objects", lambda: objects_are_accounted_for(stage, shown))
    for agent in stage.agents:
        findings.run(agent.name, lambda agent=agent: eventually(
            lambda: not os.listdir(agent.staging), f"the staging area is empty: {os.listdir(agent.staging)}", 20))
    findings.check(not os.listdir(os.path.join(server.data, "objects", ".incoming")), "uploads are left behind")
    findings.run("hooks", lambda: eventually(lambda: hooks_are_paired(stage), "each pre-hook has its post-hook", 20))
    findings.end()


def nothing_journaled_is_lost(stage, ours):
    """What an agent of ours has taken on is reported by itself, through as many restarts as it takes. Lost is only an
    order that was still on its way when the agent was killed; its journal does not know it."""
    findings = Findings()
    told = {agent.id: stage.run("log", "tail", "-n", "10000000", "--data", agent.state) for agent in stage.agents}
    for run in ours:
        evidence = run["evidence"]
        if run["status"] == "success":
            findings.check(evidence["digest"] == "store", f"{run['id']} is a success without its report: {evidence}")
        if run["status"] == "lost":
            wire = f"run/{run['id']}-{run['attempt']} "
            findings.check(wire not in told[run["agent_id"]], f"{run['id']} was journaled, and is lost")
    findings.end()


def hooks_are_paired(stage):
    with open(stage.hooks, encoding="ascii") as file:
        counts = collections.Counter(file.read().splitlines())
    for agent in stage.agents:
        expect(counts[f"post {agent.name}"] >= counts[f"pre {agent.name}"], f"hooks: {counts}")
    return True


def objects_are_accounted_for(stage, shown):
    """Each object belongs to a run on the log; each success has its own, unless that was deleted on request."""
    findings = Findings()
    root = os.path.join(stage.server.data, "objects")
    eventually(lambda: not [run for run in stage.memory.deleted if os.path.exists(stage.checker.path(shown[run]))],
               "objects that were to be deleted have gone", 30)
    for run in shown.values():
        if run["status"] == "success" and run["id"] not in stage.memory.deleted:
            path = stage.checker.path(run)
            findings.check(os.path.exists(path), f"{run['id']}: {path} is missing")
            findings.check(os.path.exists(path + ".key"), f"{run['id']}: {path}.key is missing")
    for folder, _, names in os.walk(root):
        for name in names:
            path = os.path.relpath(os.path.join(folder, name), root)
            known = re.search(r"run_[0-9A-Za-z]{11}", path)
            findings.check(known and known.group() in shown, f"{path} belongs to no run")
    findings.end()


def stopped(stage, everything):
    """All processes end politely; logs are sound, decide the same again, and hold no secret and no row."""
    for agent in stage.agents:
        agent.stop()
    equal(stage.server.stop(), 0, "exit code after SIGTERM")
    stage.end_verifying()
    stage.run("log", "verify", "--data", stage.server.data)
    stage.run("replay", "--check", stage.server.data)
    for agent in stage.agents:
        stage.run("log", "verify", "--data", agent.state)
    stage.must_hold_no_plaintext([stage.server.data, stage.server.directory], [agent.directory for agent in stage.agents])
    if everything:
        found = stage.search.find("/tmp", "/var/tmp", apart=(stage.root,))
        expect(not found, f"rows of a database in plaintext in {found}")
