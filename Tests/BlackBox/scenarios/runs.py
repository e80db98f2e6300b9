"""A run from its request to its verdict, and all that must not make it a success."""
import base64
import hashlib
import json
import os
import time

from kit.agent import CANCELLED, RUNNING, Agent, local, wait_run
from kit.checks import Findings, equal, eventually, expect, never

ANOMALY_SECONDS = 20


def success_with_evidence(world):
    server = world.server
    agent = Agent(server, "happy")
    job = agent.add_job()
    agent.connect()
    blob = os.urandom(300_000)
    run, order = agent.order(job)
    wire, creds = order["run_id"], order["upload_creds"]
    equal(wire, f"{run}-1", "the wire run id")
    equal(order["job_id"], job, "the job")
    expect(order["manual_trigger"], "a requested run is not marked as manual")
    equal(len(order["encrypted_dek"]), 32, "bytes of the data key")
    expect(creds["presigned_put_url"].startswith(server.url + "/objects/"), f"the URL is {creds['presigned_put_url']}")
    expect(creds["expires_at_ms"] > time.time() * 1000 + 60_000, "the URL expires within a minute")
    expect(creds["final_s3_key"], "no object name")
    shown = server.show(f"/v1/runs/{run}")
    equal(shown["status"], "running", "the status after dispatch")
    agent.upload(order, blob).must_be("PUT", 200)
    agent.complete(order, blob)
    shown = wait_run(server, run, "success")
    equal(shown["evidence"], {"object": "seen", "digest": "store"}, "evidence")
    equal(shown["size_bytes"], len(blob), "size")
    equal(shown["sha256"], hashlib.sha256(blob).hexdigest(), "digest")
    equal(shown["attempt"], 1, "attempt")
    expect(shown["finished_at"] and shown["started_at"], "no times")
    expect(not shown["error_message"], f"error {shown['error_message']}")
    download = server.show(f"/v1/runs/{run}/download-url")
    expect(server.request("GET", local(download["url"])).body == blob, "the download differs from what was stored")
    token = server.make(f"/v1/runs/{run}/decryption-token")["token"]
    middle = token.split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(middle + "=" * (-len(middle) % 4)))
    wanted = {
        "iss": "backupy-server", "aud": "backupy-decrypt", "run_id": run, "company_id": "default",
        "alg": "AES-256-GCM", "format_version": 1, "sha256": hashlib.sha256(blob).hexdigest(),
        "dek": base64.b64encode(order["encrypted_dek"]).decode(),
    }
    equal({name: claims.get(name) for name in wanted}, wanted, "the claims")
    expect(claims["sub"] and time.time() < claims["exp"] <= time.time() + 960, f"exp {claims['exp']}")
    timeline = server.everything(f"/v1/runs/{run}/timeline")
    expect(len(timeline) >= 4, f"the timeline has {len(timeline)} entries")
    equal(len(agent.orders(run)), 1, "RunBackups")
    agent.leave()


def no_success_without_the_object(world):
    server = world.server
    agent = Agent(server, "liar")
    job = agent.add_job()
    agent.connect()
    blob = os.urandom(5_000)
    _, good, _ = agent.back_up(job, blob)
    cases = {
        "wrong sha256": (blob, {"sha256": hashlib.sha256(b"other").hexdigest()}),
        "no sha256": (blob, {"sha256": ""}),
        "sha256 that is none": (blob, {"sha256": "zz" * 32}),
        "wrong size": (blob, {"size_bytes": len(blob) + 1}),
        "size 0": (blob, {"size_bytes": 0}),
        "size 2^64-1": (blob, {"size_bytes": 2**64 - 1}),
        "missing object": (None, {}),
        "name of another run's object": (None, {"s3_key": good["upload_creds"]["final_s3_key"]}),
        "name that leads elsewhere": (None, {"s3_key": "../../admin.token"}),
    }
    findings = Findings()
    for name, (content, changes) in cases.items():
        def body(content=content, changes=changes):
            run, order = agent.order(job)
            if content is not None:
                agent.upload(order, content).must_be("PUT", 200)
            agent.complete(order, blob, **changes)
            shown = wait_run(server, run, "failed")
            equal(shown["error_class"], "storage", "error_class")
            expect(server.call("GET", f"/v1/runs/{run}/download-url").status == 409, "it can be downloaded")
        findings.run(name, body)
    agent.leave()
    findings.end()


