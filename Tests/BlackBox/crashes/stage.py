"""The stage: one server, two agents of ours with real databases, agents without a journal, and those who ask."""
import collections
import json
import os
import random
import subprocess
import threading
import time

from kit.checks import Failure, eventually, expect
from kit.server import Server, clean_environment

from .asking import Clerk, Insistent, Requester, Worker
from .checking import Checker
from .memory import Memory
from .moments import Moments
from .peers import Peer
from .processes import AgentProcess, Search, free_port
from .sources import Busy, Still

PEERS = (("plain-1", None), ("plain-2", None), ("confirmed-1", "report-ack"), ("confirmed-2", "report-ack"))


class Broken(Exception):
    """What must not happen has happened; a wait for something else ends."""


class Stage:
    def __init__(self, binary, root, planted, seed):
        self.root, self.planted, self.seed = root, planted, seed
        self.memory, self.ending = Memory(), threading.Event()
        self.rng, self.watching = self.dice("schedule"), self.dice("watching")
        self.marker = self.dice("marker").randbytes(24)
        self.search = Search(self.marker, time.time_ns())
        self.server = Server(binary, os.path.join(root, "server"), planted, free_port())
        self.server.start_seconds = 300  # a debug build folds a long log, on a machine that may be busy
        self.agents, self.peers, self.workers, self.sources = [], [], [], {}
        self.counts, self.met = collections.Counter(), collections.defaultdict(list)
        self.verifying = None
        self.hooks = os.path.join(root, "hooks")
        open(self.hooks, "wb").close()

    def dice(self, name):
        return random.Random(f"{self.seed} {name}")

    # Setting up

    def begin(self):
        self.server.start()
        folder = os.path.join(self.root, "databases")
        os.makedirs(folder)
        for number, kinds in enumerate((((Still, 6_000), (Busy, 1_500)), ((Still, 200), (Busy, 4_000)))):
            agent = self._agent(number)
            for kind, rows in kinds:
                path = os.path.join(folder, f"{agent.name}-{kind.__name__}.db")
                self._job(agent, path, kind(path, self.marker, self.dice(path), rows))
        for name, extensions in PEERS:
            peer = Peer(self.server, self.memory, name, self.dice(name), extensions)
            self._widen(peer.agent.id)
            job = peer.agent.add_job()
            self.peers.append(peer)
            self._worker(f"requester of {name}", 0.5, Requester(self.insistent, self.memory, job, self.dice(job), 3).work)
        for number in range(2):
            self._worker(f"clerk {number}", 0.4, Clerk(self.insistent, self.memory, number, self.planted).work)
        self.checker = Checker(self)
        self._worker("checker", 0.05, self.checker.work)
        self._worker("watcher", 0.2, self.watch)
        for each in self.agents:
            each.begin()
        for each in self.peers + self.workers:
            each.start()

    @property
    def insistent(self):
        return Insistent(self.server, self.memory, self.ending)

    def _agent(self, number):
        made = self.server.make("/v1/agents", {"name": f"ours-{number}"})
        self.planted.add("agent key", made["key"])
        agent = AgentProcess(self.server, f"ours-{number}", os.path.join(self.root, f"agent-{number}"), made["key"])
        agent.id = made["id"]
        self._widen(agent.id)
        self.agents.append(agent)
        return agent

    def _widen(self, agent):
        """Runs that wait for their grace hold a slot, and each restart of the server begins the grace anew."""
        self.server.call("PATCH", f"/v1/agents/{agent}/config", {"advanced": {"max_parallel_jobs": 64}}).must_be("PATCH config", 200)

    def _job(self, agent, path, source):
        body = {"type": "sqlite", "display_name": os.path.basename(path), "connection": {"database": path}}
        target = self.server.make(f"/v1/agents/{agent.id}/targets", body)["id"]
        job = self.server.make(f"/v1/agents/{agent.id}/jobs", {
            "target_id": target, "pre_hooks": [f"echo pre {agent.name} >>{self.hooks}"],
            "post_hooks": [f"echo post {agent.name} >>{self.hooks}"]})["id"]
        self.sources[job] = source
        self._worker(f"requester of {path}", 0.4, Requester(
            self.insistent, self.memory, job, self.dice(job), 2, source).work)

    def _worker(self, name, pause, body):
        self.workers.append(Worker(name, self.memory, self.ending, pause, body))

    # Watching

    def watch(self):
        """Looks at the newest runs, and at some of those that have been open for long."""
        newest = self.insistent.ask("GET", "/v1/runs?limit=100").json["items"]
        seen = {run["id"] for run in newest}
        with self.memory.lock:
            older = [run for run in self.memory.runs if run not in seen and run not in self.memory.verdicts]
        older = [self.insistent.ask("GET", f"/v1/runs/{run}").json for run in self.watching.sample(older, min(5, len(older)))]
        for run in newest + older:
            if self.memory.note_shown(run) and run["status"] == "success":
                self.checker.take(run)

    def must_be_well(self):
        if self.memory.problems:
            raise Failure("\n      ".join(self.memory.problems[:10]))
        for agent in self.agents:
            agent.must_live()
        if not self.server.is_alive:
            raise Failure(f"the server has died with {self.server.process.returncode}: {self.server.errors()[-1500:]}")

    # Killing

    def kill_once(self, name=None, patience=1):
        """One kill, with all that is looked at while the victims lie there. Unless it is named, the schedule has the
        moment; with patience it is waited for again, until even the graces that former kills left have run out."""
        moments = Moments(self, self.rng)
        name = name or self.rng.choice(Moments.ALL)
        victims = self.rng.choice((["server"], ["agent"], ["server"], ["agent"], ["server", "agent"]))
        number = self.rng.randrange(len(self.agents))
        starting_pause = self.rng.uniform(0, 0.5)
        came = name == "starting" or any(getattr(moments, name)() for _ in range(patience))
        self.must_be_well()
        chosen = [self.server if victim == "server" else self.agents[number] for victim in victims]
        for each in chosen:
            each.kill()
        if name == "starting":
            for each in chosen:
                each.begin()
            time.sleep(starting_pause)
            for each in chosen:
                each.kill()
        self.counts[f"{name}, {' and '.join(victims)}" + ("" if came else ", moment missed")] += 1
        self.met[name].append(came)
        self.must_hold_no_plaintext([self.server.data] if "server" in victims else [], [self.agents[number].directory])
        if "server" in victims:
            self.server.start()
        if "agent" in victims:
            self.agents[number].begin()

    def always_missed(self):
        """Kinds of moments that were waited for and never came: nothing was ever killed in one."""
        return sorted(name for name, met in self.met.items() if not any(met))

    def must_hold_no_plaintext(self, *groups):
        found = self.search.find(*[folder for group in groups for folder in group])
        if found:
            raise Failure(f"rows of a database in plaintext in {found}")

    def verify_beside(self):
        """Begins to verify the log beside the running server; the result of the last time is looked at first."""
        self.end_verifying()
        self.verifying = subprocess.Popen(
            [self.server.binary, "log", "verify", "--data", self.server.data], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=clean_environment())

    def end_verifying(self):
        if self.verifying is not None:
            text = self.verifying.communicate(timeout=300)[0].decode("utf-8", "replace")
            expect(self.verifying.returncode == 0, f"log verify: exit {self.verifying.returncode}: {text[-600:]}")
            self.counts["log verify beside the server, sound"] += 1
            self.verifying = None

    def run(self, *arguments, folder=None):
        done = subprocess.run([self.server.binary, *arguments], stdin=subprocess.DEVNULL, capture_output=True, timeout=600,
                              env=clean_environment(), cwd=folder, text=True)
        expect(done.returncode == 0, f"backupy {' '.join(arguments)}: exit {done.returncode}: {done.stderr[-600:]}")
        return json.loads(done.stdout) if "--json" in arguments else done.stdout

    # Coming to rest

    def rest(self):
        """No new requests; every run that is open comes to its end."""
        for worker in self.workers:
            if worker.name.startswith(("requester", "clerk")):
                worker.rest()
        eventually(self._is_quiet, "every run has its verdict", 600, 0.5)
        eventually(lambda: self.checker.is_done, "every success is checked", 600, 0.5)
        for worker in self.workers:
            worker.rest()
        self.must_be_well()

    def _is_quiet(self):
        if self.memory.problems:
            raise Broken("\n      ".join(self.memory.problems[:10]))
        open_runs = sorted(set(self.memory.runs) - set(self.memory.verdicts))
        expect(not open_runs, f"{len(open_runs)} runs are open: {open_runs[:5]}")
        return True

    def resume(self):
        for worker in self.workers:
            worker.resume()

    def end(self):
        self.ending.set()
        for peer in self.peers:
            peer.ending.set()
        for agent in self.agents:
            if agent.process is not None:
                agent.kill()
        self.server.kill()
        if self.verifying is not None:
            self.verifying.kill()
            self.verifying.communicate()
        for source in self.sources.values():
            source.stop()
