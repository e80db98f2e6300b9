"""What only passes with minutes: graces that run out. Tried with --slow."""
import os

from kit.agent import Agent, wait_run
from kit.checks import Findings, equal, eventually, expect


def graces_run_out(world):
    """Three agents wait side by side: one silent on an open connection, one gone in a run, one with a run of
    unknown sending."""
    server = world.new_server().start()
    unknown = Agent(server, "unknown")
    unknown_job = unknown.add_job()
    unknown.connect()
    doubtful = server.make(f"/v1/jobs/{unknown_job}/run")["run_id"]
    server.kill()
    server.start()
    silent, gone = Agent(server, "silent"), Agent(server, "gone")
    job = gone.add_job()
    silent.connect(heartbeat=False)
    silent.answers_pings = False
    gone.connect()
    run, order = gone.order(job)
    gone.leave()
    unknown.connect()
    findings = Findings()

    def silence():
        eventually(lambda: server.show(f"/v1/agents/{silent.id}")["status"] == "offline", "a silent agent is offline", 130)
        silent.wait_closed(60)
    findings.run("silence", silence)

    def losing():
        gone.connect()
        wait_run(server, run, "lost", "failed", seconds=240)
        blob = os.urandom(1000)
        gone.upload(order, blob)
        gone.complete(order, blob)
        gone.back_up(job, blob)
        expect(server.show(f"/v1/runs/{run}")["status"] in ("lost", "failed"), "a late completion changed the verdict")
    findings.run("lost", losing)

    def replacing():
        def found():
            return server.show(f"/v1/runs/{doubtful}")["status"] != "running" or len(unknown.orders(doubtful)) > 0
        eventually(found, "the doubtful run goes on", 240)
        orders = unknown.orders(doubtful)
        equal(len({order["run_id"] for order in orders}), len(orders), "different wire run ids")
        order = orders[-1]
        blob = os.urandom(1000)
        unknown.upload(order, blob).must_be("PUT", 200)
        unknown.complete(order, blob)
        wait_run(server, doubtful, "success")
    findings.run("unknown", replacing)
    findings.end()


SCENARIOS = []
SLOW = [graces_run_out]