def repeated_completions(world):
    server = world.server
    agent = Agent(server, "repeating")
    job = agent.add_job()
    agent.connect()
    blob = os.urandom(2_000)
    run, order, before = agent.back_up(job, blob)
    for _ in range(3):
        agent.complete(order, blob)
    agent.complete(order, b"something else")
    agent.fail(order, "dump: too late")
    agent.complete(order, blob, s3_key="other")
    anomaly(server, agent, "repeated_completion")
    _, _, _ = agent.back_up(job, blob)  # all that came before it has been folded
    equal(server.show(f"/v1/runs/{run}"), before, "the run after late reports")
    # An object that was replaced before its completion: what the store has counts.
    first, second = os.urandom(900), os.urandom(1_000)
    run, order = agent.order(job)
    agent.upload(order, first).must_be("first PUT", 200)
    agent.upload(order, second).must_be("second PUT", 200)
    agent.complete(order, second)
    equal(wait_run(server, run, "success")["sha256"], hashlib.sha256(second).hexdigest(), "digest")
    agent.leave()


def completion_after_failure(world):
    server = world.server
    agent = Agent(server, "late")
    job = agent.add_job()
    agent.connect()
    blob = os.urandom(2_000)
    run, order = agent.order(job)
    agent.fail(order, "dump: pipeline: pg_dump exec: exit status 1")
    wait_run(server, run, "failed")
    agent.upload(order, blob)
    agent.complete(order, blob)
    anomaly(server, agent, "completion_after_failure")
    equal(server.show(f"/v1/runs/{run}")["status"], "failed", "a verdict is final; status")
    agent.leave()


def replayed_after_a_disconnect(world):
    server = world.server
    agent = Agent(server, "offline")
    job = agent.add_job()
    agent.connect()
    agent.seq = 20
    run, order = agent.order(job)
    old = int(time.time() * 1000) - 30_000
    agent.leave()
    agent.connect(heartbeat=False)
    agent.fail(order, "dump: pipeline: pg_dump exec: pg_dump: signal: killed (stderr=)", seq=4, ts_ms=old)
    agent.fail(order, "dump: pipeline: pg_dump exec: pg_dump: signal: killed (stderr=)", seq=4, ts_ms=old)
    agent.send("heartbeat", {"config_version": 1})
    # The first attempt that was cut off is replaced without counting; a second one of a job with one attempt fails.
    second = agent.wait_order(run, attempt=2)
    equal(second["run_id"], f"{run}-2", "the wire run id of the second attempt")
    expect(second["encrypted_dek"] != order["encrypted_dek"], "both attempts have the same data key")
    agent.fail(second, "dump: pipeline: pg_dump exec: pg_dump: signal: killed (stderr=)")
    shown = wait_run(server, run, "failed")
    equal(shown["error_class"], "disconnect", "error_class")
    equal([(each["number"], each["error_class"]) for each in shown["attempts"]], [(1, "disconnect"), (2, "disconnect")],
          "the attempts")
    # The run that had only post-hooks left: its completion comes with the next connection.
    blob = os.urandom(4_000)
    run, order = agent.order(job)
    agent.upload(order, blob).must_be("PUT", 200)
    agent.leave(reset=True)
    agent.connect(heartbeat=False)
    agent.send("backup_completed", agent.completion(order, blob), seq=3, ts_ms=old)
    wait_run(server, run, "success")
    equal(len(agent.orders(run)), 1, "RunBackups")
    agent.leave()


def reports_about_what_is_not_theirs(world):
    server = world.server
    owner, stranger = Agent(server, "owner"), Agent(server, "stranger")
    job = owner.add_job()
    owner.connect()
    stranger.connect()
    blob = os.urandom(3_000)
    run, order = owner.order(job)
    before = eventually(lambda: settled(server, run), "the dispatch is done")
    stranger.fail(order, "dump: not mine")
    stranger.complete(order, blob)
    stranger.send("job_update", {"job_id": job, "run_id": order["run_id"], "status": CANCELLED})
    stranger.send("job_update", {"job_id": job, "run_id": order["run_id"], "status": RUNNING, "progress_percent": 77})
    stranger.send("job_update", {"job_id": job, "status": 4, "error_message": "without a run"})
    anomaly(server, stranger, "foreign_run")
    unknown = dict(order, run_id="run_00000000000-1")
    stranger.fail(unknown, "dump: no such run")
    stranger.complete(unknown, blob)
    stranger.complete(dict(order, run_id=run + "-2"), blob)
    stranger.complete(dict(order, run_id="run_" + "x" * 5_000), blob)
    stranger.complete(dict(order, run_id=""), blob)
    stranger.complete(dict(order, run_id="\u0000\n'; DROP TABLE entries; --"), blob)
    anomaly(server, stranger, "unknown_run")
    equal(server.show(f"/v1/runs/{run}"), before, "the owner's run")
    # Attempts that were never made say nothing about the run either.
    for number in ("0", "2", "01", "-1", "18446744073709551616", ""):
        owner.fail(dict(order, run_id=f"{run}-{number}"), "dump: from an attempt that never was")
        owner.complete(dict(order, run_id=f"{run}-{number}"), blob)
    owner.upload(order, blob).must_be("PUT", 200)
    owner.complete(order, blob)
    wait_run(server, run, "success")
    equal(server.call("GET", "/v1/runs/run_00000000000").status, 404, "a run that was only spoken of")
    owner.leave()
    stranger.leave()


