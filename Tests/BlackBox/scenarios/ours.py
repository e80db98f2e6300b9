"""Our own agent as a real process beside the server, killed in the middle of a run."""
import contextlib
import os
import sqlite3

from crashes.processes import AgentProcess
from kit.agent import wait_run
from kit.checks import equal, eventually


def post_hooks_survive_a_kill(world):
    """Killed in a pre-hook, the agent reports the run at its next start, and runs the post-hooks that it owes."""
    server = world.server
    folder = os.path.join(server.directory, "hooked")
    made = server.make("/v1/agents", {"name": "hooked"})
    server.planted.add("agent key", made["key"])
    agent = AgentProcess(server, "hooked", folder, made["key"])
    path, mark = os.path.join(folder, "app.db"), os.path.join(folder, "mark")
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE t(a)")
        database.commit()
    target = server.make(f"/v1/agents/{made['id']}/targets", {
        "type": "sqlite", "display_name": "app", "connection": {"database": path}})["id"]
    job = server.make(f"/v1/agents/{made['id']}/jobs", {
        "target_id": target, "pre_hooks": [f"echo pre >>{mark}; sleep 2"], "post_hooks": [f"echo post >>{mark}"]})["id"]

    def lines():
        if not os.path.exists(mark):
            return []
        with open(mark, encoding="ascii") as file:
            return file.read().split()
    agent.begin()
    try:
        run = server.make(f"/v1/jobs/{job}/run")["run_id"]
        eventually(lines, "the pre-hook has begun")
        agent.kill()
        equal(lines(), ["pre"], "hooks so far")
        agent.begin()
        found = wait_run(server, run, "success")
        equal(found["attempts"][0]["error_message"], "interrupted: the agent restarted during the dump", "error_message")
        equal(found["attempts"][0]["error_class"], "disconnect", "error_class")
        eventually(lambda: lines() == ["pre", "post"] * 2, "the post-hooks of both attempts have run")
        equal(os.listdir(agent.staging), [], "staged files")
        agent.stop()
    finally:
        agent.kill()


SCENARIOS = [post_hooks_survive_a_kill]
