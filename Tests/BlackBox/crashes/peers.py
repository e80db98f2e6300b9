"""An agent without a journal, as the reference agent is one: what it was told is only in its memory."""
import hashlib
import threading
import time

from kit.agent import Agent
from kit.checks import Failure
from kit.websocket import Closed, Refused


class Peer(threading.Thread):
    """Connects again and again, uploads what it is asked for, and reports it once; where reports are acknowledged
    (`extensions`), until they are."""

    def __init__(self, server, memory, name, rng, extensions=None):
        super().__init__(name=name, daemon=True)
        self.agent = Agent(server, name)
        self.agent.extensions = extensions
        self.server, self.memory, self.rng = server, memory, rng
        self.is_insistent = extensions is not None
        self.ending = threading.Event()
        self.unsent = []  # (kind, values): not written to any connection
        self.unconfirmed = {}  # wire run id: (kind, values)
        self.blobs = {}  # wire run id: SHA-256 of what the store answered 200 for

    def run(self):
        while not self.ending.is_set():
            start = len(self.agent.received)
            try:
                self.agent.connect()
            except (OSError, Failure, Refused, Closed):
                self.agent.leave()
                self.ending.wait(0.1 + self.rng.random() / 2)
                continue
            try:
                self._talk(start)
            except OSError:
                pass
            except Exception as error:
                self.memory.problem(f"{self.name}: {type(error).__name__} {error}")
            self.agent.leave()
            with self.agent.news:
                self.agent.received.clear()

    def _talk(self, place):
        waiting, self.unsent = self.unsent + list(self.unconfirmed.values()), []
        for kind, values in waiting:
            self._report(kind, values)
        heartbeat = time.monotonic()
        while not self.ending.is_set():
            with self.agent.news:
                if len(self.agent.received) == place and self.agent.closed is None:
                    self.agent.news.wait(0.5)
                if len(self.agent.received) == place and self.agent.closed is not None:
                    return
                news, place = self.agent.received[place:], len(self.agent.received)
            for _, kind, payload, _ in news:
                if kind == "run_backup":
                    # Counted before anything else happens to it.
                    self.memory.note_order(payload["run_id"], self.name)
            for _, kind, payload, _ in news:
                if kind == "run_backup":
                    self._work(payload)
                elif kind == "report_acknowledged":
                    report = self.unconfirmed.pop(payload["run_id"], None)
                    if report:
                        with self.memory.lock:
                            self.memory.acknowledged[payload["run_id"]] = report[1].get("sha256")
            if time.monotonic() - heartbeat > 20:
                heartbeat = time.monotonic()
                self.agent.send("heartbeat", {"config_version": 1})
            if self.rng.random() < 0.01:
                return  # its network is gone

    def _work(self, order):
        choice = self.rng.random()
        if choice < 0.15:
            return self._report("job_update", {
                "job_id": order["job_id"], "run_id": order["run_id"], "status": 4, "error_message": "dump: no luck"})
        self._report("job_update", {
            "job_id": order["job_id"], "run_id": order["run_id"], "status": 2, "progress_percent": 10,
            "current_step": "dump"}, is_final=False)
        blob = self.rng.randbytes(self.rng.randrange(1_000, 300_000))
        status = self._upload(order, blob)
        if status == 200:
            self.blobs[order["run_id"]] = hashlib.sha256(blob).hexdigest()
        if status in (200, 409):  # 409: its object was looked at already, and takes no other content
            self._report("backup_completed", self.agent.completion(order, blob))

    def _upload(self, order, blob):
        for _ in range(400):
            try:
                answer = self.agent.upload(order, blob)
                if answer.status in (200, 409):
                    return answer.status
                if answer.status not in (500, 503):
                    self.memory.problem(f"{self.name}: PUT for {order['run_id']}: {answer.status} {answer.text[:200]}")
                    return answer.status
            except OSError:
                pass
            if self.ending.wait(0.05):
                break
        return 0

    def _report(self, kind, values, is_final=True):
        if is_final and self.is_insistent:
            self.unconfirmed[values["run_id"]] = (kind, values)
        try:
            self.agent.send(kind, values)
        except OSError:
            if is_final and not self.is_insistent:
                self.unsent.append((kind, values))
            raise

    def stop(self):
        self.ending.set()
        self.join(30)
