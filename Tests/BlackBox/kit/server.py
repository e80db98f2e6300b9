"""A real `backupy serve` as a process of our own, and HTTP to it."""
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import time
import urllib.parse
import uuid

from .checks import Failure, eventually, expect, shorten

CODES = {
    401: ["AUTH_FAILED"], 403: ["PERMISSION_DENIED"], 404: ["RESOURCE_NOT_FOUND"], 409: ["CONFLICT"],
    412: ["PRECONDITION_FAILED"], 429: ["RATE_LIMITED"], 422: ["VALIDATION_ERROR"], 500: ["INTERNAL"],
    503: ["SERVICE_UNAVAILABLE"],
}


def clean_environment():
    return {name: value for name, value in os.environ.items() if not name.startswith(("BACKUPY", "BACKUP_"))}


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def text(self):
        return self.body.decode("utf-8", "replace")

    @property
    def json(self):
        try:
            return json.loads(self.body)
        except ValueError as error:
            raise Failure(f"the body of a {self.status} is no JSON: {shorten(self.text)}") from error

    def must_be_error(self, what, *statuses):
        if statuses and self.status not in statuses:
            raise Failure(f"{what}: wanted {statuses}, found {self.status} {shorten(self.text)}")
        error = self.json.get("error") if isinstance(self.json, dict) else None
        if not isinstance(error, dict) or sorted(error) != ["code", "details", "message", "trace_id"]:
            raise Failure(f"{what}: {self.status} without the shape of errors: {shorten(self.text)}")
        wrong = [name for name in ("code", "message", "trace_id") if not isinstance(error[name], str) or not error[name]]
        if wrong or not isinstance(error["details"], dict):
            raise Failure(f"{what}: wrong members {wrong} in {shorten(self.text)}")
        if error["code"] not in CODES.get(self.status, [error["code"]]):
            raise Failure(f"{what}: code {error['code']} with status {self.status}")
        return error

    def must_be(self, what, *statuses):
        if self.status not in statuses:
            raise Failure(f"{what}: wanted {statuses}, found {self.status} {shorten(self.text)}")
        return self


