"""Tokens with roles and expiry, and what is bounded."""
import http.client
import os
import socket
import time
from datetime import datetime, timedelta, timezone

from kit.agent import Agent, local
from kit.checks import Findings, equal, eventually, expect


def token(server, name, role, **fields):
    made = server.make("/v1/api-tokens", {"name": name, "role": role} | fields)
    server.planted.add("API token", made["token"])
    return made


def roles(world):
    server = world.server
    agent = Agent(server, "guarded")
    job = agent.add_job()
    viewer, operator, admin = (token(server, role, role)["token"] for role in ("viewer", "operator", "admin"))
    cases = [
        ("GET", f"/v1/jobs/{job}", None, (200, 200, 200)),
        ("PATCH", f"/v1/jobs/{job}", {"timeout_sec": 100}, (403, 200, 200)),
        ("PATCH", f"/v1/jobs/{job}", {"retention_days": 1}, (403, 403, 200)),
        ("GET", f"/v1/jobs/{job}/retention", None, (200, 200, 200)),
        ("POST", f"/v1/jobs/{job}/retention/preview", {"retention": {"keep_last": 1}}, (200, 200, 200)),
        ("PATCH", f"/v1/jobs/{job}", {"pre_hooks": ["true"]}, (403, 403, 200)),
        ("POST", f"/v1/jobs/{job}/run", {}, (403, 202, 202)),
        ("POST", f"/v1/agents/{agent.id}/targets", {"type": "sqlite", "connection": {"database": "/x"}}, (403, 403, 201)),
        ("POST", f"/v1/agents/{agent.id}/rotate-key", {}, (403, 403, 200)),
        ("POST", "/v1/agents", {"name": "new"}, (403, 403, 201)),
        ("GET", "/v1/api-tokens", None, (403, 403, 200)),
        ("POST", "/v1/api-tokens", {"name": "more", "role": "admin"}, (403, 403, 201)),
    ]
    findings = Findings()
    for method, path, body, wanted in cases:
        for text, status in zip((viewer, operator, admin), wanted):
            answer = server.call(method, path, body, token=text)
            findings.check(answer.status == status, f"{method} {path} {body}: wanted {wanted}, found {answer.status}")
            for name in ("key", "token"):
                if answer.status < 300 and isinstance(answer.json, dict) and answer.json.get(name):
                    server.planted.add(f"a new {name}", answer.json[name])
    findings.end()


def tokens_end(world):
    server = world.server
    made = token(server, "short", "viewer")
    equal(server.call("GET", "/v1/agents", token=made["token"]).status, 200, "a new token")
    server.call("DELETE", f"/v1/api-tokens/{made['id']}").must_be("DELETE", 204)
    server.call("GET", "/v1/agents", token=made["token"]).must_be_error("a deleted token", 401)
    soon = (datetime.now(timezone.utc) + timedelta(seconds=3)).strftime("%Y-%m-%dT%H:%M:%SZ")
    made = token(server, "expiring", "viewer", expires_at=soon)
    equal(server.call("GET", "/v1/agents", token=made["token"]).status, 200, "before it expires")
    time.sleep(3.5)
    server.call("GET", "/v1/agents", token=made["token"]).must_be_error("an expired token", 401)
    listed = server.everything("/v1/api-tokens")
    expect(all("token" not in item for item in listed), f"a list shows tokens: {listed[:1]}")


