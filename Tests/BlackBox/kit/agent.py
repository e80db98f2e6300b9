"""An agent as the protocol describes it, under the test's full control."""
import hashlib
import threading
import time
import urllib.parse

from . import protobuf
from .checks import Failure, eventually, expect
from .websocket import BINARY, Closed, WebSocket

FAILED, CANCELLED, RUNNING = 4, 5, 2


class Agent:
    """One key; connects as often as wanted. What arrives is kept in `received`: (when, kind, payload, envelope)."""

    def __init__(self, server, name="agent", key=None, identifier=None):
        self.server = server
        if key is None:
            made = server.make("/v1/agents", {"name": name})
            key, identifier = made["key"], made["id"]
            server.planted.add("agent key", key)
        self.key, self.id, self.name = key, identifier, name
        self.seq = 0
        self.received = []
        self.closed = None
        self.socket = None
        self.answers_pings = True
        self.extensions = None  # what it offers beyond v1, as the header has it
        self.news = threading.Condition()
        self.sending = threading.Lock()  # two threads send: numbers must go out in their order

    def dial(self, path="/v1/agents/connect", **options):
        headers = [("Authorization", f"Bearer {self.key}"), ("User-Agent", "Go-http-client/1.1")]
        headers += [("Backupy-Extensions", self.extensions)] if self.extensions else []
        self.closed = None
        self.socket = WebSocket("127.0.0.1", self.server.port, path, headers, tls=self.server.tls, **options)
        self.socket.socket.settimeout(120)
        self.reader = threading.Thread(target=self._read, args=(self.socket,), daemon=True)
        self.reader.start()
        return self

    def connect(self, heartbeat=True, path="/v1/agents/connect", **register):
        """Dials, registers, and waits for the RegisterAck, which is returned."""
        start = len(self.received)
        self.dial(path)
        self.register(**register)
        answer = self.wait("register_ack", start=start)
        expect(self.received[start][1] == "register_ack", f"the first message is {self.received[start][1]}")
        if heartbeat:
            self.send("heartbeat", {"config_version": answer["config"]["version"]})
        return answer

    def register(self, **fields):
        values = {
            "agent_version": "v0.1.0", "hostname": f"host-of-{self.name}", "os": "linux", "arch": "amd64",
            "capabilities": ["pg_dump", "mysqldump", "docker_discovery"],
        }
        self.send("register", values | fields)

    def envelope(self, kind, values, seq=None, ts_ms=None, correlation_id=None):
        if seq is None:
            self.seq += 1
            seq = self.seq
        fields = {"seq": seq, "ts_ms": int(time.time() * 1000) if ts_ms is None else ts_ms, kind: values}
        if correlation_id:
            fields["correlation_id"] = correlation_id
        return protobuf.encode("Envelope", fields)

    def send(self, kind, values, **options):
        with self.sending:
            self.socket.send(self.envelope(kind, values, **options))

    def _read(self, connection):
        end = None
        while end is None:
            try:
                opcode, data = connection.receive(120)
                envelope = protobuf.decode("Envelope", data) if opcode == BINARY else {}
                kind, payload = protobuf.payload(envelope) if envelope else ("text", data)
            except Closed as closed:
                end = closed
                break
            except (OSError, ValueError) as error:
                end = Closed(1006, f"{type(error).__name__}: {error}")
                break
            if kind == "run_backup":
                self._plant(payload)
            with self.news:
                self.received.append((time.monotonic(), kind, payload, envelope))
                self.news.notify_all()
            if kind == "ping" and self.answers_pings:
                identifier = envelope["correlation_id"]
                try:
                    self.send("ack", {"correlation_id": identifier, "accepted": True}, correlation_id=identifier)
                except OSError:
                    pass
        with self.news:
            if connection is self.socket:
                self.closed = end
            self.news.notify_all()

    def _plant(self, order):
        self.server.planted.add("data key", order["encrypted_dek"])
        if order["upload_creds"]:
            for signature in signatures(order["upload_creds"]["presigned_put_url"]):
                self.server.planted.add("upload signature", signature)

    def wait(self, kind, seconds=30, start=0, which=lambda payload: True):
        """The first message of a kind that fits."""
        deadline = time.monotonic() + seconds
        with self.news:
            while True:
                for _, found, payload, _ in self.received[start:]:
                    if found == kind and which(payload):
                        return payload
                left = deadline - time.monotonic()
                if self.closed is not None or left <= 0:
                    kinds = [entry[1] for entry in self.received[start:]][-8:]
                    raise Failure(f"{self.name}: no {kind} within {seconds} s ({self.closed or 'open'}, got {kinds})")
                self.news.wait(left)

    def wait_closed(self, seconds=30):
        deadline = time.monotonic() + seconds
        with self.news:
            while self.closed is None:
                left = deadline - time.monotonic()
                if left <= 0:
                    raise Failure(f"{self.name}: still open after {seconds} s")
                self.news.wait(left)
            return self.closed

    def orders(self, run=None):
        """The RunBackups received, of one run or of all."""
        return [
            payload for _, kind, payload, _ in list(self.received)
            if kind == "run_backup" and (run is None or payload["run_id"].rsplit("-", 1)[0] == run)
        ]

    def leave(self, reset=False):
        if self.socket is not None:
            self.socket.stop_reading(reset)
            self.reader.join(10)
            self.socket.drop(reset)

    # Configuration

    def add_target(self, **fields):
        body = {"type": "sqlite", "display_name": "a target", "connection": {"database": "/tmp/no.db"}}
        return self.server.make(f"/v1/agents/{self.id}/targets", body | fields)["id"]

    def add_job(self, target=None, **fields):
        target = target or self.add_target()
        return self.server.make(f"/v1/agents/{self.id}/jobs", {"target_id": target} | fields)["id"]

    # Runs

    def order(self, job, seconds=30):
        """Asks for a run, and waits for its RunBackup."""
        run = self.server.make(f"/v1/jobs/{job}/run")["run_id"]
        return run, self.wait_order(run, seconds=seconds)

    def wait_order(self, run, attempt=None, seconds=30):
        def fits(order):
            identifier, _, number = order["run_id"].rpartition("-")
            return identifier == run and (attempt is None or number == str(attempt))
        return self.wait("run_backup", seconds, which=fits)

    def upload(self, order, blob, **options):
        return put(self.server, order["upload_creds"]["presigned_put_url"], blob, **options)

    def completion(self, order, blob, **changes):
        values = {
            "job_id": order["job_id"], "run_id": order["run_id"], "s3_key": order["upload_creds"]["final_s3_key"],
            "size_bytes": len(blob), "sha256": hashlib.sha256(blob).hexdigest(), "duration_ms": 1234,
            "encrypted_dek": order["encrypted_dek"], "compression": "zstd", "db_engine_version": "SQLite 3.40.1",
        }
        return values | changes

    def complete(self, order, blob, **changes):
        self.send("backup_completed", self.completion(order, blob, **changes))

    def fail(self, order, text, **options):
        values = {"job_id": order["job_id"], "run_id": order["run_id"], "status": FAILED, "error_message": text}
        self.send("job_update", values, **options)

    def back_up(self, job, blob):
        """One good run, to its success."""
        run, order = self.order(job)
        self.upload(order, blob).must_be("PUT", 200)
        self.complete(order, blob)
        return run, order, wait_run(self.server, run, "success")


def signatures(url):
    """What the query of a signed URL has that is long enough to be a signature."""
    query = urllib.parse.parse_qs(urllib.parse.urlsplit(url).query)
    return [values[0] for values in query.values() if len(values[0]) >= 32]


def local(url):
    parts = urllib.parse.urlsplit(url)
    return parts.path + ("?" + parts.query if parts.query else "")


def put(server, url, blob, headers=(("Content-Type", "application/octet-stream"),)):
    return server.request("PUT", local(url), blob, headers)


def wait_run(server, run, *statuses, seconds=40):
    """The run once it has one of the statuses; another final one is a failure."""
    final = {"success", "failed", "cancelled", "lost"}

    def look():
        found = server.show(f"/v1/runs/{run}")
        return found if found["status"] in statuses or found["status"] in final else None
    found = eventually(look, f"run {run} becomes {statuses}", seconds)
    if found["status"] not in statuses:
        raise Failure(f"run {run} wanted {statuses}, found {found}")
    return found
