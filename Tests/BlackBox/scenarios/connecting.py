"""Who gets a WebSocket, and what everybody else is told."""
import threading

from kit.agent import Agent
from kit.checks import Findings, equal, eventually, expect
from kit.websocket import Refused, WebSocket

PATH = "/v1/agents/connect"
WRONG = "bkpy_live_" + "A" * 32


def refusal(server, path=PATH, headers=(), **options):
    """The answer to an upgrade that must not come about."""
    try:
        connection = WebSocket("127.0.0.1", server.port, path, headers, **options)
    except Refused as refused:
        return refused
    connection.drop()
    raise AssertionError("was upgraded")


def keys(world):
    server = world.server
    agent = Agent(server, "keyed")
    good = f"Bearer {agent.key}"
    cases = {
        "no key": [],
        "wrong key": [("Authorization", f"Bearer {WRONG}")],
        "admin token": [("Authorization", f"Bearer {server.token}")],
        "empty": [("Authorization", "")],
        "Bearer alone": [("Authorization", "Bearer ")],
        "other scheme": [("Authorization", f"Basic {agent.key}")],
        "key alone": [("Authorization", agent.key)],
        "key with more behind": [("Authorization", good + "x")],
        "key cut off": [("Authorization", good[:-1])],
        "key in lower case": [("Authorization", "Bearer " + agent.key.lower())],
        "two headers": [("Authorization", f"Bearer {WRONG}"), ("Authorization", good)],
        "long": [("Authorization", "Bearer " + "x" * 6_000)],
        "bytes beyond ASCII": [("Authorization", "Bearer \xff\xfe\xc3")],
    }
    findings = Findings()
    for name, headers in cases.items():
        try:
            refused = refusal(server, headers=headers)
            findings.check(refused.status == 401, f"{name}: {refused.status}")
            findings.check("upgrade" not in refused.headers, f"{name}: the answer has an Upgrade header")
            findings.check(b'"AUTH_FAILED"' in refused.body, f"{name}: body {refused.body[:200]!r}")
        except (AssertionError, OSError) as error:
            findings.check(False, f"{name}: {type(error).__name__} {error}")
    agent.connect()
    agent.leave()
    findings.end()


def paths(world):
    server = world.server
    agent = Agent(server, "pathfinder")
    findings = Findings()
    for path in (PATH, "/x/y" + PATH, PATH + "?tenant=1", PATH + "/v1/agents/connect", "/a%20b" + PATH):
        findings.run(path, lambda path=path: agent.connect(path=path))
        agent.leave()
    headers = [("Authorization", f"Bearer {agent.key}")]
    for path in ("/", "/v1/agents/connec", "/v1/agents/connect/", "/v1/agents/connect/x", "/x?y=" + PATH, "/objects" + PATH[:-1]):
        try:
            refused = refusal(server, path, headers)
            wanted = (404,) if path != "/" else (200, 404)
            # Some of these are paths of the interface, where an agent's key is no token, or of the store, unsigned.
            findings.check(refused.status in wanted + (401, 403), f"{path}: {refused.status}")
        except (AssertionError, OSError) as error:
            findings.check(False, f"{path}: {type(error).__name__} {error}")
    refused = refusal(server, "/nothing/here", headers)
    # Without an API token nobody is told which paths there are.
    equal(refused.status, 401, "a wrong path")
    findings.end()


def requests_that_are_no_upgrade(world):
    server = world.server
    agent = Agent(server, "odd")
    good = [("Authorization", f"Bearer {agent.key}")]
    findings = Findings()
    for path in (PATH, "/x/y" + PATH):
        answer = server.request("GET", path, headers=good)
        findings.check(400 <= answer.status < 500, f"plain GET of {path}: {answer.status}")
        findings.check(b'"error"' in answer.body, f"plain GET of {path}: {answer.body[:100]!r}")
        answer = server.request("POST", path, b"{}", headers=good)
        findings.check(400 <= answer.status < 500, f"POST of {path}: {answer.status}")
    cases = {
        "h2c": {"upgrade": "h2c"},
        "two protocols without ours": {"upgrade": "h2c, foo/2"},
        "version 8": {"version": "8"},
        "version 0": {"version": "0"},
        "no version": {"version": ""},
        "version junk": {"version": "13, 8"},
        "no key header": {"key": ""},
        "POST": {"method": "POST"},
        "PUT": {"method": "PUT"},
        "short nonce": {"key": "AAAA"},
        "nonce that is no base64": {"key": "*" * 24},
    }
    for name, options in cases.items():
        try:
            refused = refusal(server, headers=good, **options)
            findings.check(400 <= refused.status < 500, f"{name}: {refused.status} {refused.body[:100]!r}")
            if name.startswith("version"):
                told = refused.headers.get("sec-websocket-version", "")
                findings.check("13" in told, f"{name}: {refused.status} without Sec-WebSocket-Version: 13")
        except (AssertionError, OSError) as error:
            findings.check(False, f"{name}: {type(error).__name__} {error}")
    answer = server.request(
        "GET", "/v1/agents",
        headers=[("Authorization", f"Bearer {server.token}"), ("Upgrade", "h2c"), ("Connection", "Upgrade, HTTP2-Settings"),
                 ("HTTP2-Settings", "AAMAAABkAAQCAAAAAAIAAAAA")])
    findings.check(answer.status == 200, f"h2c offered to the interface: {answer.status}")
    server.must_live()
    findings.end()