def tokens_outlive_the_process(world):
    server = world.new_server().start()
    kept, dropped = token(server, "kept", "operator"), token(server, "dropped", "admin")
    server.call("DELETE", f"/v1/api-tokens/{dropped['id']}").must_be("DELETE", 204)
    equal(server.stop(), 0, "exit code")
    server.start()
    equal(server.call("GET", "/v1/agents", token=kept["token"]).status, 200, "a kept token after a restart")
    equal(server.call("GET", "/v1/api-tokens", token=kept["token"]).status, 403, "its role after a restart")
    equal(server.call("GET", "/v1/agents", token=dropped["token"]).status, 401, "a deleted one after a restart")
    code, output, errors = server.command("tokens", "list", "--json", "--url", server.url, "--data", server.data)
    equal(code, 0, f"tokens list: {errors}")
    expect(kept["id"] in output and dropped["id"] not in output, output)
    code, output, errors = server.command(
        "tokens", "create", "by hand", "--role", "operator", "--url", server.url, "--data", server.data)
    equal(code, 0, f"tokens create: {errors}")
    text = output.split()[-1]
    server.planted.add("API token", text)
    equal(server.call("GET", "/v1/agents", token=text).status, 200, "a token from the command line")
    code, _, errors = server.command(
        "tokens", "delete", kept["id"], "--url", server.url, "--data", server.data)
    equal(code, 0, f"tokens delete: {errors}")
    equal(server.call("GET", "/v1/agents", token=kept["token"]).status, 401, "deleted from the command line")
    # What the command printed is where it belongs; it must not count as a leak.
    for paths in server.outputs[-3:]:
        for path in paths:
            open(path, "w", encoding="utf-8").close()


def a_slow_head_and_a_slow_body_are_cut_off(world):
    server = world.server
    slow = [
        b"GET /healthz HTTP/1.1\r\nHost: x\r\n",
        b"POST /v1/agents HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Length: 100000\r\n\r\n{"
        % server.token.encode(),
    ]
    connections = []
    for start in slow:
        connection = socket.create_connection(("127.0.0.1", server.port), 20)
        connection.sendall(start)
        connections.append(connection)
    deadline, open_ones, answers = time.monotonic() + 75, set(connections), {}
    while open_ones and time.monotonic() < deadline:
        for connection in list(open_ones):
            try:
                connection.sendall(b" ")
                connection.settimeout(0.5)
                piece = connection.recv(65536)
                answers[connection] = answers.get(connection, b"") + piece
                if not piece:
                    open_ones.discard(connection)
            except TimeoutError:
                pass
            except OSError:
                open_ones.discard(connection)
        time.sleep(1)
    for connection in connections:
        connection.close()
    equal(len(open_ones), 0, "connections that trickle and are still open after 75 s")
    expect(answers.get(connections[1], b"").startswith(b"HTTP/1.1 408 "), f"a slow body: {answers.get(connections[1])!r}")
    server.must_live()


def connections_leave_files_for_the_log(world):
    server = world.new_server()
    wrapper = os.path.join(server.directory, "few-files")
    with open(wrapper, "w", encoding="utf-8") as file:
        file.write(f'#!/bin/sh\nulimit -n 320\nexec "{server.binary}" "$@"\n')
    os.chmod(wrapper, 0o755)
    server.binary = wrapper
    server.start()
    agent = Agent(server, "early")
    job = agent.add_job()
    agent.connect()
    _, order = agent.order(job)
    early = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    early.request("GET", "/healthz")
    early.getresponse().read()
    # With 320 files and its reserve of 256 (Sources/ControlPlane/Descriptors.swift) it takes 64 connections, and 256 more
    # may wait in its queue: 302 fit. Without the reserve it would take them all, which with the 33 files or so that it has
    # open by itself are more than 320.
    waiting = [socket.create_connection(("127.0.0.1", server.port), 20) for _ in range(300)]
    time.sleep(1)
    expect(agent.closed is None, f"an agent lost its connection: {agent.closed}")
    agent.send("heartbeat", {"config_version": 1})
    # The store opens files for it.
    early.request("PUT", local(order["upload_creds"]["presigned_put_url"]), b"x" * 1_000)
    equal(early.getresponse().status, 200, "an upload on a connection that was there before")
    early.close()
    for connection in waiting:
        connection.close()
    eventually(lambda: server.call("GET", "/readyz").status == 200, "answers again", 30)
    agent.back_up(agent.add_job(), b"x" * 1_000)  # the first one's database is still being backed up
    agent.leave()
    expect("Too many open files" not in server.errors(), "the server ran out of files")


SCENARIOS = [roles, tokens_end, tokens_outlive_the_process, connections_leave_files_for_the_log]
SLOW = [a_slow_head_and_a_slow_body_are_cut_off]
