"""Agents with a key that send what no agent sends. The server stays, and so do the others."""
import os
import socket
import struct
import time

from kit import protobuf
from kit.agent import Agent, wait_run
from kit.checks import Findings, eventually, expect
from kit.protobuf import field, varint
from kit.websocket import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, frame

WATCHER = {}


def watcher(world):
    """An agent with a job that must not notice anything."""
    server = world.server
    if WATCHER.get("server") is not server:
        agent = Agent(server, "watcher")
        WATCHER.update(server=server, agent=agent, job=agent.add_job())
        agent.connect()
    return WATCHER["agent"], WATCHER["job"]


def unaffected(world, agent, job):
    world.server.must_live()
    expect(agent.closed is None, f"another agent was disconnected: {agent.closed}")
    agent.back_up(job, os.urandom(64))


def nan(bits):
    return field(2, varint(1 << 3 | 5) + struct.pack("<I", bits) + varint(6 << 3) + varint(2**64 - 1))


def envelopes():
    """Binary messages by name."""
    head = varint(8) + varint(2**64 - 1) + varint(16) + varint(2**64 - 1)
    update = {"job_id": "j", "run_id": "r", "status": 4}
    yield "3 bytes", b"\xff\xff\xff"
    yield "no bytes", b""
    yield "no payload", protobuf.encode("Envelope", {"seq": 1, "ts_ms": 1})
    yield "an unknown payload", field(1500, b"hello")
    yield "the reserved payload", field(55, b"hello")
    yield "field number 0", b"\x02\x00"
    yield "field number 2^29-1", varint((2**29 - 1) << 3 | 2) + b"\x00"
    yield "wire type 6", b"\x56\x00"
    yield "a varint of 11 bytes", b"\x08" + b"\xff" * 10 + b"\x01"
    yield "a varint without end", b"\x08" + b"\x80" * 4_000
    yield "a length beyond the end", field(11, b"")[:-1] + varint(2**31)
    yield "a length of 2^63", varint(11 << 3 | 2) + varint(2**63)
    yield "a length of 2^64-1", varint(11 << 3 | 2) + varint(2**64 - 1)
    yield "the highest numbers", head + field(11, varint(8) + varint(2**64 - 1))
    yield "groups in groups", b"\x7b" * 100_000
    yield "an open group", b"\x5b\x08\x01"
    yield "text that is no UTF-8", protobuf.encode("Envelope", {"job_update": update | {"error_message": b"\xff\xc3\x28"}})
    yield "zero characters", protobuf.encode("Envelope", {"job_update": update | {"error_message": "\0\0", "run_id": "\0"}})
    yield "a status of 2^63", protobuf.encode("Envelope", {"job_update": update | {"status": 2**63}})
    yield "two payloads", protobuf.encode("Envelope", {"heartbeat": {}, "job_update": update})
    yield "NaN", field(11, nan(0x7FC00000))
    yield "signalling NaN", field(11, nan(0x7F800001))
    yield "infinity", field(11, nan(0x7F800000))
    yield "negative infinity", field(11, nan(0xFF800000))
    yield "10 000 job ids", protobuf.encode("Envelope", {"heartbeat": {"active_job_ids": [f"job{i}" for i in range(10_000)]}})
    yield "10 000 log fields", protobuf.encode("Envelope", {"log": {"fields": {str(i): "v" for i in range(10_000)}}})
    yield "3 000 containers", protobuf.encode("Envelope", {"discovery": {"containers": [
        {"container_id": str(i), "ports": [{"container_port": 2**32 - 1, "host_port": 2**40}]} for i in range(3_000)]}})
    yield "a size of 2^64-1", protobuf.encode("Envelope", {"backup_completed": {"run_id": "r", "size_bytes": 2**64 - 1, "duration_ms": 2**64 - 1}})
    yield "health result", protobuf.encode("Envelope", {"health_result": {"check_id": "chk_00000000000", "ts_ms": 2**64 - 1, "latency_ms": 2**40}})
    yield "restore update", protobuf.encode("Envelope", {"restore_update": {"restore_id": "x", "status": 3}})
    yield "an Ack nobody waits for", protobuf.encode("Envelope", {"ack": {"correlation_id": "ping-999", "accepted": True}})
    yield "a negative time", varint(16) + varint(2**64 - 1) + field(11, b"")
    # What only servers send.
    yield "RegisterAck", protobuf.encode("Envelope", {"register_ack": {"session_id": "mine", "config": {"version": 99}}})
    yield "ConfigUpdate", protobuf.encode("Envelope", {"config_update": {"config": {"version": 99}}})
    yield "RunBackup", protobuf.encode("Envelope", {"run_backup": {"job_id": "j", "run_id": "r", "encrypted_dek": b"k" * 32}})
    yield "CancelJob", protobuf.encode("Envelope", {"cancel_job": {"job_id": "j"}})
    yield "SelfUpdate", protobuf.encode("Envelope", {"self_update": {"binary_url": "http://u:p@example/x"}})
    yield "Ping", protobuf.encode("Envelope", {"ping": {"ts_ms": 1}})
    for number in (1000, 1001, 1002, 1003, 1999):
        yield f"extension {number} that was not negotiated", field(number, b"\x0a\x03abc\x10\x01")
    yield "4 MiB of zeros", b"\0" * (4 << 20)
    yield "4 MiB of payload", field(16, field(4, b"a" * ((4 << 20) - 20)))


