"""The interface for people and programs, with all that may be wrong about a request."""
import concurrent.futures
import time

from kit.agent import Agent, wait_run
from kit.checks import Findings, equal, eventually, expect

NOBODY = {"agt": "agt_00000000000", "tgt": "tgt_00000000000", "job": "job_00000000000", "run": "run_00000000000"}
PATHS = {
    "/v1/agents/{agt}": ("GET", "PATCH", "DELETE"),
    "/v1/agents/{agt}/rotate-key": ("POST",),
    "/v1/agents/{agt}/config": ("GET", "PATCH"),
    "/v1/agents/{agt}/discovered": ("GET",),
    "/v1/agents/{agt}/metrics": ("GET",),
    "/v1/agents/{agt}/targets": ("GET", "POST"),
    "/v1/targets/{tgt}": ("PATCH", "DELETE"),
    "/v1/targets/{tgt}/test-connection": ("POST",),
    "/v1/agents/{agt}/jobs": ("GET", "POST"),
    "/v1/jobs/{job}": ("GET", "PATCH", "DELETE"),
    "/v1/jobs/{job}/run": ("POST",),
    "/v1/runs/{run}": ("GET", "DELETE"),
    "/v1/runs/{run}/timeline": ("GET",),
    "/v1/runs/{run}/cancel": ("POST",),
    "/v1/runs/{run}/download-url": ("GET",),
    "/v1/runs/{run}/decryption-token": ("POST",),
    "/v1/health-checks/{chk}": ("PATCH", "DELETE"),
}
BODIES = {
    "/v1/agents/{agt}": {"name": "x"}, "/v1/agents/{agt}/config": {"advanced": {"max_parallel_jobs": 2}},
    "/v1/agents/{agt}/targets": {"type": "sqlite", "display_name": "x", "connection": {"database": "/x"}},
    "/v1/targets/{tgt}": {"display_name": "y"}, "/v1/agents/{agt}/jobs": {"target_id": "tgt_00000000000"},
    "/v1/jobs/{job}": {"timeout_sec": 1},
}
def fill(path, **ids):
    for prefix, identifier in ({"chk": "chk_00000000000"} | NOBODY | ids).items():
        path = path.replace("{" + prefix + "}", identifier)
    return path


def tokens(world):
    server = world.server
    findings = Findings()
    for path in ("/v1/agents", "/v1/runs", "/v1/log", "/v1/openapi.json", "/metrics"):
        for token in ("", "wrong", server.token[:-1], server.token + "x", server.token.upper(), "é", "x" * 5_000, "a b"):
            answer = server.request("GET", path, headers=[("Authorization", f"Bearer {token}".encode("utf-8"))] if token else [])
            findings.check(answer.status == 401, f"GET {path} with {token[:20]!r}: {answer.status}")
            findings.run(path, lambda answer=answer, path=path: answer.must_be_error(path))
    for value in (server.token, f"Basic {server.token}", f"Token {server.token}", "Bearer", "Bearer  "):
        answer = server.request("GET", "/v1/agents", headers=[("Authorization", value)])
        findings.check(answer.status == 401, f"Authorization: {value[:7]}…: {answer.status}")
    answer = server.request("POST", "/v1/agents", b'{"name":"x"}')
    findings.check(answer.status == 401, f"POST without a token: {answer.status}")
    findings.check(server.request("GET", "/v1/agents?token=" + server.token).status == 401, "a token in the query")
    answer = server.request("GET", "/v1/agents", headers=[("authorization", f"bearer {server.token}")])
    findings.check(answer.status == 200, f"names in lower case: {answer.status}")
    agent = Agent(server, "no person")
    answer = server.request("GET", "/v1/agents", headers=[("Authorization", f"Bearer {agent.key}")])
    findings.check(answer.status == 401, f"an agent's key as token: {answer.status}")
    findings.end()


