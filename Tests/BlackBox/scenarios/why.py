"""From a verdict back to what people and agents said, on the server and beside it."""
import json
import os

from kit.agent import FAILED, Agent, wait_run
from kit.checks import equal, expect


def sentences(tree):
    """All that is told in a tree, the asked entry first."""
    yield tree["kind"], tree["sentence"]
    for branch in tree["because"]:
        yield from sentences(branch)


def why(server, subject):
    code, out, err = server.command("log", "why", subject, "--data", server.data)
    equal((code, err), (0, ""), f"log why {subject}")
    _, as_json, _ = server.command("log", "why", subject, "--data", server.data, "--json")
    return out, json.loads(as_json)


def verdicts_lead_back(world):
    server = world.server
    agent = Agent(server, "explained")
    job = agent.add_job()
    agent.connect()
    blob = os.urandom(2_000)
    run, order = agent.order(job)
    text, tree = why(server, run)
    equal(tree["kind"], "outcome.dispatch", "what an open run stands at")
    agent.upload(order, blob).must_be("PUT", 200)
    agent.complete(order, blob)
    wait_run(server, run, "success")
    text, tree = why(server, run)
    told = dict(sentences(tree))
    for kind in ("run.closed", "outcome.observe", "frame.backup_completed", "outcome.dispatch", "run.started",
                 "accepted.run_queued", "request.run_job"):
        expect(kind in told, f"the tree of a success has no {kind}: {list(told)}")
        expect(told[kind] in text, f"the text lacks: {told[kind]}")
    expect("2000 bytes" in told["run.closed"] and run in told["run.closed"], told["run.closed"])
    expect("asked to run job" in told["request.run_job"], told["request.run_job"])
    equal(server.show(f"/v1/log/{tree['position']}/why"), tree, "the server's tree beside the command's")
    failed, order = agent.order(job)
    agent.send("job_update", {
        "job_id": job, "run_id": order["run_id"], "status": FAILED, "error_message": "dump: the database is locked"})
    wait_run(server, failed, "failed")
    text, tree = why(server, failed)
    expect("the database is locked" in text, text)
    equal(tree["because"][0]["kind"], "frame.job_update", "the cause of the failure")
    agent.leave()


def nothing_to_explain(world):
    server = world.server
    for subject in ("0", "999999999", "run_nothing", "18446744073709551616"):
        code, out, err = server.command("log", "why", subject, "--data", server.data)
        equal((code, out), (1, ""), f"log why {subject}")
        expect(subject in err, f"log why {subject} says {err!r}")
    for position in ("0", "999999999", "x", "18446744073709551616"):
        server.call("GET", f"/v1/log/{position}/why").must_be_error(position, 404)
    server.must_live()


SCENARIOS = [verdicts_lead_back, nothing_to_explain]