def cancelling(world):
    server = world.server
    agent = Agent(server, "cancelled")
    job = agent.add_job()
    queued = server.make(f"/v1/jobs/{job}/run")["run_id"]
    equal(server.show(f"/v1/runs/{queued}")["status"], "queued", "status without an agent")
    server.make(f"/v1/runs/{queued}/cancel")
    wait_run(server, queued, "cancelled")
    server.call("POST", f"/v1/runs/{queued}/cancel").must_be_error("cancelled twice", 409)
    agent.connect()
    run, order = agent.order(job)
    equal(agent.orders(queued), [], "RunBackups of a cancelled run")
    server.make(f"/v1/runs/{run}/cancel")
    equal(agent.wait("cancel_job")["job_id"], job, "CancelJob's job")
    eventually(lambda: server.show(f"/v1/runs/{run}")["cancellation"] == "sent", "the cancellation is sent", 20)
    equal(server.show(f"/v1/runs/{run}")["status"], "running", "before it is confirmed; status")
    agent.send("job_update", {"job_id": job, "run_id": order["run_id"], "status": CANCELLED})
    equal(wait_run(server, run, "cancelled")["cancellation"], "confirmed", "cancellation")
    # A reference agent goes on and completes.
    blob = os.urandom(1_000)
    run, order = agent.order(job)
    server.make(f"/v1/runs/{run}/cancel")
    agent.upload(order, blob).must_be("PUT", 200)
    agent.complete(order, blob)
    wait_run(server, run, "success")
    agent.leave()


def never_more_than_allowed_at_once(world):
    server = world.server
    agent = Agent(server, "busy")
    jobs = [agent.add_job() for _ in range(7)]  # each of a target of its own, which has one run at a time
    runs = [server.make(f"/v1/jobs/{job}/run")["run_id"] for job in jobs]
    agent.connect()
    eventually(lambda: len(agent.orders()) >= 4, "four RunBackups", 30)
    never(lambda: agent.orders()[4:], "more RunBackups than max_parallel_jobs", 2)
    done = set()
    while len(done) < len(runs):
        order = eventually(
            lambda: next((o for o in agent.orders() if o["run_id"] not in done), None), "the next RunBackup", 30)
        expect(len(agent.orders()) - len(done) <= 4, "more than four at once")
        blob = os.urandom(100)
        agent.upload(order, blob).must_be("PUT", 200)
        agent.complete(order, blob)
        wait_run(server, order["run_id"].rsplit("-", 1)[0], "success")
        done.add(order["run_id"])
    equal(sorted(o["run_id"] for o in agent.orders()), sorted(f"{run}-1" for run in runs), "one RunBackup a run")
    agent.leave()


def progress(world):
    server = world.server
    agent = Agent(server, "steady")
    job = agent.add_job()
    agent.connect()
    run, order = agent.order(job)

    def tell(percent, step, status=RUNNING):
        agent.send("job_update", {
            "job_id": job, "run_id": order["run_id"], "status": status, "progress_percent": percent,
            "current_step": step,
        })

    def shown():
        found = server.show(f"/v1/runs/{run}")
        return found["progress_percent"], found["current_step"]
    tell(40, "dump")
    eventually(lambda: shown() == (40, "dump"), "progress 40 in step dump", 20)
    tell(20, "upload")
    anomaly(server, agent, "progress_backwards")
    tell(4_294_967_295, "far")
    tell(2**63, "farther")
    tell(60, "status that is none", status=999)
    tell(70, "x" * 100_000)
    agent.send("log", {"ts_ms": 1, "level": 4, "job_id": job, "message": "m" * 50_000, "fields": {"a": "b"}})
    blob = os.urandom(100)
    agent.upload(order, blob).must_be("PUT", 200)
    agent.complete(order, blob)
    found = wait_run(server, run, "success")
    expect(0 <= found["progress_percent"] <= 100, f"progress {found['progress_percent']}")
    agent.leave()


def settled(server, run):
    """The run once its dispatch has its outcome."""
    shown = server.show(f"/v1/runs/{run}")
    return shown if shown["current_step"] != "dispatching" else None


def anomaly(server, agent, kind):
    """Waits until the agent is shown with an anomaly of this kind."""
    def look():
        anomalies = server.show(f"/v1/agents/{agent.id}")["anomalies"]
        names = anomalies if isinstance(anomalies, dict) else [item.get("kind") for item in anomalies]
        return kind in names
    eventually(look, f"{agent.name} has the anomaly {kind}", ANOMALY_SECONDS)


SCENARIOS = [
    success_with_evidence, no_success_without_the_object, repeated_completions, completion_after_failure,
    replayed_after_a_disconnect, reports_about_what_is_not_theirs, cancelling,
    never_more_than_allowed_at_once, progress,
]