def bytes_that_are_no_http(world):
    server = world.server
    agent = Agent(server, "bystander")
    agent.connect()
    findings = Findings()
    unfinished = {"half a head", "half a body", "no host"}  # these may wait for more
    junk = {
        "nonsense": b"\x00\x01\x02\xff" * 100,
        "TLS hello": bytes.fromhex("16030100c5010000c10303") + b"\x00" * 186,
        "HTTP/2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\x00" * 9,
        "a head of 1 MiB": b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X-A: " + b"a" * 1_000_000 + b"\r\n\r\n",
        "20 000 headers": b"GET / HTTP/1.1\r\nHost: x\r\n" + b"".join(b"a%d: b\r\n" % i for i in range(20_000)) + b"\r\n",
        "a path of 200 000": b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        "two lengths": b"POST /v1/agents HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        "length and chunks": b"POST /v1/agents HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "negative length": b"POST /v1/agents HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
        "length 2^80": b"POST /v1/agents HTTP/1.1\r\nHost: x\r\nContent-Length: 1208925819614629174706176\r\n\r\n",
        "bad chunk": b"POST /v1/agents HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "an unknown method": b"BREW /v1/agents HTTP/1.1\r\nHost: x\r\n\r\n",
        "HTTP/9.9": b"GET / HTTP/9.9\r\n\r\n",
        "no host": b"GET /healthz HTTP/1.1\r\n\r\n",
        "absolute target": b"GET http://elsewhere/healthz HTTP/1.1\r\nHost: elsewhere\r\nConnection: close\r\n\r\n",
        "asterisk": b"OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        "CONNECT": b"CONNECT example:443 HTTP/1.1\r\nHost: example:443\r\n\r\n",
        "bytes beyond ASCII": b"GET /\xff\xfe HTTP/1.1\r\nHost: x\r\nX: \xff\r\nConnection: close\r\n\r\n",
        "half a head": b"GET /healthz HTT",
        "half a body": b"POST /v1/agents HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{",
    }
    for name, data in junk.items():
        answer, has_ended = server.raw_until_end(data, seconds=2)
        told = answer.startswith(b"HTTP/1.1 ") or has_ended
        findings.check(told or name in unfinished, f"{name}: neither answered nor hung up on")
        findings.check(not answer.startswith(b"HTTP/1.1 5"), f"{name}: {answer[:60]!r}")
        if name in ("a head of 1 MiB", "20 000 headers", "a path of 200 000"):
            findings.check(answer.startswith(b"HTTP/1.1 431 ") or not answer, f"{name}: {answer[:60]!r}")
        findings.run(name, server.must_live)
    findings.check(agent.closed is None, f"a bystander was disconnected: {agent.closed}")
    agent.leave()
    findings.end()


def wrong_keys_are_limited_and_right_ones_are_not(world):
    server = world.new_server().start()
    agent = Agent(server, "among many")
    findings = Findings()
    statuses, waits = [], []
    for _ in range(150):
        answer = refusal(server, headers=[("Authorization", f"Bearer {WRONG}")])
        statuses.append(answer.status)
        if answer.status == 429:
            waits.append(answer.headers.get("retry-after"))
            findings.check(b'"RATE_LIMITED"' in answer.body, f"body {answer.body[:200]!r}")
    findings.check(statuses[:100] == [401] * 100, f"the first 100 wrong keys: {statuses[:100]}")
    findings.check(429 in statuses, f"150 wrong keys: {statuses}")
    findings.check(all(wait and wait.isdigit() and int(wait) >= 1 for wait in waits), f"Retry-After: {waits}")
    tokens = [server.request("GET", "/v1/agents", headers=[("Authorization", "Bearer nonsense")]) for _ in range(20)]
    findings.check(any(answer.status == 429 for answer in tokens), f"tokens: {[answer.status for answer in tokens]}")
    findings.run("the right key", agent.connect)
    findings.check(server.call("GET", "/v1/agents", patient=False).status == 200, "the right token")
    agent.leave()
    findings.run("the right key again", agent.connect)
    agent.leave()

    def let_in_again():
        return refusal(server, headers=[("Authorization", f"Bearer {WRONG}")]).status == 401
    eventually(let_in_again, "401 after a pause", 20, pause=2)
    findings.end()


SCENARIOS = [
    wrong_keys_are_limited_and_right_ones_are_not, keys, paths, requests_that_are_no_upgrade, bytes_that_are_no_http, ]
