"""Bodies of requests: what is no JSON, of a wrong type, or out of bounds."""
import concurrent.futures
import json

from kit.agent import Agent
from kit.checks import Findings, equal

NO_TARGET = "tgt_00000000000"
TARGET = {
    "type": "sqlite", "display_name": "text",
    "connection": {"host": "text", "port": 1, "database": "text", "username": "text", "password_secret_ref": "text",
                   "container_id": "text", "strategy": "tcp"},
}
JOB = {
    "target_id": "text", "cron": "0 0 * * *", "time_zone": "UTC", "jitter_sec": 1, "overlap": "skip", "catch_up_sec": 1,
    "retention_days": 1, "retention": {"keep_last": 1, "minimum": 2}, "compression": "zstd", "encryption_enabled": True,
    "pre_hooks": ["text"], "post_hooks": ["text"], "retry": {"max_attempts": 1, "backoff_seconds": [1]}, "timeout_sec": 1,
}
SETTINGS = {
    "maintenance": {"start_utc": "01:00", "end_utc": "02:00"},
    "advanced": {"max_parallel_jobs": 1, "log_level": "info", "auto_update_enabled": False},
}


def bodies_that_are_no_json(world):
    server = world.server
    before = len(server.everything("/v1/agents"))
    findings = Findings()
    texts = [
        b"{", b"}", b"[]", b'"x"', b"null", b"true", b"1", b'{"name":"a",}', b"{'name':'a'}", b'{"name":"a"', b'{"name" "a"}',
        b'{"name":"a"} x', b'{"name":"a"}{"name":"b"}', b'{"name":"\xff\xfe"}', b'{"name":"\\ud800"}', b'{"name":"\\u12"}',
        b'{"name":"\\x41"}', b'{"name":"a\nb"}', b'{"name":"a\\u0000b"}', b'{name:"a"}', b'{"name":NaN}', b'{"name":+1}', b'{"name":01}',
        b'{"name":1e999999999}', b'{"name":' + b"1" * 10_000 + b"}", b"[" * 100_000, b'{"a":' * 100_000,
        b"{" + b'"a":1,' * 1_000 + b'"a":1}', b"\xef\xbb\xbf{", b"\x00", b" ", b'{"name":"a","name":"b"}', b'{"":1}',
        b'{"name":""}', b'{"name":"' + b"x" * 201 + b'"}', b'{"name":"' + b"x" * 100_000 + b'"}', b'{"NAME":"a"}', b"/* */{}",
        "{\"name\":\"a\"}".encode("utf-16"),
    ]
    for text in texts:
        answer = server.call("POST", "/v1/agents", raw=text)
        findings.check(answer.status in (400, 422), f"{text[:40]!r}: {answer.status} {answer.text[:100]}")
    for size, statuses in ((1_100_000, (413, 422)), (20_000_000, (413, 422))):
        try:
            answer = server.call("POST", "/v1/agents", raw=b'{"name":"' + b"x" * size + b'"}')
            findings.check(answer.status in statuses, f"{size} bytes: {answer.status}")
        except ConnectionError as error:
            findings.check(size > 2_000_000, f"{size} bytes: no answer, {error}")
    answer = server.request("POST", "/v1/agents", b'{"name":"a"}', [
        ("Authorization", f"Bearer {server.token}"), ("Content-Type", "image/png")])
    findings.check(answer.status in (415, 422), f"a picture: {answer.status}")
    findings.run("alive", server.must_live)
    equal(len(server.everything("/v1/agents")), before, "agents, after none of these was good")
    findings.end()


def wrong_values(right):
    """Of all types but the right one. null may stand for an absent member."""
    for value in (None, True, 5, -1, 1.5, 1e99, "x", [], [1], ["x"], {}, {"x": 1}):
        same = isinstance(value, type(right)) and not (isinstance(value, bool) != isinstance(right, bool))
        if value is not None and not same:
            yield value
        elif isinstance(right, int) and not isinstance(right, bool) and value in (-1,):
            yield value
        elif isinstance(right, list) and right and value and not isinstance(value[0], type(right[0])):
            yield value


def places(example, path=()):
    for name, value in example.items():
        yield path + (name,), value
        if isinstance(value, dict):
            yield from places(value, path + (name,))


def altered(example, path, value):
    copy = json.loads(json.dumps(example))
    inner = copy
    for name in path[:-1]:
        inner = inner[name]
    inner[path[-1]] = value
    return copy


