"""People and scripts at work: they ask until they are answered, each request under one Idempotency-Key for ever."""
import threading
import time

from kit.checks import Failure

WORDS = {"POST": (200, 201, 202), "PATCH": (200,), "GET": (200,), "DELETE": (202,)}


class Gone(Exception):
    """The test ends; the answer is not waited for any longer."""


class Insistent:
    def __init__(self, server, memory, ending):
        self.server, self.memory, self.ending = server, memory, ending

    def ask(self, method, path, body=None, key=None, also=()):
        """The answer, once there is one: a connection that breaks and a 503 say nothing."""
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            try:
                answer = self.server.call(method, path, body, key)
                if answer.status in WORDS[method] or answer.status in also:
                    return answer
                if answer.status != 503:
                    raise Failure(f"{method} {path} under {key}: {answer.status} {answer.text[:300]}")
            except OSError:
                pass
            if self.ending.wait(0.03):
                raise Gone()
        raise Failure(f"{method} {path} under {key}: no answer in 120 s")

    def make(self, path, body, key):
        made = self.ask("POST", path, body, key).json
        return made.get("id") or made.get("run_id"), made


class Worker(threading.Thread):
    """Does one thing over and over, at about a pace, until it is stopped; may be paused."""

    def __init__(self, name, memory, ending, pause, body):
        super().__init__(name=name, daemon=True)
        self.memory, self.ending, self.pause, self.body = memory, ending, pause, body
        self.resting = threading.Event()
        self.is_idle = threading.Event()

    def run(self):
        while not self.ending.wait(self.pause):
            if self.resting.is_set():
                self.is_idle.set()
                continue
            self.is_idle.clear()
            try:
                self.body()
            except Gone:
                return
            except Failure as failure:
                self.memory.problem(f"{self.name}: {failure}")
            except Exception as error:
                self.memory.problem(f"{self.name}: {type(error).__name__} {error}")

    def rest(self):
        """Returns once what it is at has been done."""
        self.is_idle.clear()
        self.resting.set()
        if not self.is_idle.wait(150):
            raise Failure(f"{self.name} does not come to rest")

    def resume(self):
        self.resting.clear()


class Clerk:
    """Creates agents, targets and jobs that nobody will ever run, and changes them."""

    def __init__(self, insistent, memory, number, planted):
        self.insistent, self.memory, self.number, self.planted, self.count = insistent, memory, number, planted, 0

    def work(self):
        self.count += 1
        name = f"clerk-{self.number}-{self.count}"
        agent, made = self.insistent.make("/v1/agents", {"name": name}, name)
        if made.get("key"):
            self.planted.add("agent key", made["key"])
        password = f"Pa55word-of-{name}"
        self.planted.add("password", password)
        connection = {"database": "/x", "password_secret_ref": password}
        target, _ = self.insistent.make(
            f"/v1/agents/{agent}/targets", {"type": "sqlite", "display_name": name, "connection": connection}, name + "t")
        job, _ = self.insistent.make(f"/v1/agents/{agent}/jobs", {"target_id": target}, name + "j")
        self.insistent.ask("PATCH", f"/v1/targets/{target}", {"display_name": name + " changed"})
        with self.memory.lock:
            self.memory.created |= {agent: name, job: name}


class Requester:
    """Asks for runs of one job as its agent gets them done, and cancels a few."""

    def __init__(self, insistent, memory, job, rng, limit, source=None):
        self.insistent, self.memory, self.job, self.rng, self.limit = insistent, memory, job, rng, limit
        self.source, self.count = source, 0

    def work(self):
        # Nor faster than successes are checked.
        if self.memory.moving(self.job) >= self.limit or self.memory.unchecked_count > 20:
            return
        self.count += 1
        moment = self.source.now() if self.source else 0
        self.memory.asking.set()
        run, _ = self.insistent.make(f"/v1/jobs/{self.job}/run", {}, f"{self.job}-{self.count}")
        self.memory.note_run(run, self.job, moment)
        if self.rng.random() < 0.06:
            answer = self.insistent.ask("POST", f"/v1/runs/{run}/cancel", {}, f"cancel-{run}", also=(409, 412))
            if answer.status == 202:
                with self.memory.lock:
                    self.memory.cancelled.add(run)
