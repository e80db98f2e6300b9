"""From one attempt to the next, and what queued runs wait for."""
import os
import time

from kit.agent import Agent, wait_run
from kit.checks import equal, eventually, expect, never


def tried_again(world):
    server = world.server
    agent = Agent(server, "stubborn")
    job = agent.add_job(retry={"max_attempts": 3, "backoff_seconds": [1]})
    agent.connect()
    run, order = agent.order(job)
    agent.fail(order, "dump: pipeline: pg_dump exec: exit status 1")
    waiting = eventually(
        lambda: next(iter([r for r in [server.show(f"/v1/runs/{run}")] if r["attempts"][0]["ended_at"]]), None),
        "the first attempt is over", 20)
    equal(waiting["attempts"][0]["error_class"], "source", "the first attempt's class")
    second = agent.wait_order(run, attempt=2)
    expect(second["encrypted_dek"] != order["encrypted_dek"], "both attempts have the same data key")
    expect(second["upload_creds"]["final_s3_key"] != order["upload_creds"]["final_s3_key"], "one object for both")
    blob = os.urandom(2_000)
    agent.upload(second, blob).must_be("PUT", 200)
    agent.complete(second, blob)
    shown = wait_run(server, run, "success")
    equal((shown["attempt"], len(shown["attempts"])), (2, 2), "attempts")
    # What trying again cannot help is final.
    run, order = agent.order(job)
    agent.fail(order, 'pipeline: unknown job_id "x"')
    equal((wait_run(server, run, "failed")["attempt"]), 1, "attempts of a run that is not set up")
    agent.leave()


def a_late_object_of_an_earlier_attempt(world):
    server = world.server
    agent = Agent(server, "slow")
    job = agent.add_job(retry={"max_attempts": 2, "backoff_seconds": [600]})
    agent.connect()
    run, order = agent.order(job)
    blob = os.urandom(2_000)
    agent.upload(order, blob).must_be("PUT", 200)
    agent.fail(order, "pipeline: the run timed out after 60 s, the job's timeout, during step upload")
    shown = eventually(
        lambda: next(iter([r for r in [server.show(f"/v1/runs/{run}")] if r["waiting_for"] == "retry"]), None),
        "the run waits for its next attempt", 20)
    expect(shown["next_attempt_at"], "no next_attempt_at")
    agent.complete(order, blob)
    equal(wait_run(server, run, "success")["attempt"], 1, "attempt")
    agent.leave()


def one_run_a_target(world):
    server = world.server
    agent = Agent(server, "single")
    target = agent.add_target()
    first, second = agent.add_job(target), agent.add_job(target)
    agent.connect()
    run, order = agent.order(first)
    other = server.make(f"/v1/jobs/{second}/run")["run_id"]
    equal(server.show(f"/v1/runs/{other}")["waiting_for"], "target", "waiting_for")
    never(lambda: agent.orders(other), "a second run of a target in use", 1)
    agent.fail(order, "pipeline: unwrap DEK: no")
    agent.fail(agent.wait_order(other), "pipeline: unwrap DEK: no")
    wait_run(server, other, "failed")
    agent.leave()


def nothing_starts_in_maintenance(world):
    server = world.server
    agent = Agent(server, "maintained")
    job = agent.add_job()
    agent.connect()
    now = time.time()
    clock = [time.strftime("%H:%M", time.gmtime(now + seconds)) for seconds in (-3600, 3600)]
    window = {"maintenance": {"start_utc": clock[0], "end_utc": clock[1]}}
    server.call("PATCH", f"/v1/agents/{agent.id}/config", window).must_be("PATCH config", 200)
    run = server.make(f"/v1/jobs/{job}/run")["run_id"]
    equal(server.show(f"/v1/runs/{run}")["waiting_for"], "window", "waiting_for")
    never(lambda: agent.orders(run), "a start inside the window", 1)
    window = {"maintenance": {"start_utc": "", "end_utc": ""}}
    server.call("PATCH", f"/v1/agents/{agent.id}/config", window).must_be("PATCH config", 200)
    agent.fail(agent.wait_order(run), "pipeline: unwrap DEK: no")
    wait_run(server, run, "failed")
    agent.leave()


SCENARIOS = [tried_again, a_late_object_of_an_earlier_attempt, one_run_a_target, nothing_starts_in_maintenance]