def wrong_types(world):
    server = world.server
    agent = Agent(server, "typed")
    target = agent.add_target()
    job = agent.add_job(target)
    example = dict(JOB, target_id=target)
    changeable = {name: value for name, value in example.items() if name != "target_id"}
    findings = Findings()
    cases = [
        ("POST", "/v1/agents", {"name": "text"}), ("PATCH", f"/v1/agents/{agent.id}", {"name": "text"}),
        ("PATCH", f"/v1/agents/{agent.id}/config", SETTINGS),
        ("POST", f"/v1/agents/{agent.id}/targets", TARGET), ("PATCH", f"/v1/targets/{target}", TARGET),
        ("POST", f"/v1/agents/{agent.id}/jobs", example), ("PATCH", f"/v1/jobs/{job}", changeable),
    ]

    def attempt(case):
        method, path, body, what = case
        answer = server.call(method, path, body)
        if answer.status != 422:
            return f"{method} {path.replace(agent.id, '{id}')} with {what}: {answer.status} {answer.text[:120]}"
        return None
    attempts = []
    for method, path, body in cases:
        answer = server.call(method, path, body)
        findings.check(answer.status in (200, 201), f"{method} {path} as it should be: {answer.status} {answer.text[:300]}")
        for place, right in places(body):
            for value in wrong_values(right):
                attempts.append((method, path, altered(body, place, value), f"{'.'.join(place)}={value!r}"))
            if isinstance(right, dict):
                attempts.append((method, path, altered(body, place + ("nonsense",), 1), f"{'.'.join(place)}.nonsense"))
        attempts.append((method, path, body | {"nonsense": 1}, "an unknown member"))
        attempts.append((method, path, body | {"id": "x"}, "an id"))
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        for problem in pool.map(attempt, attempts):
            findings.check(problem is None, problem)
    # null is nothing or refused, but never a fault of the server's.
    for method, path, body in cases:
        for place, _ in places(body):
            status = server.call(method, path, altered(body, place, None)).status
            findings.check(status in (200, 201, 422), f"{method} {path}, {'.'.join(place)}=null: {status}")
    findings.end()


def wrong_contents(world):
    server = world.server
    agent, other = Agent(server, "limits"), Agent(server, "other")
    target, foreign = agent.add_target(), other.add_target()
    findings = Findings()
    jobs, targets = f"/v1/agents/{agent.id}/jobs", f"/v1/agents/{agent.id}/targets"

    def wrong(path, body, what, method="POST"):
        answer = server.call(method, path, body)
        findings.check(answer.status == 422, f"{what}: {answer.status} {answer.text[:150]}")
    base = {"target_id": target}
    for what, change in {
        "17 hooks": {"pre_hooks": ["x"] * 17}, "a hook of 4 097 bytes": {"post_hooks": ["x" * 4_097]},
        "4 097 bytes in 2 049 characters": {"pre_hooks": ["é" * 2_049]},
        "no encryption": {"encryption_enabled": False}, "lz4": {"compression": "lz4"}, "no compression": {"compression": "none"},
        "a timeout of 2^32": {"timeout_sec": 2**32}, "retention of 2^32": {"retention_days": 2**32},
        "attempts 2^32": {"retry": {"max_attempts": 2**32}}, "another agent's target": {"target_id": foreign},
        "no target of anybody's": {"target_id": NO_TARGET}, "a target that is none": {"target_id": "x"},
        "cron with four fields": {"cron": "* * * *"}, "cron with six": {"cron": "0 * * * * *"}, "cron with words": {"cron": "a b c d e"},
        "minute 60": {"cron": "60 * * * *"}, "hour 24": {"cron": "0 24 * * *"}, "day 0": {"cron": "0 0 0 * *"},
        "month 13": {"cron": "0 0 1 13 *"}, "step 0": {"cron": "*/0 * * * *"}, "a range backwards": {"cron": "30-10 * * * *"},
        "a list that ends in a comma": {"cron": "1, * * * *"}, "cron with signs": {"cron": "-1 * * * *"},
    }.items():
        wrong(jobs, base | change, what)
    wrong(jobs, {}, "no target")
    for good in ("*/15 * * * *", "0 3 * * 1-5", "5,35 0-6/2 1,15 1-12 0", "0 0 29 2 *"):
        server.call("POST", jobs, base | {"cron": good}).must_be(f"cron {good}", 201)
    server.call("POST", jobs, base | {"pre_hooks": ["x" * 4_096] * 16}).must_be("16 hooks of 4 096 bytes", 201)
    for what, body in {
        "no type": {"display_name": "x", "connection": {"database": "/x"}},
        "a type that is none": {"type": "oracle", "display_name": "x", "connection": {"database": "/x"}},
        "a strategy that is none": {"type": "sqlite", "display_name": "x", "connection": {"database": "/x", "strategy": "ssh"}},
        "SQLite without database": {"type": "sqlite", "display_name": "x", "connection": {}},
        "port 65536": {"type": "mysql", "display_name": "x", "connection": {"host": "h", "port": 65_536, "database": "d"}},
        "port -1": {"type": "mysql", "display_name": "x", "connection": {"host": "h", "port": -1, "database": "d"}},
        "a zero character": {"type": "sqlite", "display_name": "a\0b", "connection": {"database": "/x"}},
        "env: alone": {"type": "sqlite", "display_name": "x", "connection": {"database": "/x", "password_secret_ref": "env:"}},
    }.items():
        wrong(targets, body, what)
    answer = server.call("POST", targets, {"type": "sqlite", "connection": {"database": "/x"}})
    findings.check(answer.status == 201, f"SQLite needs only database: {answer.status} {answer.text[:200]}")
    config = f"/v1/agents/{agent.id}/config"
    for what, body in {
        "25:00": {"maintenance": {"start_utc": "25:00", "end_utc": "02:00"}}, "7:5": {"maintenance": {"start_utc": "7:5", "end_utc": "02:00"}},
        "words": {"maintenance": {"start_utc": "night", "end_utc": "day"}}, "a start alone": {"maintenance": {"start_utc": "01:00"}},
        "2^32 jobs": {"advanced": {"max_parallel_jobs": 2**32}}, "level": {"advanced": {"log_level": "loud"}},
    }.items():
        wrong(config, body, f"settings, {what}", "PATCH")
    findings.end()


SCENARIOS = [bodies_that_are_no_json, wrong_types, wrong_contents]
