"""Connections of agents that come twice, vanish, or lose their key."""
import os

from kit.agent import Agent, wait_run
from kit.checks import equal, eventually, expect, never
from kit.websocket import Refused


def status(server, agent):
    return server.show(f"/v1/agents/{agent.id}")["status"]


def the_newest_of_two_wins(world):
    server = world.server
    agent = Agent(server, "twin")
    equal(status(server, agent), "never_connected", "status before")
    job = agent.add_job()
    older = agent
    older.connect()
    newer = Agent(server, "twin again", key=agent.key, identifier=agent.id)
    newer.connect(hostname="host-of-twin")
    closed = older.wait_closed(20)
    expect(closed.code != 1006, f"the older connection ended without a close frame: {closed}")
    equal(status(server, agent), "online", "status with the newer one")
    run, order = newer.order(job)
    equal(older.orders(run), [], "RunBackups to the older one")
    blob = os.urandom(100)
    newer.upload(order, blob).must_be("PUT", 200)
    newer.complete(order, blob)
    wait_run(server, run, "success")
    never(lambda: newer.closed, "the newer one was closed too", 1)
    newer.leave()


def a_run_goes_on_with_the_newer_connection(world):
    server = world.server
    agent = Agent(server, "moving")
    job = agent.add_job()
    agent.connect()
    run, order = agent.order(job)
    newer = Agent(server, "moved", key=agent.key, identifier=agent.id)
    newer.connect(hostname="host-of-moving")
    blob = os.urandom(100)
    newer.upload(order, blob).must_be("PUT", 200)
    newer.complete(order, blob)
    wait_run(server, run, "success")
    equal(newer.orders(run), [], "a RunBackup was sent again")
    agent.leave()
    newer.leave()


def first_message_is_not_register(world):
    server = world.server
    agent = Agent(server, "impolite")
    agent.dial()
    agent.send("heartbeat", {"config_version": 1})
    expect(agent.wait_closed(20).code in (1002, 1008), f"closed with {agent.closed}")
    equal([entry[1] for entry in agent.received], [], "data before a Register")
    agent.dial()
    agent.socket.send(b"\x01\x02\x03")
    expect(agent.wait_closed(20).code in (1002, 1008), f"junk first: closed with {agent.closed}")
    agent.connect()
    agent.leave()


def register_again_and_again(world):
    server = world.server
    agent = Agent(server, "insistent")
    job = agent.add_job()
    agent.connect()
    for number in range(20):
        agent.register(hostname=f"host {number}")
    if agent.closed is None:
        eventually(lambda: server.show(f"/v1/agents/{agent.id}")["hostname"] or agent.closed, "a host name", 20)
    agent.leave()
    agent.connect()
    agent.back_up(job, os.urandom(10))
    agent.leave()


def vanishing(world):
    server = world.server
    agent = Agent(server, "vanishing")
    for reset in (False, True, False, True):
        agent.connect()
        eventually(lambda: status(server, agent) == "online", "online", 20)
        agent.leave(reset)
        eventually(lambda: status(server, agent) == "offline", "offline after it vanished", 20)
    for _ in range(30):  # and before the server could answer
        agent.dial()
        agent.register()
        agent.leave(reset=True)
    agent.connect()
    eventually(lambda: status(server, agent) == "online", "online at last", 20)
    agent.leave()
    server.must_live()


def a_polite_end(world):
    server = world.server
    agent = Agent(server, "polite")
    agent.connect()
    agent.socket.send(b"\x03\xe8client done", opcode=8)
    expect(agent.wait_closed(20).code == 1000, f"our close was answered with {agent.closed}")
    agent.leave()
    eventually(lambda: status(server, agent) == "offline", "offline after closing", 20)


def keys_that_change(world):
    server = world.server
    agent = Agent(server, "rotating")
    agent.connect()
    made = server.make(f"/v1/agents/{agent.id}/rotate-key")
    server.planted.add("agent key", made["key"])
    expect(made["key"] != agent.key, "rotation gives the same key")
    equal(agent.wait_closed(20).code, 1008, "the close code of a rotated key")
    old, agent.key = agent.key, made["key"]
    refused(Agent(server, "old key", key=old, identifier=agent.id))
    agent.connect()
    server.call("DELETE", f"/v1/agents/{agent.id}").must_be("DELETE", 204)
    equal(agent.wait_closed(20).code, 1008, "the close code of a deleted agent")
    refused(agent)
    server.call("GET", f"/v1/agents/{agent.id}").must_be_error("a deleted agent", 404)


def a_clone_on_another_host_is_refused_and_reported(world):
    server = world.server
    agent = Agent(server, "original")
    job = agent.add_job()
    agent.connect()
    clone = Agent(server, "clone", key=agent.key, identifier=agent.id)
    for count in (1, 2):
        clone.dial()
        clone.register()
        equal(clone.wait_closed(20).code, 1008, "the clone's close code")
        equal([entry[1] for entry in clone.received], [], "what the clone was told")
        # The connection is closed as soon as the refusal is on the log; what is read follows a moment later.
        eventually(lambda: conflicts(server, agent) == count, f"{count} conflicts counted", 10)
        shown = server.show(f"/v1/agents/{agent.id}")
        equal(shown["hostname"], "host-of-original", "the host that is shown")
        equal(shown["identity_conflict"]["hostname"], "host-of-clone", "the refused host")
        equal(shown["identity_conflict"]["count"], count, "refusals")
        expect(shown["identity_conflict"]["remote_address"].startswith("127.0.0.1:"), str(shown["identity_conflict"]))
    agent.back_up(job, os.urandom(100))
    notes = [item for item in server.everything(f"/v1/log?stream=agent/{agent.id}")
             if item["kind"] == "anomaly.identity_conflict"]
    equal(len(notes), 2, "entries about it")
    expect("host-of-original" in str(notes[0]) and "host-of-clone" in str(notes[0]), f"both hosts: {notes[0]}")
    agent.leave()
    eventually(lambda: status(server, agent) == "offline", "offline", 20)
    clone.connect()
    equal(server.show(f"/v1/agents/{agent.id}")["hostname"], "host-of-clone", "the host once the other is gone")
    clone.leave()


def conflicts(server, agent):
    return server.show(f"/v1/agents/{agent.id}")["anomalies"].get("identity_conflict")


def a_connection_that_says_nothing_gives_way_to_another_host(world):
    server = world.server
    agent = Agent(server, "half open")
    agent.connect()
    agent.answers_pings = False
    moved = Agent(server, "moved on", key=agent.key, identifier=agent.id)
    moved.connect()  # within the 15 s that agents wait
    equal(server.show(f"/v1/agents/{agent.id}")["hostname"], "host-of-moved on", "the host")
    equal(server.show(f"/v1/agents/{agent.id}")["anomalies"].get("identity_conflict"), None, "conflicts")
    agent.wait_closed(20)
    moved.leave()


def refused(agent):
    try:
        agent.dial()
    except Refused as answer:
        equal(answer.status, 401, "the answer to an old key")
        return
    agent.leave()
    expect(False, "an old key was let in")


SCENARIOS = [
    the_newest_of_two_wins, a_run_goes_on_with_the_newer_connection, first_message_is_not_register,
    register_again_and_again, vanishing, a_polite_end, keys_that_change,
    a_clone_on_another_host_is_refused_and_reported, a_connection_that_says_nothing_gives_way_to_another_host,
]