class Server:
    """One data directory, and the process that serves it; may be started again."""

    def __init__(self, binary, directory, planted, port=0):
        """`port` 0: another one at each start."""
        self.binary, self.directory, self.planted, self.fixed_port = binary, directory, planted, port
        self.data = os.path.join(directory, "data")
        os.makedirs(directory, exist_ok=True)
        self.environment = clean_environment()
        self.process = None
        self.start_seconds = 60
        self.outputs = []
        self.served = None
        self.is_told = True  # whether the last process was told to end, or was expected to
        self.deaths = []  # texts about those that ended by themselves
        self.tls = None  # an ssl.SSLContext when it is served with TLS

    def spawn(self, *arguments, environment=None):
        """A process with its outputs in files; whoever asks for it waits for it."""
        number = len(self.outputs)
        paths = [os.path.join(self.directory, f"{name}.{number}") for name in ("stdout", "stderr")]
        self.outputs.append(paths)
        with open(paths[0], "wb") as out, open(paths[1], "wb") as err:
            return subprocess.Popen(
                [self.binary, *arguments], stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                env=self.environment | (environment or {}))

    def begin(self, *arguments):
        """Starts without waiting until it is ready."""
        self.note_death()
        self.is_told = False
        self.process = self.spawn("serve", "--data", self.data, "--listen", f"127.0.0.1:{self.fixed_port}", *arguments)
        self.served = self.outputs[-1]

    def start(self, *arguments):
        self.begin(*arguments)
        line = eventually(self._first_line, "the server is ready", self.start_seconds, 0.05)
        scheme = "https" if self.tls else "http"
        expect(line.startswith(f"ready at {scheme}://127.0.0.1:"),
               f"the first line is {line!r}, the exit code {self.process.poll()}: {self.errors()[-1500:]}")
        self.url = line.split(" ")[2].strip()
        self.port = urllib.parse.urlsplit(self.url).port
        with open(os.path.join(self.data, "admin.token"), encoding="ascii") as file:
            self.token = file.read().strip()
        return self

    def _first_line(self):
        """Also what stands there when there will be no whole line any more."""
        has_ended = self.process.poll() is not None
        with open(self.served[0], encoding="utf-8") as file:
            line = file.readline()
        return line if line.endswith("\n") else "no line" if has_ended else None

    def errors(self):
        """What the process that serves, or did last, has said; commands beside it write elsewhere."""
        with open(self.served[1], encoding="utf-8", errors="replace") as file:
            return file.read()

    @property
    def is_alive(self):
        return self.process is not None and self.process.poll() is None

    def must_live(self):
        if not self.is_alive:
            raise Failure(f"the server has died with {self.process.returncode}: {self.errors()[-1500:]}")
        self.call("GET", "/readyz").must_be("readyz", 200)

    def note_death(self):
        """Keeps that the process has ended by itself, unless a scenario said that it would."""
        if not self.is_told and not self.is_alive:
            name = os.path.basename(self.directory)
            self.deaths.append(f"{name} has ended by itself with {self.process.returncode}: {self.errors()[-1500:]}")
            self.is_told = True

    def wait_end(self, seconds=20):
        """Waits until the process ends by itself, as the scenario expects; the exit code."""
        self.is_told = True
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise Failure(f"the server has not ended by itself within {seconds} s") from None

    def traps(self):
        """What processes of ours, servers and commands alike, said when Swift's own checks ended them, or a signal did."""
        found = []
        for _, path in self.outputs:
            with open(path, encoding="utf-8", errors="replace") as file:
                text = file.read()
            trap = re.search("Fatal error|Program crashed", text)
            if trap:
                found.append(f"{path}: {text[trap.start():][:800]}")
        return found

    def kill(self):
        self.note_death()
        self.is_told = True
        if self.process is not None:
            self.process.kill()
            self.process.wait(20)

    def stop(self, seconds=15):
        """SIGTERM; the exit code."""
        if not self.is_alive:
            self.note_death()
            return None
        self.is_told = True
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise Failure(f"SIGTERM: still there after {seconds} s") from None

    def command(self, *arguments, seconds=120, environment=None):
        """Runs another command; its exit code and what it printed on both outputs."""
        process = self.spawn(*arguments, environment=environment)
        try:
            code = process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(20)
            raise Failure(f"{' '.join(arguments)}: still running after {seconds} s") from None
        texts = []
        for path in self.outputs[-1]:
            with open(path, encoding="utf-8", errors="replace") as file:
                texts.append(file.read())
        return code, *texts

    def request(self, method, path, body=None, headers=(), seconds=30):
        """One request over a connection of its own. Connection errors are passed on."""
        if self.tls:
            connection = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=seconds, context=self.tls)
        else:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=seconds)
        try:
            connection.putrequest(method, path, skip_accept_encoding=True)
            for name, value in headers:
                connection.putheader(name, value)
            if body is not None:
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders()
            if body:
                try:
                    connection.send(body)
                except (BrokenPipeError, ConnectionResetError):
                    pass  # it may refuse before it has read all, and says so
            answer = connection.getresponse()
            return Answer(answer.status, {n.lower(): v for n, v in answer.getheaders()}, answer.read())
        except http.client.HTTPException as error:
            raise ConnectionError(f"{method} {shorten(path, 80)}: {type(error).__name__} {error}") from error
        finally:
            connection.close()

    def call(self, method, path, body=None, key=None, token=None, raw=None, headers=(), patient=True):
        """A REST request with the token. `body` is sent as JSON. Every error must have the shape of errors.

        What waits (429), and what is done but cannot be read yet (503), is repeated as the server says, under one key."""
        if patient and not key and method not in ("GET", "HEAD") and "idempotency-key" not in (n.lower() for n, _ in headers):
            key = f"call-{uuid.uuid4()}"
        fields = [("Authorization", f"Bearer {self.token if token is None else token}")] if token != "" else []
        fields += [("Idempotency-Key", key)] if key else []
        data = raw if raw is not None else None if body is None else json.dumps(body).encode()
        fields += [("Content-Type", "application/json")] if data is not None else []
        fields += headers
        deadline = time.monotonic() + 60
        while True:
            answer = self.request(method, path, data, fields)
            is_behind = answer.status == 503 and b"reading is behind" in answer.body
            if (answer.status == 429 or is_behind) and patient and time.monotonic() < deadline:
                time.sleep(min(5, float(answer.headers.get("retry-after", 1))) / 2)
                continue
            break
        if answer.status >= 400 and method != "HEAD":
            answer.must_be_error(f"{method} {shorten(path, 80)}")
        return answer

    def make(self, path, body=None, key=None):
        """A POST that must be done; what it answers."""
        return self.call("POST", path, body if body is not None else {}, key).must_be(f"POST {path}", 200, 201, 202).json

    def show(self, path):
        return self.call("GET", path).must_be(f"GET {path}", 200).json

    def everything(self, path, limit=100):
        """All items of a list, page by page."""
        items, cursor, pages = [], None, 0
        separator = "&" if "?" in path else "?"
        while True:
            page = self.show(f"{path}{separator}limit={limit}" + (f"&cursor={urllib.parse.quote(cursor)}" if cursor else ""))
            expect(len(page["items"]) <= limit, f"{path}: {len(page['items'])} items on a page of {limit}")
            expect(page["has_more"] == (page["next_cursor"] is not None), f"{path}: has_more and next_cursor differ")
            items += page["items"]
            cursor, pages = page["next_cursor"], pages + 1
            if not page["has_more"]:
                return items
            expect(pages < 2000, f"{path}: pages without end")

    def raw(self, data, seconds=15):
        """Bytes as they are to the server's port; what comes back until it closes or falls silent."""
        return self.raw_until_end(data, seconds)[0]

    def raw_until_end(self, data, seconds):
        """What comes back, and whether the server has ended the connection."""
        answer, has_ended = b"", True
        with socket.create_connection(("127.0.0.1", self.port), seconds) as connection:
            try:
                connection.sendall(data)
                while True:
                    piece = connection.recv(65536)
                    if not piece:
                        break
                    answer += piece
            except TimeoutError:
                has_ended = False
            except ConnectionError:
                pass
        return answer, has_ended
