"""Long connections: what comes by itself, and what is done about those who say nothing."""
import socket
import time

from kit.agent import Agent
from kit.checks import Findings, equal, expect


def has_ended(connection):
    """Whether the other side has closed, once what it has sent is read."""
    connection.settimeout(0.2)
    try:
        while connection.recv(65536):
            pass
        return True
    except TimeoutError:
        return False
    except ConnectionError:
        return True


def data_comes_at_least_every_30_seconds(world):
    """Also watched here, since it takes as long: an agent that never registers, and HTTP that does not go on."""
    server = world.server
    answering, mute, idle = Agent(server, "answering"), Agent(server, "not answering"), Agent(server, "no heartbeat")
    mute.answers_pings = idle.answers_pings = False
    shy = Agent(server, "never registers")
    began = time.monotonic()
    shy.dial()
    for agent in (answering, mute):
        agent.connect()
    idle.connect(heartbeat=False)
    findings = Findings()
    halves = {
        "nothing": b"", "half a head": b"GET /healthz HTT", "a bad head": b"BREW / HTTP/1.1\r\n\r\n",
        "half a body": b"POST /v1/agents HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{",
        "a request that is done": b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
    }
    slow = {}
    for name, data in halves.items():
        slow[name] = socket.create_connection(("127.0.0.1", server.port), 10)
        slow[name].sendall(data)

    def unregistered():
        closed = shy.wait_closed(30)
        equal([entry[1] for entry in shy.received], [], "data before a Register")
        expect(5 <= time.monotonic() - began, f"closed after {time.monotonic() - began:.1f} s")
        expect(closed.code in (1002, 1008), f"closed with {closed}")
    findings.run("without Register", unregistered)
    for number in range(2):
        for agent in (answering, mute):
            if agent.closed is None:
                agent.send("heartbeat", {"config_version": 1})
        time.sleep(max(0, began + 33 * (number + 1) - time.monotonic()))  # what is tested is the passing of time
    for name, connection in slow.items():
        findings.check(has_ended(connection), f"a connection with {name} is still open after 66 s")
        connection.close()
    end = time.monotonic()
    for agent in (answering, mute, idle):
        findings.check(agent.closed is None, f"{agent.name}: {agent.closed}")
        times = [entry[0] for entry in agent.received] + [end]
        gap = max(after - before for before, after in zip(times, times[1:]))
        findings.check(gap <= 30, f"{agent.name}: {gap:.1f} s without data")
        pings = [entry for entry in agent.received if entry[1] == "ping"]
        findings.check(len(pings) >= 2, f"{agent.name}: {len(pings)} pings in 66 s")
        findings.check(
            all(entry[3]["correlation_id"] for entry in pings), f"{agent.name}: a ping without correlation id")
        equal(server.show(f"/v1/agents/{agent.id}")["status"], "online", f"{agent.name}'s status")
        agent.leave()
    findings.end()


SCENARIOS = [data_comes_at_least_every_30_seconds]
