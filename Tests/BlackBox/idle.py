#!/usr/bin/env python3
"""Holds 2 000 idle agents on loopback and measures what each gets, while the log is verified over and over beside the
server, people go on asking, and a snapshot is written.

Each agent registers, sends a heartbeat every 30 s and answers pings, as the reference agent does; it must get a data
frame at least every 30 s. One thread holds them all. What counts is when the kernel took a frame in, and not when that
thread came to look: however late it is, no fault of the server is excused by it, and none of its own is blamed on the server.

A snapshot is due each 100 000 entries: so it begins on a log that is a little shorter, which `--log-maker` makes
(Tests/LongLog). Without one no snapshot is asked for.
"""
import argparse
import concurrent.futures
import contextlib
import heapq
import json
import os
import queue
import random
import selectors
import shutil
import socket
import sqlite3
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
from kit.clock import shifted  # noqa: E402
from kit.secrets import Planted  # noqa: E402
from kit.server import Server, clean_environment  # noqa: E402
from kit.websocket import frame, read_head  # noqa: E402

GAP_SECONDS = 30
HEARTBEAT_SECONDS = 30
SNAPSHOT_ENTRIES = 100_000
#: What an agent adds to the log until it is welcomed, and by the heartbeats that it may send before the last one is.
ENTRIES_PER_AGENT = 9 + 4
#: SO_TIMESTAMPNS, which Python does not name: each read tells when the kernel took in the last of what it gives.
TIMESTAMPS = 35


class Idle:
    """One agent's connection, after its upgrade."""

    def __init__(self, port, key):
        self.socket = socket.create_connection(("127.0.0.1", port), 60)
        self.socket.sendall((
            f"GET /v1/agents/connect HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\nSec-WebSocket-Version: 13\r\nAuthorization: Bearer {key}\r\n"
            "\r\n").encode())
        status, _, self.buffer = read_head(self.socket)
        expect(status == 101, f"HTTP {status} instead of an upgrade")
        self.socket.setsockopt(socket.SOL_SOCKET, TIMESTAMPS, 1)
        self.seq, self.last, self.worst, self.pings = 0, None, 0.0, 0
        self.send("register", {"agent_version": "v0.1.0", "hostname": "idle", "os": "linux", "arch": "amd64"})
        self.socket.setblocking(False)

    def send(self, kind, values, **more):
        self.seq += 1
        fields = {"seq": self.seq, "ts_ms": int(time.time() * 1000), kind: values} | more
        self.socket.sendall(frame(protobuf.encode("Envelope", fields)))

    def frames(self):
        """What is there to be read, as (opcode, payload, when it came)."""
        try:
            piece, extras, _, _ = self.socket.recvmsg(65536, 64)
        except BlockingIOError:
            return
        if not piece:
            raise Failure("a connection was closed")
        expect(extras or self.last is None, "the kernel does not tell when it took something in")
        seconds, nanoseconds = struct.unpack("ll", extras[0][2]) if extras else (time.time(), 0)
        moment = seconds + nanoseconds / 1e9
        self.buffer += piece
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
            yield opcode, payload, moment


class Crowd:
    """All of them, in one loop."""

    def __init__(self):
        self.selector, self.agents, self.due = selectors.DefaultSelector(), [], []
        self.new = queue.SimpleQueue()
        self.late, self.looked_at, self.clock = 0.0, time.monotonic(), clock_offset()

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
        for opcode, payload, moment in idle.frames():
            expect(opcode == 2, f"an idle agent got opcode {opcode}")
            if idle.last is not None:
                idle.worst = max(idle.worst, moment - idle.last)
            idle.last = moment
            kind, message = protobuf.payload(envelope := protobuf.decode("Envelope", payload))
            if kind == "ping":
                idle.pings += 1
                name = envelope["correlation_id"]
                idle.send("ack", {"correlation_id": name, "accepted": True}, correlation_id=name)

    def worst(self):
        """The longest that any went without a data frame, also up to now."""
        now = time.time()
        while ready := self.selector.select(0):  # whatever came before now is read before it is missed
            for key, _ in ready:
                self._take(key.data)
        expect(abs(clock_offset() - self.clock) < 1, "the wall clock was set meanwhile: the times say nothing")
        return max(max(each.worst, now - each.last) for each in self.agents)


def clock_offset():
    return time.time() - time.monotonic()


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


def snapshots(server):
    folder = os.path.join(server.data, "snapshots")
    return {name for name in os.listdir(folder) if name.endswith(".snapshot")} if os.path.isdir(folder) else set()