def messages_of_all_kinds(world):
    agent, job = watcher(world)
    bad = Agent(world.server, "hostile")
    findings = Findings()
    for name, data in envelopes():
        def body(data=data):
            if bad.closed is not None or bad.socket is None:
                bad.leave()
                bad.connect()
            bad.socket.send(data)
            world.server.must_live()
        findings.run(name, body)
    findings.run("after all", lambda: unaffected(world, agent, job))
    bad.leave()

    def shown():
        # Python's parser takes NaN, strict ones do not.
        text = world.server.call("GET", f"/v1/agents/{bad.id}").text
        expect("NaN" not in text and "nfinity" not in text, f"no JSON: {text[:500]}")
        anomalies = str(world.server.show(f"/v1/agents/{bad.id}")["anomalies"])
        return "unreadable_frame" in anomalies
    findings.run("shown", lambda: eventually(shown, "the anomaly unreadable_frame", 20))
    bad.connect()
    bad.leave()
    findings.end()


def frames(world):
    """Frames by name with the close codes they may bring; None where the connection must stay."""
    beat = protobuf.encode("Envelope", {"heartbeat": {"config_version": 1}})
    yield "text", frame(b"hello", TEXT), (None, 1002, 1003, 1008)
    yield "text that is no UTF-8", frame(b"\xff\xfe", TEXT), (None, 1002, 1003, 1007, 1008)
    yield "5 MiB", frame(b"a" * (5 << 20)), (1009,)
    yield "5 MiB in pieces", b"".join(
        frame(b"a" * (1 << 20), BINARY if i == 0 else CONTINUATION, fin=i == 4) for i in range(5)), (1009,)
    yield "a length of 2^62", b"\x82\xff" + struct.pack(">Q", 2**62) + b"\0" * 100, (1009, 1002)
    yield "a length of 2^64-1", b"\x82\xff" + b"\xff" * 8 + b"\0" * 100, (1009, 1002)
    yield "unmasked", frame(beat, mask=False), (1002,)
    yield "reserved bits", frame(beat, reserved=4), (1002,)
    yield "a reserved opcode", frame(beat, 3), (1002,)
    yield "a reserved control opcode", frame(b"", 11), (1002,)
    yield "a continuation of nothing", frame(beat, CONTINUATION), (1002,)
    yield "a message within a message", frame(beat, BINARY, fin=False) + frame(beat, BINARY), (1002,)
    yield "a fragmented ping", frame(b"a", PING, fin=False), (1002,)
    yield "a ping of 126 bytes", frame(b"a" * 126, PING), (1002,)
    yield "a pong nobody asked for", frame(b"a", PONG), (None,)
    yield "a close frame of 1 byte", frame(b"\x03", CLOSE), (1002,)
    yield "close code 999", frame(struct.pack(">H", 999), CLOSE), (1002, 999)
    yield "close code 1006", frame(struct.pack(">H", 1006), CLOSE), (1002, 1006)
    yield "a close reason that is no UTF-8", frame(b"\x03\xe8\xff\xff", CLOSE), (1000, 1002, 1007)
    yield "a length in more bytes than needed", b"\x82\xfe\x00\x02" + b"\0\0\0\0" + b"\x5a\x00", (None, 1002)


