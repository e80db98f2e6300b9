#!/usr/bin/env python3
"""Holds 2 000 idle agents on loopback and measures what each gets, while the log is verified over and over beside the
server and people go on asking.

Each agent registers, sends a heartbeat every 30 s and answers pings, as the reference agent does; it must get a data
frame at least every 30 s. One thread holds them all. How long it once did not look is measured too, and taken off, so that
what is judged is the server and not this process.
"""
import argparse
import concurrent.futures
import heapq
import json
import os
import queue
import random
import selectors
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

from kit import protobuf  # noqa: E402
from kit.checks import Failure, expect  # noqa: E402
from kit.secrets import Planted  # noqa: E402
from kit.server import Server, clean_environment  # noqa: E402
from kit.websocket import frame, read_head  # noqa: E402

GAP_SECONDS = 30
HEARTBEAT_SECONDS = 30


class Idle:
    """One agent's connection, after its upgrade."""

    def __init__(self, port, key, now):
        self.socket = socket.create_connection(("127.0.0.1", port), 60)
        self.socket.sendall((
            f"GET /v1/agents/connect HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\nSec-WebSocket-Version: 13\r\nAuthorization: Bearer {key}\r\n"
            "\r\n").encode())
        status, _, self.buffer = read_head(self.socket)
        expect(status == 101, f"HTTP {status} instead of an upgrade")
        self.seq, self.last, self.worst, self.pings, self.is_welcome = 0, now, 0.0, 0, False
        self.send("register", {"agent_version": "v0.1.0", "hostname": "idle", "os": "linux", "arch": "amd64"})
        self.socket.setblocking(False)

    def send(self, kind, values, **more):
        self.seq += 1
        fields = {"seq": self.seq, "ts_ms": int(time.time() * 1000), kind: values} | more
        self.socket.sendall(frame(protobuf.encode("Envelope", fields)))

    def frames(self):
        """What is there to be read, as (opcode, payload)."""
        while True:
            try:
                piece = self.socket.recv(65536)
            except BlockingIOError:
                break
            if not piece:
                raise Failure("a connection was closed")
            self.buffer += piece
            if len(piece) < 65536:
                break
        while len(self.buffer) >= 2:
            count, head = self.buffer[1] & 0x7F, 2
            if count == 126:
                if len(self.buffer) < 4:
                    return
                count, head = struct.unpack(">H", self.buffer[2:4])[0], 4
            elif count == 127:
                raise Failure("a frame of 64 KiB or more to an idle agent")
            if len(self.buffer) < head + count:
                return
            opcode, payload = self.buffer[0] & 0x0F, self.buffer[head:head + count]
            self.buffer = self.buffer[head + count:]
            yield opcode, payload


class Crowd:
    """All of them, in one loop."""

    def __init__(self):
        self.selector, self.agents, self.due = selectors.DefaultSelector(), [], []
        self.new = queue.SimpleQueue()
        self.late, self.looked_at = 0.0, time.monotonic()

    def _add(self, idle):
        self.agents.append(idle)
        self.selector.register(idle.socket, selectors.EVENT_READ, idle)
        heapq.heappush(self.due, (time.monotonic() + 1 + random.random() * HEARTBEAT_SECONDS, len(self.agents) - 1))

    def run(self, seconds):
        """Holds them for so long."""
        end = time.monotonic() + seconds
        while (now := time.monotonic()) < end:
            while not self.new.empty():
                self._add(self.new.get())
            while self.due and self.due[0][0] <= now:
                at, number = heapq.heappop(self.due)
                self.agents[number].send("heartbeat", {"config_version": 1})
                heapq.heappush(self.due, (at + HEARTBEAT_SECONDS, number))
            ready = self.selector.select(min(0.05, end - now))
            for key, _ in ready:
                self._take(key.data)
            # So long nothing was looked at; the wait itself counts too, since it may last longer than it was told.
            now = time.monotonic()
            self.late, self.looked_at = max(self.late, now - self.looked_at), now

    def _take(self, idle):
        for opcode, payload in idle.frames():
            expect(opcode == 2, f"an idle agent got opcode {opcode}")
            now = time.monotonic()
            if idle.is_welcome:
                idle.worst = max(idle.worst, now - idle.last)
            idle.last, idle.is_welcome = now, True
            kind, message = protobuf.payload(envelope := protobuf.decode("Envelope", payload))
            if kind == "ping":
                idle.pings += 1
                name = envelope["correlation_id"]
                idle.send("ack", {"correlation_id": name, "accepted": True}, correlation_id=name)

    def worst(self):
        """The longest that any went without a data frame, also up to now."""
        now = time.monotonic()
        return max(max(each.worst, now - each.last) for each in self.agents)