def unknown_ids(world):
    server = world.server
    findings = Findings()
    odd = ["agt_", "x", "agt_0000000000", "agt_000000000000", "job_00000000000", "%00", "..%2f..", "a" * 5_000, "%F0%9F%92%BE",
           "%ff", "%", "-1", "null", "agt_0000000000%0a"]
    for path, methods in PATHS.items():
        for method in methods:
            body = None if method in ("GET", "DELETE") else BODIES.get(path, {})
            answer = server.call(method, fill(path), body)
            findings.check(answer.status == 404, f"{method} {path} of nobody: {answer.status} {answer.text[:150]}")
            for prefix in ("agt", "tgt", "job", "run"):
                for text in odd if "{" + prefix + "}" in path else []:
                    answer = server.call(method, fill(path, **{prefix: text}), body)
                    good = answer.status in (400, 404) or (text == "job_00000000000" and answer.status == 404)
                    findings.check(good, f"{method} {path} of {text[:20]!r}: {answer.status} {answer.text[:150]}")
    findings.run("alive", server.must_live)
    findings.end()


def methods(world):
    server = world.server
    agent = Agent(server, "method")
    target = agent.add_target()
    job = agent.add_job(target)
    run = server.make(f"/v1/jobs/{job}/run")["run_id"]
    ids = {"agt": agent.id, "tgt": target, "job": job, "run": run}
    described = server.show("/v1/openapi.json")["paths"]
    findings = Findings()
    for path, operations in described.items():
        known = {name.upper() for name in operations} & {"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"}
        first = path.split("/")[2] if path.startswith("/v1/") else ""
        prefix = {"agents": "agt", "targets": "tgt", "jobs": "job", "runs": "run"}.get(first)
        if prefix is None and "{" in path:
            continue
        actual = path.replace("{id}", ids.get(prefix, "")).replace("{agent}", agent.id)
        if "**" in actual or "{" in actual:
            continue
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"):
            if method in known:
                continue

            def body(method=method, actual=actual, known=known):
                answer = server.call(method, actual, None if method in ("GET", "TRACE") else {})
                expect(answer.status == 405, f"{answer.status}")
                allowed = {name.strip() for name in answer.headers.get("allow", "").split(",")} - {"HEAD", "OPTIONS", ""}
                expect(allowed == known - {"HEAD"}, f"Allow {allowed}, wanted {known}")
            findings.run(f"{method} {path}", body)
    for path in ("/v1", "/v1/", "/v1/nothing", "/v2/agents", "/v1/agents/x/y/z", "/nothing"):
        answer = server.call("GET", path)
        findings.check(answer.status == 404, f"GET {path}: {answer.status}")
    answer = server.call("HEAD", "/v1/agents")
    findings.check(answer.status == 200 and answer.body == b"", f"HEAD: {answer.status}")
    findings.end()


def limits_and_cursors(world):
    server = world.server
    agent = Agent(server, "pages")
    for _ in range(3):
        agent.add_target()
    findings = Findings()
    cursor = server.show("/v1/agents?limit=1")["next_cursor"] or "none"
    other = server.show(f"/v1/agents/{agent.id}/targets?limit=1")["next_cursor"]
    for path in ("/v1/agents", "/v1/runs", f"/v1/agents/{agent.id}/targets", f"/v1/agents/{agent.id}/jobs"):
        for limit in ("0", "101", "-1", "abc", "1.5", "", "1e1", str(2**64), "%00", "%2B5", "5,5"):
            answer = server.call("GET", f"{path}?limit={limit}")
            findings.check(answer.status == 422, f"{path} limit={limit}: {answer.status}")
        for bad in ("abc", "%00", "x" * 3_000, "AAAA", "-1", "%ff", other if "targets" not in path else cursor):
            answer = server.call("GET", f"{path}?cursor={bad}")
            findings.check(answer.status == 422, f"{path} cursor={bad[:30]}: {answer.status}")
        answer = server.call("GET", f"{path}?nonsense=1")
        findings.check(answer.status == 422, f"{path} nonsense=1: {answer.status}")
        answer = server.call("GET", f"{path}?limit=5&limit=6")
        findings.check(answer.status in (200, 422), f"{path} two limits: {answer.status}")
    for query in ("status=nonsense", "from=yesterday", "to=2026-13-01T00:00:00Z", "from=1"):
        answer = server.call("GET", f"/v1/runs?{query}")
        findings.check(answer.status == 422, f"/v1/runs?{query}: {answer.status}")
    for query in (f"agent_id={NOBODY['agt']}", "job_id=x", "target_id=%27%20OR%201=1--", "from=2020-01-01T00:00:00Z&to=2020-01-02T00:00:00.000Z"):
        answer = server.call("GET", f"/v1/runs?{query}")
        good = answer.status == 422 or (answer.status == 200 and answer.json["items"] == [])
        findings.check(good, f"/v1/runs?{query}: {answer.status} {answer.text[:100]}")
    for query in ("after=-1", "after=x", f"after={2**64}", "limit=0", "limit=100000"):
        answer = server.call("GET", f"/v1/log?{query}")
        findings.check(answer.status == 422, f"/v1/log?{query}: {answer.status} {answer.text[:100]}")
    for path in ("/v1/log/0", "/v1/log/x", "/v1/log/-1", f"/v1/log/{2**64}", "/v1/log/999999999", "/v1/log/999999999/why"):
        answer = server.call("GET", path)
        findings.check(answer.status in (404, 422), f"{path}: {answer.status}")
    findings.end()


