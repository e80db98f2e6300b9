#!/usr/bin/env python3
"""Writes the logs of a build that are kept in Replays/logs: of a control plane with all that it can go through, and of
one of our agents.

    unshare -u Tests/BlackBox/keep.py --binary .build/debug/backupy --into Replays/logs/rules-2

Run once for each released number of rules, by the build that is released, and never again: what it wrote then is what
later builds must read. Takes three minutes, since a grace runs out. In a name space of its own (`unshare -u`) the host
is called `shop`, so that the kept logs say nothing of the machine that wrote them.
"""
import argparse
import contextlib
import os
import shutil
import socket
import sqlite3
import sys
import tempfile
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from crashes.processes import AgentProcess, free_port  # noqa: E402
from kit.agent import CANCELLED, RUNNING, Agent, wait_run  # noqa: E402
from kit.checks import Failure, eventually, expect  # noqa: E402
from kit.secrets import Planted  # noqa: E402
from kit.server import Server  # noqa: E402

BLOB = b"rows, as far as a log cares" * 40


def configuration(server):
    """Tokens, agents, targets and jobs that come, change and go; requests that are refused."""
    for role in ("viewer", "operator", "admin"):
        made = server.make("/v1/api-tokens", {"name": role, "role": role, "expires_at": "2999-01-01T00:00:00Z"}, role)
        server.planted.add("API token", made["token"])
    server.call("DELETE", f"/v1/api-tokens/{made['id']}").must_be("DELETE", 204)
    agent = Agent(server, "reconfigured")
    agent.connect()
    target = agent.add_target(
        type="postgresql", display_name="shop",
        connection={"host": "db", "port": 5432, "database": "shop", "username": "backup", "strategy": "docker_exec",
                    "container_id": "3f", "password_secret_ref": "a-password-of-the-shop"})
    for reference in ("env:SHOP_PASSWORD", "file:/run/secrets/shop", "a-password-of-the-shop", ""):
        body = {"connection": {"password_secret_ref": reference}}
        server.call("PATCH", f"/v1/targets/{target}", body).must_be("PATCH", 200)
    job = agent.add_job(
        target, cron="15 3 * * 1-5", retention_days=30, timeout_sec=600, pre_hooks=["true", "false"],
        post_hooks=["true"], retry={"max_attempts": 3, "backoff_seconds": [60, 600]})
    server.call("PATCH", f"/v1/jobs/{job}", {"retention_days": 7, "cron": "@daily"}).must_be("PATCH", 200)
    body = {"maintenance": {"start_utc": "23:00", "end_utc": "23:01"},
            "advanced": {"max_parallel_jobs": 2, "log_level": "debug"}}
    server.call("PATCH", f"/v1/agents/{agent.id}/config", body).must_be("PATCH", 200)
    server.call("PATCH", f"/v1/agents/{agent.id}", {"name": "renamed"}).must_be("PATCH", 200)
    server.call("DELETE", f"/v1/targets/{target}").must_be_error("a target in use", 409)
    agent.send("health_result", {"check_id": "chk_00000000001", "ts_ms": 1, "ok": True, "latency_ms": 12})
    agent.send("discovery", {"containers": [{"container_id": "3f", "name": "db", "detected_db_type": "postgresql"}]})
    agent.send("restore_update", {"restore_id": "none"})
    agent.send("heartbeat", {"config_version": 1, "metrics": {"cpu_percent": 12.5, "mem_used_bytes": 1}})
    agent.send("log", {"ts_ms": 1, "level": 2, "message": "a line", "fields": {"b": "2", "a": "1"}})
    server.call("DELETE", f"/v1/jobs/{job}").must_be("DELETE", 204)
    server.call("DELETE", f"/v1/targets/{target}").must_be("DELETE", 204)
    made = server.make(f"/v1/agents/{agent.id}/rotate-key")
    server.planted.add("agent key", made["key"])
    agent.leave()
    server.call("DELETE", f"/v1/agents/{agent.id}").must_be("DELETE", 204)