def log_end(server):
    """The last entry's position, and its time in milliseconds."""
    with contextlib.closing(sqlite3.connect(f"file:{server.data}/log.sqlite?mode=ro", uri=True)) as log:
        return log.execute("SELECT position, recorded_at FROM entries ORDER BY position DESC LIMIT 1").fetchone()


def begin_on_a_long_log(server, maker, agent_count):
    """Makes the log, and puts the server's clock a minute behind its end: its times are made up."""
    subprocess.run([maker, "make", server.data, str(SNAPSHOT_ENTRIES - ENTRIES_PER_AGENT * agent_count)], check=True,
                   stdout=subprocess.DEVNULL, timeout=600)
    _, last = log_end(server)
    server.environment |= shifted(server.directory, last // 1000 + 60 - int(time.time()))


def register(server, crowd, keys):
    """All of them, until all are welcomed."""
    count, start = len(keys), time.monotonic()
    dialling = Beside(lambda number: crowd.new.put(Idle(server.port, keys[number])), 0, count)
    dialling.start()
    while dialling.is_alive() or len(crowd.agents) < count or any(each.last is None for each in crowd.agents):
        expect(time.monotonic() - start < 600 and dialling.problem is None, f"not all are welcomed ({dialling.problem})")
        crowd.run(0.2)
    print(f"{count} agents registered in {time.monotonic() - start:.0f} s, {log_end(server)[0]} entries on the log", flush=True)


def hold(server, count, seconds, wants_snapshot):
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda number: server.make("/v1/agents", {"name": f"idle-{number}"}), range(count)))
    before, crowd, ids = resident(server.process)[0], Crowd(), {each["id"] for each in made}
    register(server, crowd, [each["key"] for each in made])

    def verify(_):
        done = subprocess.run([server.binary, "log", "verify", "--data", server.data], capture_output=True, timeout=300,
                              env=clean_environment(), text=True)
        expect(done.returncode == 0, f"log verify: exit {done.returncode}: {done.stderr[-400:]}")

    def ask(number):
        server.make("/v1/agents", {"name": f"asked-{number}"}, key=f"asked-{number}")
        server.show("/v1/agents?limit=100")
        server.show("/v1/log?limit=100")
    beside = [Beside(verify, 0.2), Beside(ask, 0.1)]
    there = snapshots(server)
    expect(not there, f"a snapshot was written before all were there: begin with fewer entries ({there})")
    for each in beside:
        each.start()
    start = time.monotonic()
    crowd.run(seconds)
    while wants_snapshot and not snapshots(server) and time.monotonic() - start < 3 * seconds:
        crowd.run(5)  # heartbeats are what brings it about
    written = snapshots(server)
    worst = crowd.worst()
    for each in beside:
        each.ending.set()
    after, peak = resident(server.process)
    online = sum(1 for agent in server.everything("/v1/agents") if agent["id"] in ids and agent["status"] == "online")
    print(json.dumps({
        "agents": count, "online": online, "seconds": round(time.monotonic() - start), "worst_gap_seconds": round(worst, 2),
        "longest_own_look_seconds": round(crowd.late, 2), "pings": sum(each.pings for each in crowd.agents),
        "verifications": beside[0].count, "rounds_of_requests": beside[1].count, "snapshots": len(written),
        "server_resident_mib": after // 1024, "server_peak_mib": peak // 1024,
        "kib_per_agent": round((after - before) / count, 1)}), flush=True)
    expect(worst <= GAP_SECONDS, f"{worst:.1f} s without a data frame; the longest own look took {crowd.late:.1f} s")
    for each in beside:
        expect(each.problem is None, f"beside: {each.problem}")
        expect(each.count > 0, "nothing came to an end beside it")
    expect(written or not wants_snapshot, "no snapshot was written meanwhile")
    expect(online == count, f"{count - online} agents are not online")
    expect(all(each.pings > 0 for each in crowd.agents), "some never got a ping")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", default=os.path.join(HERE, "../../.build/debug/backupy"))
    parser.add_argument("--agents", type=int, default=2_000)
    parser.add_argument("--seconds", type=int, default=180)
    parser.add_argument("--log-maker", help="the program long-log, for a log that is about to have a snapshot")
    options = parser.parse_args()
    root = tempfile.mkdtemp(prefix="backupy-idle-")
    server = Server(os.path.abspath(options.binary), root, Planted())
    server.start_seconds = 300
    try:
        if options.log_maker:
            begin_on_a_long_log(server, options.log_maker, options.agents)
        hold(server.start(), options.agents, options.seconds, options.log_maker is not None)
    except Failure as failure:
        print(f"FAIL  {failure}\n{server.errors()[-1000:] if server.served else ''}")
        return 1
    finally:
        server.kill()
        shutil.rmtree(root, ignore_errors=True)
    print("ok    each got a data frame at least every 30 s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