def pages_are_complete(world):
    server = world.new_server().start()
    made = [Agent(server, f"agent {number}").id for number in range(11)]
    findings = Findings()
    for limit in (1, 2, 5, 11, 100):
        found = [item["id"] for item in server.everything("/v1/agents", limit)]
        findings.check(sorted(found) == sorted(made), f"agents by {limit}: {len(found)} of {len(made)}")
    first = server.show("/v1/agents?limit=4")
    seen = [item["id"] for item in first["items"]]
    late = Agent(server, "made between pages").id
    gone = {seen[3], next(identifier for identifier in made if identifier not in seen)}  # the cursor stands at one
    [server.call("DELETE", f"/v1/agents/{identifier}").must_be("DELETE", 204) for identifier in gone]
    rest, cursor = [], first["next_cursor"]
    while cursor:
        page = server.show(f"/v1/agents?limit=2&cursor={cursor}")
        rest += [item["id"] for item in page["items"]]
        cursor = page["next_cursor"]
    wanted = set(made) - set(seen) - gone
    findings.check(
        len(rest) == len(set(rest)) and set(rest) - {late} == wanted, f"after changes between pages: {rest}, wanted {wanted}")
    agent = Agent(server, "running")
    jobs = [agent.add_job() for _ in range(2)]
    runs = [server.make(f"/v1/jobs/{jobs[number % 2]}/run")["run_id"] for number in range(9)]
    for limit in (1, 2, 4, 9, 100):
        found = [item["id"] for item in server.everything("/v1/runs", limit)]
        findings.check(found == runs[::-1], f"runs by {limit}: {len(found)} of {len(runs)}, newest first")
    found = [item["id"] for item in server.everything(f"/v1/runs?job_id={jobs[0]}", 2)]
    findings.check(found == runs[::2][::-1], "runs of one job")
    found = [item["id"] for item in server.everything("/v1/runs?status=queued", 2)]
    findings.check(found == runs[::-1], "queued runs")
    page = server.show("/v1/runs?limit=3")
    server.make(f"/v1/jobs/{jobs[0]}/run")
    following = server.show(f"/v1/runs?limit=3&cursor={page['next_cursor']}")
    both = [item["id"] for item in page["items"] + following["items"]]
    findings.check(both == runs[::-1][:6], "a new run between pages")
    positions = [item["position"] for item in server.everything(f"/v1/runs/{runs[0]}/timeline", 1)]
    findings.check(positions == sorted(set(positions)) and positions, f"timeline by 1: {positions}")
    findings.end()