def runs(server):
    """Every verdict that needs no patience, and what an agent should not send."""
    agent = Agent(server, "shop")
    job = agent.add_job(retention_days=7)
    queued = server.make(f"/v1/jobs/{job}/run", {}, "the-same-key")["run_id"]
    expect(server.make(f"/v1/jobs/{job}/run", {}, "the-same-key")["run_id"] == queued, "one key, two runs")
    server.make(f"/v1/runs/{queued}/cancel")
    wait_run(server, queued, "cancelled")
    agent.connect()
    run, order, _ = agent.back_up(job, BLOB)
    agent.complete(order, BLOB)
    server.call("DELETE", f"/v1/runs/{run}").must_be_error("a run under retention", 409, 412)
    for text in ("dump: pipeline: pg_dump exec: exit status 1", "prehook[0]: exit status 1",
                 'upload: Put "https://u:p@store/x?X-Amz-Signature=abcdef": 403', "agent: something else"):
        run, order = agent.order(job)
        agent.send("job_update", {"job_id": job, "run_id": order["run_id"], "status": RUNNING, "progress_percent": 40,
                                  "current_step": "dumping"})
        agent.fail(order, text)
        wait_run(server, run, "failed")
    agent.upload(order, BLOB)
    agent.complete(order, BLOB)  # after the failure
    run, order = agent.order(job)
    agent.complete(order, BLOB)  # without an object
    wait_run(server, run, "failed")
    run, order = agent.order(job)
    server.make(f"/v1/runs/{run}/cancel")
    agent.wait("cancel_job")
    agent.send("job_update", {"job_id": job, "run_id": order["run_id"], "status": CANCELLED})
    wait_run(server, run, "cancelled")
    run, order = agent.order(job)
    agent.leave()
    agent.connect(heartbeat=False)
    cut_off = "dump: pipeline: pg_dump exec: pg_dump: signal: killed (stderr=)"
    agent.fail(order, cut_off, seq=4, ts_ms=1)
    # From rules 3 on the first attempt that is cut off has another take its place.
    eventually(lambda: agent.orders(run)[1:] or server.show(f"/v1/runs/{run}")["status"] == "failed", "what follows", 30)
    for second in agent.orders(run)[1:]:
        agent.fail(second, cut_off)
    wait_run(server, run, "failed")
    retrying = agent.add_job(retention_days=0, retry={"max_attempts": 2, "backoff_seconds": [1]})
    run, order = agent.order(retrying)
    agent.fail(order, "dump: pipeline: pg_dump exec: exit status 1")
    # The first builds knew no second attempt.
    eventually(lambda: agent.orders(run)[1:] or server.show(f"/v1/runs/{run}")["status"] == "failed", "what follows", 90)
    for second in agent.orders(run)[1:]:
        agent.upload(second, BLOB).must_be("PUT", 200)
        agent.complete(second, BLOB)
        wait_run(server, run, "success")
    run, _, _ = agent.back_up(retrying, BLOB)
    server.call("DELETE", f"/v1/runs/{run}").must_be("DELETE", 202, 204)
    agent.send("job_update", {"job_id": job, "run_id": "nobody's", "status": RUNNING})
    agent.socket.send(b"\x07 these bytes are no envelope")
    clone = Agent(server, "shop", key=agent.key, identifier=agent.id)
    clone.dial()
    clone.register(hostname="another-host")
    clone.wait_closed(60)
    clone.leave()
    return agent, job


def promises(server):
    """What rules 3 brought: a schedule, retention with locks, health checks, alerts, settings of the fleet."""
    agent = Agent(server, "promises")
    agent.connect()
    server.call("PATCH", "/v1/settings", {"starts_per_second": 20}).must_be("PATCH", 200)
    job = agent.add_job(cron="* * * * *", time_zone="Europe/Berlin", jitter_sec=1, overlap="queue", catch_up_sec=600)
    order = agent.wait("run_backup", 75)
    server.call("PATCH", f"/v1/jobs/{job}", {"cron": "0 4 * * *"}).must_be("PATCH", 200)
    agent.upload(order, BLOB).must_be("PUT", 200)
    agent.complete(order, BLOB)
    wait_run(server, order["run_id"].rpartition("-")[0], "success")
    server.call("DELETE", f"/v1/jobs/{job}").must_be("DELETE", 204)
    kept = agent.add_job(retention={"keep_last": 1, "keep_weekly": 2, "minimum": 1})
    first, _, _ = agent.back_up(kept, BLOB)
    server.make(f"/v1/runs/{first}/lock", {"reason": "an audit", "until": "2090-01-31T00:00:00Z"})
    agent.back_up(kept, BLOB)
    server.call("DELETE", f"/v1/runs/{first}/lock").must_be("DELETE", 204, 200)
    eventually(lambda: server.show(f"/v1/runs/{first}")["object_deleted_at"], "the first object is gone", 30)
    check = server.make("/v1/health-checks", {
        "name": "shop", "agent_id": agent.id, "type": "http", "target": "http://shop/", "interval_sec": 60,
        "timeout_sec": 2, "failures_to_down": 1, "successes_to_up": 1})["id"]
    for number, answer in enumerate(({"ok": True}, {"ok": False, "error": "refused"})):
        probed = int(time.time() * 1000) + number  # two of one moment are one
        agent.send("health_result", {"check_id": check, "ts_ms": probed, "latency_ms": 12} | answer)
    alert, = eventually(lambda: server.show("/v1/alerts?kind=check_down&state=open")["items"], "the check is an alert")
    server.make(f"/v1/alerts/{alert['id']}/acknowledge")
    server.call("PATCH", f"/v1/health-checks/{check}", {"paused": True}).must_be("PATCH", 200)
    agent.leave()


