"""A WebSocket client (RFC 6455) that can also do what a client must not."""
import base64
import hashlib
import os
import select
import socket
import ssl
import struct
import threading
import time

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10


class Refused(Exception):
    """The answer to the upgrade was no 101."""

    def __init__(self, status, headers, body):
        super().__init__(f"HTTP {status}")
        self.status, self.headers, self.body = status, headers, body


class Closed(Exception):
    """The connection has ended: with the code of a close frame, or 1006 where none came."""

    def __init__(self, code, reason=""):
        super().__init__(f"closed {code} {reason}")
        self.code, self.reason = code, reason


def read_head(connection):
    """Status, headers (names in lower case) and what came behind them."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(65536)
        if not piece:
            break
        data += piece
    head, _, rest = data.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    parts = lines[0].split(" ", 2)
    status = int(parts[1]) if len(parts) > 1 and parts[1].isdigit() else 0
    headers = {}
    for line in lines[1:]:
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    return status, headers, rest


class Sealed:
    """A TLS connection that one thread reads while another one writes: OpenSSL allows only one of them at a time, and
    Python 3.11 lets both in."""

    def __init__(self, connection):
        self.connection, self.timeout = connection, connection.gettimeout()
        self.lock = threading.Lock()
        connection.setblocking(False)

    def settimeout(self, seconds):
        self.timeout = seconds

    def recv(self, count):
        return self._patiently(lambda: self.connection.recv(count))

    def sendall(self, data):
        rest = memoryview(data)
        while rest:
            rest = rest[self._patiently(lambda: self.connection.send(rest)):]

    def _patiently(self, act):
        deadline = None if self.timeout is None else time.monotonic() + self.timeout
        while True:
            with self.lock:
                try:
                    return act()
                except (ssl.SSLWantReadError, BlockingIOError):
                    wanted = select.POLLIN
                except ssl.SSLWantWriteError:
                    wanted = select.POLLOUT
                poll = select.poll()
                poll.register(self.connection, wanted)
            left = None if deadline is None else max(0, deadline - time.monotonic()) * 1_000
            if not poll.poll(left):
                raise TimeoutError("timed out")

    def setsockopt(self, *arguments):
        self.connection.setsockopt(*arguments)

    def shutdown(self, how):
        with self.lock:
            self.connection.shutdown(how)

    def close(self):
        with self.lock:
            self.connection.close()


class WebSocket:
    def __init__(self, host, port, path, headers=(), timeout=20, upgrade="websocket", version="13", key=None,
                 method="GET", tls=None):
        nonce = base64.b64encode(os.urandom(16)).decode() if key is None else key
        lines = [f"{method} {path} HTTP/1.1", f"Host: {host}:{port}", f"Upgrade: {upgrade}", "Connection: Upgrade"]
        lines += [f"Sec-WebSocket-Key: {nonce}"] if nonce else []
        lines += [f"Sec-WebSocket-Version: {version}"] if version else []
        lines += [f"{name}: {value}" for name, value in headers]
        self.socket = socket.create_connection((host, port), timeout)
        if tls:
            self.socket = Sealed(tls.wrap_socket(self.socket, server_hostname=host))
        self.timeout = timeout
        self.buffer = b""
        try:
            self.socket.sendall(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"))
            status, answer, rest = read_head(self.socket)
            if status != 101:
                raise Refused(status, answer, self._body(answer, rest))
            proof = base64.b64encode(hashlib.sha1(nonce.encode() + GUID).digest()).decode()
            if answer.get("sec-websocket-accept") != proof:
                raise Refused(status, answer, b"wrong Sec-WebSocket-Accept")
        except BaseException:
            self.socket.close()
            raise
        self.answer = answer
        self.buffer = rest
        self.pongs = []

    def _body(self, headers, rest):
        wanted = int(headers.get("content-length", 0))
        while len(rest) < wanted:
            piece = self.socket.recv(65536)
            if not piece:
                break
            rest += piece
        return rest

    def send(self, payload, opcode=BINARY, fin=True, mask=True, reserved=0):
        self.send_raw(frame(payload, opcode, fin, mask, reserved))

    def send_raw(self, data):
        self.socket.sendall(data)

    def receive(self, timeout=None):
        """The next text or binary message. Answers pings. Raises Closed, or TimeoutError."""
        self.socket.settimeout(self.timeout if timeout is None else timeout)
        kind, message = None, b""
        while True:
            fin, opcode, payload = self._frame()
            if opcode == CLOSE:
                code = struct.unpack(">H", payload[:2])[0] if len(payload) >= 2 else 1005
                self._quietly(frame(payload[:2], CLOSE))
                raise Closed(code, payload[2:].decode("utf-8", "replace"))
            if opcode == PING:
                self._quietly(frame(payload, PONG))
            elif opcode == PONG:
                self.pongs.append(payload)
            else:
                kind = opcode if opcode != CONTINUATION else kind
                message += payload
                if fin:
                    return kind, message

    def _frame(self):
        first, second = self._take(2)
        if second & 0x80:
            raise Closed(1002, "the server masks its frames")
        count = second & 0x7F
        if count == 126:
            count = struct.unpack(">H", self._take(2))[0]
        elif count == 127:
            count = struct.unpack(">Q", self._take(8))[0]
        return first & 0x80 != 0, first & 0x0F, self._take(count)

    def _take(self, count):
        while len(self.buffer) < count:
            try:
                piece = self.socket.recv(262144)
            except ConnectionError as error:
                raise Closed(1006, str(error)) from error
            if not piece:
                raise Closed(1006, "no close frame")
            self.buffer += piece
        taken, self.buffer = self.buffer[:count], self.buffer[count:]
        return taken

    def _quietly(self, data):
        try:
            self.socket.sendall(data)
        except OSError:
            pass

    def close(self, code=1000):
        self._quietly(frame(struct.pack(">H", code), CLOSE))
        self.drop()

    def drop(self, reset=False):
        """Goes without a close frame; with `reset`, without a FIN either. Nobody else may be reading."""
        self.stop_reading(reset)
        self.socket.close()

    def stop_reading(self, reset=False):
        """Wakes whoever reads, before the socket may be closed: its number can be another socket's a moment later."""
        try:
            if reset:
                self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            # Of the two directions, only the end of sending would be noticed by the server.
            self.socket.shutdown(socket.SHUT_RD if reset else socket.SHUT_RDWR)
        except OSError:
            pass


def frame(payload, opcode=BINARY, fin=True, mask=True, reserved=0):
    head = bytes([(0x80 if fin else 0) | reserved << 4 | opcode])
    bit = 0x80 if mask else 0
    if len(payload) < 126:
        head += bytes([bit | len(payload)])
    elif len(payload) < 65536:
        head += bytes([bit | 126]) + struct.pack(">H", len(payload))
    else:
        head += bytes([bit | 127]) + struct.pack(">Q", len(payload))
    if not mask:
        return head + payload
    key = os.urandom(4)
    return head + key + masked(payload, key)


def masked(payload, key):
    count = len(payload)
    stretched = (key * (count // 4 + 1))[:count]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(stretched, "big")).to_bytes(count, "big")