def resident(process):
    """Resident memory in KiB: now, and the peak."""
    with open(f"/proc/{process.pid}/status", encoding="ascii") as file:
        values = dict(line.split(":", 1) for line in file)
    return int(values["VmRSS"].split()[0]), int(values["VmHWM"].split()[0])


class Beside(threading.Thread):
    """Does something over and over; what goes wrong is kept."""

    def __init__(self, body, pause, limit=None):
        super().__init__(daemon=True)
        self.body, self.pause, self.limit, self.count, self.problem = body, pause, limit, 0, None
        self.ending = threading.Event()

    def run(self):
        while not self.ending.wait(self.pause) and self.problem is None and self.count != self.limit:
            try:
                self.body(self.count)
                self.count += 1
            except Exception as error:
                self.problem = f"{type(error).__name__}: {error}"


def hold(server, count, seconds):
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda number: server.make("/v1/agents", {"name": f"idle-{number}"}), range(count)))
    before = resident(server.process)[0]
    crowd, start = Crowd(), time.monotonic()
    dialling = Beside(lambda number: crowd.new.put(Idle(server.port, made[number]["key"], time.monotonic())), 0, count)
    dialling.start()
    while dialling.is_alive() or not all(each.is_welcome for each in crowd.agents) or len(crowd.agents) < count:
        expect(time.monotonic() - start < 600 and dialling.problem is None, f"not all are welcomed ({dialling.problem})")
        crowd.run(0.2)
    print(f"{count} agents registered in {time.monotonic() - start:.0f} s", flush=True)

    def verify(_):
        done = subprocess.run([server.binary, "log", "verify", "--data", server.data], capture_output=True, timeout=300,
                              env=clean_environment(), text=True)
        expect(done.returncode == 0, f"log verify: exit {done.returncode}: {done.stderr[-400:]}")

    def ask(number):
        server.make("/v1/agents", {"name": f"asked-{number}"}, key=f"asked-{number}")
        server.show("/v1/agents?limit=100")
        server.show("/v1/log?limit=100")
    beside = [Beside(verify, 0.2), Beside(ask, 0.1)]
    for each in beside:
        each.start()
    crowd.run(seconds)
    for each in beside:
        each.ending.set()
    after, peak = resident(server.process)
    online = sum(1 for agent in server.everything("/v1/agents") if agent["status"] == "online")
    worst = crowd.worst()
    print(json.dumps({
        "agents": count, "online": online, "seconds": seconds, "worst_gap_seconds": round(worst, 2),
        "longest_own_look_seconds": round(crowd.late, 2), "pings": sum(each.pings for each in crowd.agents),
        "verifications": beside[0].count, "rounds_of_requests": beside[1].count, "server_resident_mib": after // 1024,
        "server_peak_mib": peak // 1024, "kib_per_agent": round((after - before) / count, 1)}), flush=True)
    for each in beside:
        expect(each.problem is None, f"beside: {each.problem}")
    expect(online == count, f"{count - online} agents are not online")
    expect(worst - crowd.late <= GAP_SECONDS, f"{worst:.1f} s without a data frame")
    expect(all(each.pings > 0 for each in crowd.agents), "some never got a ping")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", default=os.path.join(HERE, "../../.build/debug/backupy"))
    parser.add_argument("--agents", type=int, default=2_000)
    parser.add_argument("--seconds", type=int, default=180)
    options = parser.parse_args()
    root = tempfile.mkdtemp(prefix="backupy-idle-")
    server = Server(os.path.abspath(options.binary), root, Planted())
    try:
        hold(server.start(), options.agents, options.seconds)
    except Failure as failure:
        print(f"FAIL  {failure}\n{server.errors()[-1000:]}")
        return 1
    finally:
        server.kill()
        shutil.rmtree(root, ignore_errors=True)
    print("ok    each got a data frame at least every 30 s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
