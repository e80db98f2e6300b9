"""Which backups are kept, what is deleted and why, and what nobody may delete."""
import json
import os

from kit.agent import Agent, local, put, wait_run
from kit.checks import equal, eventually, expect


def files_of(server, run):
    """What lies in the store for a run, but for the marks that freeze names."""
    found = []
    for folder, _, names in os.walk(os.path.join(server.data, "objects")):
        found += [name for name in names if run in name and not name.endswith(".frozen")]
    return sorted(found)


def gone(server, run):
    return eventually(
        lambda: not files_of(server, run) and server.show(f"/v1/runs/{run}")["object_deleted_at"] and
        server.show(f"/v1/runs/{run}"), f"the object of {run} is deleted", 20)


def keeping_the_last(world):
    """A rule that is changed acts at once, and each success lets the oldest go; preview and command line say so before."""
    server = world.server
    agent = Agent(server, "keeper")
    job = agent.add_job()
    agent.connect()
    runs = [agent.back_up(job, os.urandom(1_000 + number))[0] for number in range(3)]
    equal(server.show(f"/v1/runs/{runs[0]}")["kept_by"], ["no_rule"], "what keeps an object without a rule")
    preview = server.make(f"/v1/jobs/{job}/retention/preview", {"retention": {"keep_last": 2}})
    equal([(item["run_id"], item["expires"]) for item in preview["items"]],
          [(runs[2], False), (runs[1], False), (runs[0], True)], "the preview")
    equal((preview["expiring_count"], preview["expiring_size_bytes"]), (1, 1_000), "what would go")
    code, printed, errors = server.command(
        "jobs", "retention", job, "--keep-last", "2", "--json", "--url", server.url, "--token", server.token)
    equal(code, 0, f"exit code of the preview ({errors})")
    equal(json.loads(printed)["items"], preview["items"], "the command line's preview")
    expect(files_of(server, runs[0]), "a preview has deleted something")
    server.call("PATCH", f"/v1/jobs/{job}", {"retention": {"keep_last": 2}}).must_be("PATCH", 200)
    shown = gone(server, runs[0])
    expect("keep_last 2" in shown["object_deleted_reason"], f"the reason is {shown['object_deleted_reason']!r}")
    equal(shown["status"], "success", "the status of a run whose object is gone")
    equal(server.show(f"/v1/runs/{runs[1]}")["kept_by"], ["keep_last"], "what keeps the second")
    kinds = [entry["kind"] for entry in server.everything(f"/v1/runs/{runs[0]}/timeline")]
    equal(kinds[-3:], ["object.expired", "command.delete", "outcome.delete"], "the end of the story")
    runs.append(agent.back_up(job, os.urandom(2_000))[0])
    gone(server, runs[1])
    expect(files_of(server, runs[2]) and files_of(server, runs[3]), "one too many was deleted")
    refused = server.call("DELETE", f"/v1/runs/{runs[3]}").must_be_error("a run that a count holds", 412)
    expect("keep_last 2" in refused["message"], f"the refusal is {refused['message']!r}")
    agent.leave()


def locked_objects(world):
    """A lock holds against retention and against people, and its end lets go."""
    server = world.server
    agent = Agent(server, "locker")
    job = agent.add_job(retention={"keep_last": 1})
    agent.connect()
    first, _, _ = agent.back_up(job, b"first" * 100)
    code, printed, errors = server.command(
        "runs", "lock", first, "--reason", "an audit", "--until", "2090-01-31T00:00:00Z", "--json",
        "--url", server.url, "--token", server.token)
    equal(code, 0, f"exit code of the lock ({errors})")
    equal(json.loads(printed)["reason"], "an audit", "the reason")
    second, _, _ = agent.back_up(job, b"second" * 100)
    shown = server.show(f"/v1/runs/{first}")
    equal((shown["kept_by"], shown["locked"]["until"]), ([], "2090-01-31T00:00:00.000Z"), "what keeps the first")
    refused = server.call("DELETE", f"/v1/runs/{first}").must_be_error("a locked run", 412)
    expect("an audit" in refused["message"] and "2090-01-31" in refused["message"], refused["message"])
    expect(files_of(server, first), "the locked object is gone")
    code, _, errors = server.command("runs", "unlock", first, "--url", server.url, "--token", server.token)
    equal(code, 0, f"exit code of the unlocking ({errors})")
    gone(server, first)
    expect(files_of(server, second), "the last good backup is gone")
    agent.leave()


def restarts_forget_no_deletion(world):
    """A server killed behind the decision deletes after its restart."""
    server = world.server
    agent = Agent(server, "restarted")
    job = agent.add_job()
    agent.connect()
    runs = [agent.back_up(job, os.urandom(500))[0] for _ in range(8)]
    server.call("PATCH", f"/v1/jobs/{job}", {"retention": {"keep_last": 1}})
    server.kill()
    server.start()
    for run in runs[:-1]:
        gone(server, run)
    expect(files_of(server, runs[-1]), "the last good backup is gone")
    reasons = {server.show(f"/v1/runs/{run}")["object_deleted_reason"] for run in runs[:-1]}
    expect(all(reasons), f"reasons {reasons}")
    server.stop()
    code, _, errors = server.command("log", "verify", "--data", server.data)
    equal(code, 0, f"verify ({errors})")
    code, _, errors = server.command("replay", server.data, "--check")
    equal(code, 0, f"decided again ({errors})")
    server.start()


SCENARIOS = [keeping_the_last, locked_objects, restarts_forget_no_deletion]