def ours(server, folder):
    """One of our agents, killed within a pre-hook and stopped politely; its log is kept too."""
    os.makedirs(folder)
    made = server.make("/v1/agents", {"name": "ours"})
    server.planted.add("agent key", made["key"])
    process = AgentProcess(server, "ours", os.path.join(folder, "agent"), made["key"])
    database, mark = os.path.join(folder, "shop.db"), os.path.join(folder, "mark")
    with contextlib.closing(sqlite3.connect(database)) as connection:
        connection.executescript("CREATE TABLE t(a); INSERT INTO t VALUES (1), (2), (3)")

    def job(path, **fields):
        target = server.make(f"/v1/agents/{made['id']}/targets", {
            "type": "sqlite", "display_name": path, "connection": {"database": path}})["id"]
        return server.make(f"/v1/agents/{made['id']}/jobs", {"target_id": target} | fields)["id"]
    good, missing = job(database, post_hooks=["true"]), job(folder + "/missing.db")
    hooked = job(database, pre_hooks=[f"touch {mark}; sleep 3"])
    process.begin()
    try:
        for wanted, status in ((good, "success"), (missing, "failed")):
            wait_run(server, server.make(f"/v1/jobs/{wanted}/run")["run_id"], status)
        run = server.make(f"/v1/jobs/{hooked}/run")["run_id"]
        eventually(lambda: os.path.exists(mark), "the pre-hook has begun")
        process.kill()
        process.begin()
        wait_run(server, run, "failed", "success")
        os.unlink(mark)
        run = server.make(f"/v1/jobs/{hooked}/run")["run_id"]
        eventually(lambda: os.path.exists(mark), "the pre-hook has begun again")
        server.make(f"/v1/runs/{run}/cancel")
        wait_run(server, run, "cancelled", "failed", "success")
        process.stop()
    finally:
        process.kill()
    return process.state


def lost(server, agent, job):
    """A run whose agent goes away for good, over a kill of the server."""
    run, order = agent.order(job)
    # Of an order that may not have been sent another would be made, which waits for the agent.
    agent.send("job_update", {"job_id": job, "run_id": order["run_id"], "status": RUNNING})
    wait_run(server, run, "running")
    agent.leave()
    server.kill()
    server.start()
    wait_run(server, run, "lost", "failed", seconds=400)


def keep(server, state, into):
    """Both logs in one file each, the newest snapshot, and what the build itself says that the log comes to."""
    os.makedirs(os.path.join(into, "agent"))
    for source, target in ((server.data, into), (state, os.path.join(into, "agent"))):
        with contextlib.closing(sqlite3.connect(os.path.join(source, "log.sqlite"))) as log:
            log.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        shutil.copyfile(os.path.join(source, "log.sqlite"), os.path.join(target, "log.sqlite"))
    snapshots = os.path.join(server.data, "snapshots")
    shutil.copyfile(os.path.join(snapshots, max(os.listdir(snapshots))),
                    os.path.join(into, max(os.listdir(snapshots))))
    for command in (["log", "verify", "--data", server.data], ["replay", "--check", server.data]):
        code, _, err = server.command(*command)
        expect(code == 0, f"{command}: {err[-500:]}")
    code, out, err = server.command("replay", "--json", server.data)
    expect(code == 0, f"replay --json: {err[-500:]}")
    with open(os.path.join(into, "golden.json"), "w", encoding="utf-8") as file:
        file.write(out)
    server.planted.prove()
    found = server.planted.search(into)
    expect(not found, f"secrets are in it: {found[:3]}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", required=True)
    parser.add_argument("--into", required=True, help="a folder that is not there yet")
    options = parser.parse_args()
    expect(not os.path.exists(options.into), f"{options.into} is there: kept logs are never written again")
    socket.sethostname("shop")
    folder = tempfile.mkdtemp(prefix="shop-")
    planted = Planted()
    planted.add("password", "a-password-of-the-shop")
    server = Server(os.path.abspath(options.binary), folder, planted, port=free_port())
    try:
        server.start()
        configuration(server)
        agent, job = runs(server)
        promises(server)
        server.stop()
        agent.leave()
        server.start()
        agent.connect()
        state = ours(server, os.path.join(folder, "ours"))
        lost(server, agent, job)
        expect(server.stop() == 0, "it did not stop")
        keep(server, state, options.into)
    finally:
        server.kill()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    try:
        main()
    except Failure as failure:
        sys.exit(str(failure))