def idempotency(world):
    server = world.server
    findings = Findings()
    first = server.make("/v1/agents", {"name": "once"}, "key-1")
    server.planted.add("agent key", first["key"])
    again = server.call("POST", "/v1/agents", {"name": "once"}, "key-1").must_be("the same again", 200, 201).json
    findings.check(again["id"] == first["id"] and again["key"] is None, f"repeated: {again}")
    server.call("POST", "/v1/agents", {"name": "other"}, "key-1").must_be_error("another body", 409)
    server.call("POST", f"/v1/agents/{first['id']}/rotate-key", {}, "key-1").must_be_error("another path", 409)
    made = server.make(f"/v1/agents/{first['id']}/rotate-key", {}, "key-2")
    server.planted.add("agent key", made["key"])
    findings.check(server.make(f"/v1/agents/{first['id']}/rotate-key", {}, "key-2")["key"] is None, "a rotated key is shown again")
    body = {"type": "sqlite", "display_name": "x", "connection": {"database": "/x", "password_secret_ref": "Passw0rd-of-idempotency"}}
    server.planted.add("literal password", "Passw0rd-of-idempotency")
    target = server.make(f"/v1/agents/{first['id']}/targets", body, "key-3")["id"]
    findings.check(server.make(f"/v1/agents/{first['id']}/targets", body, "key-3")["id"] == target, "a target made twice")
    job = server.make(f"/v1/agents/{first['id']}/jobs", {"target_id": target}, "key-4")["id"]
    findings.check(server.make(f"/v1/agents/{first['id']}/jobs", {"target_id": target}, "key-4")["id"] == job, "a job made twice")
    other = server.make(f"/v1/agents/{first['id']}/jobs", {"target_id": target})["id"]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: server.call("POST", f"/v1/jobs/{job}/run", {}, "key-5"), range(8)))
    findings.check({answer.status for answer in answers} == {202}, f"8 at once: {[answer.status for answer in answers]}")
    findings.check(len({answer.text for answer in answers}) == 1, f"8 at once: {[answer.text for answer in answers]}")
    findings.check(len(server.everything(f"/v1/runs?job_id={job}")) == 1, "8 at once made more than one run")
    server.call("POST", f"/v1/jobs/{other}/run", {}, "key-5").must_be_error("another job under the same key", 409)
    answer = server.call("POST", "/v1/agents", {"name": ""}, "key-6")
    findings.check(answer.status == 422, f"bad body with a key: {answer.status}")
    answer = server.call("POST", "/v1/agents", {"name": "good"}, "key-6")
    findings.check(answer.status == 201, f"what was refused does not use up the key: {answer.status} {answer.text[:150]}")
    for key in ("x" * 201, "é".encode().decode("latin-1"), "x" * 20_000):
        answer = server.call("POST", "/v1/agents", {"name": "x"}, key)
        findings.check(answer.status in (400, 422, 431), f"key {key[:10]!r}: {answer.status}")
    answer = server.call("POST", "/v1/agents", raw=b'{ "name" : "once" }', key="key-1")
    findings.check(answer.status in (200, 201, 409), f"other spaces: {answer.status}")
    findings.end()


def deleting(world):
    server = world.server
    agent = Agent(server, "deleting")
    target = agent.add_target()
    keeping, free = agent.add_job(target, retention_days=7), agent.add_job(target)
    agent.connect()
    findings = Findings()

    def answers(method, path, what, *statuses):
        answer = server.call(method, path, None if method == "GET" else {})
        findings.check(answer.status in statuses, f"{what}: {answer.status} {answer.text[:150]}, wanted {statuses}")
    kept, _, _ = agent.back_up(keeping, b"kept" * 100)
    loose, order, _ = agent.back_up(free, b"free" * 100)
    opened, waiting = agent.order(free)
    answers("DELETE", f"/v1/targets/{target}", "a target in use", 409)
    answers("DELETE", f"/v1/runs/{kept}", "a run under retention", 409, 412)
    answers("DELETE", f"/v1/runs/{opened}", "an open run", 409)
    answers("DELETE", f"/v1/agents/{agent.id}", "an agent with an open run", 409)
    answers("GET", f"/v1/runs/{opened}/download-url", "an open run's download", 409)
    answers("POST", f"/v1/runs/{opened}/decryption-token", "an open run's token", 409)
    answers("DELETE", f"/v1/runs/{loose}", "a run without retention", 202, 204)
    download = eventually(
        lambda: server.call("GET", f"/v1/runs/{loose}/download-url").status == 409, "the deleted object has no address", 20)
    findings.check(download, "a deleted object")
    answers("POST", f"/v1/runs/{loose}/decryption-token", "a deleted object's token", 409)
    answers("GET", f"/v1/runs/{loose}", "a run whose object was deleted", 200)
    agent.upload(order, b"again")
    answers("DELETE", f"/v1/jobs/{free}", "a job with an open run", 204, 409)
    agent.fail(waiting, "dump: enough")
    wait_run(server, opened, "failed", "cancelled")
    for job in (keeping, free):
        if server.call("GET", f"/v1/jobs/{job}").status == 200:
            answers("DELETE", f"/v1/jobs/{job}", "a job", 204)
        answers("GET", f"/v1/jobs/{job}", "a deleted job", 404)
        answers("POST", f"/v1/jobs/{job}/run", "running a deleted job", 404)
    answers("GET", f"/v1/runs/{kept}", "a run whose job is gone", 200)
    answers("GET", f"/v1/runs/{kept}/download-url", "its object", 200)
    answers("DELETE", f"/v1/targets/{target}", "a target that is not used any more", 204)
    answers("DELETE", f"/v1/targets/{target}", "twice", 404)
    spare = agent.add_target()
    answers("DELETE", f"/v1/agents/{agent.id}", "an agent", 204)
    agent.wait_closed(20)
    answers("PATCH", f"/v1/targets/{spare}", "a deleted agent's target", 404)
    answers("GET", f"/v1/agents/{agent.id}/targets", "a deleted agent's targets", 404)
    answers("GET", f"/v1/runs/{kept}", "a deleted agent's run", 200)
    answers("POST", f"/v1/runs/{kept}/decryption-token", "a deleted agent's backup can be opened", 200)
    findings.end()