def frames_of_all_kinds(world):
    agent, job = watcher(world)
    findings = Findings()
    bad = Agent(world.server, "frames")
    for name, data, codes in frames(world):
        def body(data=data, codes=codes):
            bad.connect()
            try:
                bad.socket.send_raw(data)
                if None in codes:
                    bad.socket.send(b"still here", PING)
                    eventually(lambda: bad.socket.pongs or bad.closed, "a pong", 10)
                else:
                    bad.wait_closed(10)
            except OSError:
                bad.wait_closed(10)
            code = bad.closed.code if bad.closed is not None else None
            expect(code in codes, f"closed with {bad.closed}, wanted one of {codes}")
        findings.run(name, body)
        bad.leave()
    unaffected(world, agent, job)
    findings.end()


def fragments(world):
    """Register in three fragments with pings between, one byte at a time on the wire."""
    agent = Agent(world.server, "fragments")
    agent.dial()
    data = agent.envelope("register", {"agent_version": "v0.1.0", "hostname": "in pieces"})
    pieces = [frame(data[:3], BINARY, fin=False), frame(b"?", PING), frame(data[3:9], CONTINUATION, fin=False),
              frame(b"", CONTINUATION, fin=False), frame(data[9:], CONTINUATION)]
    for byte in b"".join(pieces):
        agent.socket.send_raw(bytes([byte]))
    agent.wait("register_ack")
    expect(agent.socket.pongs == [b"?"], f"pongs {agent.socket.pongs}")
    eventually(lambda: world.server.show(f"/v1/agents/{agent.id}")["hostname"] == "in pieces", "the host name", 20)
    agent.leave()
    # And a frame that never ends.
    agent.connect()
    agent.socket.send_raw(frame(b"a" * 1000)[:300])
    agent.leave(reset=True)
    world.server.must_live()


def ten_thousand_tiny_frames(world):
    agent, job = watcher(world)
    flood = Agent(world.server, "flood")
    flood.connect()
    flood.socket.socket.settimeout(120)
    beat = {"config_version": 1}
    data = b"".join(frame(flood.envelope("heartbeat", beat)) for _ in range(10_000))
    last = frame(flood.envelope("heartbeat", beat | {"metrics": {"queue_depth": 4242}}))
    began = time.monotonic()
    flood.socket.send_raw(data + last)
    run, order = agent.order(job, seconds=60)
    blob = os.urandom(10)
    agent.upload(order, blob).must_be("PUT during the flood", 200)
    agent.complete(order, blob)
    wait_run(world.server, run, "success", seconds=90)

    def arrived():
        metrics = world.server.show(f"/v1/agents/{flood.id}")["metrics"]
        return (metrics and metrics.get("queue_depth") == 4242) or flood.closed
    eventually(arrived, "the last of 10 000 frames is shown", 180, 0.3)
    print(f"      10 000 heartbeats in {time.monotonic() - began:.1f} s", flush=True)
    expect(flood.closed is None, f"the flood was cut off: {flood.closed}")
    # Likewise with what cannot be read; this one may be hung up on.
    try:
        flood.socket.send_raw(b"".join(frame(b"\xff") for _ in range(10_000)))
    except OSError:
        pass
    unaffected(world, agent, job)
    flood.leave()


def ten_thousand_pings(world):
    agent, job = watcher(world)
    flood = Agent(world.server, "pings")
    flood.connect()
    try:
        for _ in range(10):
            flood.socket.send_raw(b"".join(frame(b"x" * 100, PING) for _ in range(1_000)))
        eventually(lambda: len(flood.socket.pongs) == 10_000 or flood.closed, "10 000 pongs", 60)
    except OSError:
        pass
    unaffected(world, agent, job)
    flood.leave()


def many_connections(world):
    """200 that say nothing."""
    agent, job = watcher(world)
    idle = [socket.create_connection(("127.0.0.1", world.server.port), 10) for _ in range(200)]
    unaffected(world, agent, job)
    for connection in idle:
        connection.close()
    unaffected(world, agent, job)


SCENARIOS = [
    messages_of_all_kinds, frames_of_all_kinds, fragments, ten_thousand_tiny_frames, ten_thousand_pings,
    many_connections,
]