def changing_keeps_the_rest(world):
    server = world.server
    agent = Agent(server, "partial")
    target = agent.add_target(type="mysql", display_name="d", connection={
        "host": "h", "port": 3306, "database": "b", "username": "u", "password_secret_ref": "env:P", "strategy": "unix_socket"})
    job = agent.add_job(target, cron="0 1 * * *", retention_days=5, pre_hooks=["a"], retry={"max_attempts": 2, "backoff_seconds": [3]})

    def shown(path):
        # A change has a revision of its own, and may move the next time.
        return {name: value for name, value in server.show(path).items() if name not in ("revision", "next_run_at")}
    before = shown(f"/v1/targets/{target}")
    server.call("PATCH", f"/v1/targets/{target}", {"connection": {"port": 3307}}).must_be("PATCH", 200)
    wanted = before | {"connection": before["connection"] | {"port": 3307}}
    equal(shown(f"/v1/targets/{target}"), wanted, "the target")
    before = shown(f"/v1/jobs/{job}")
    server.call("PATCH", f"/v1/jobs/{job}", {"retention_days": 6}).must_be("PATCH", 200)
    equal(shown(f"/v1/jobs/{job}"), before | {"retention_days": 6}, "the job")
    server.call("PATCH", f"/v1/jobs/{job}", {}).must_be("an empty PATCH", 200)
    equal(shown(f"/v1/jobs/{job}"), before | {"retention_days": 6}, "the job after an empty PATCH")
    server.call("PATCH", f"/v1/jobs/{job}", {"pre_hooks": [], "cron": ""}).must_be("PATCH", 200)
    equal(shown(f"/v1/jobs/{job}"), before | {"retention_days": 6, "pre_hooks": [], "cron": ""}, "emptied")
    server.call("PATCH", f"/v1/agents/{agent.id}", {"name": "renamed \U0001f4be"}).must_be("PATCH", 200)
    equal(server.show(f"/v1/agents/{agent.id}")["name"], "renamed \U0001f4be", "the name")
    equal(server.call("POST", "/v1/agents", raw=b"").status, 422, "an agent without a body, so without a name")


def too_many_requests(world):
    server = world.new_server().start()
    statuses = []

    def hammer(_):
        return [server.call("GET", "/v1/agents", patient=False) for _ in range(120)]
    began = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        for answers in pool.map(hammer, range(4)):
            statuses += answers
    seconds = time.monotonic() - began
    counts = {status: sum(a.status == status for a in statuses) for status in {a.status for a in statuses}}
    expect(set(counts) <= {200, 429}, f"answers {counts}")
    good = counts.get(200, 0)
    expect(good <= 200 + 50 * (seconds + 1), f"{good} good answers in {seconds:.1f} s")
    for answer in statuses:
        if answer.status == 429:
            expect(answer.headers.get("retry-after", "").isdigit(), f"429 with Retry-After {answer.headers.get('retry-after')}")
    if seconds < 4:
        expect(429 in counts, f"480 requests in {seconds:.1f} s and no 429")
    eventually(lambda: server.call("GET", "/v1/agents", patient=False).status == 200, "it is over soon", 10)


SCENARIOS = [
    tokens, unknown_ids, methods, limits_and_cursors, pages_are_complete, idempotency, deleting, changing_keeps_the_rest, too_many_requests,
]
