"""Outputs that take nothing: what scripts that trust exit codes must hear."""
import re
import subprocess

from kit.agent import Agent
from kit.checks import Findings, equal


def a_full_output(world):
    """What cannot be printed was not done, as far as whoever asked can tell: a key that is shown once is gone."""
    server = world.new_server().start()
    agent = Agent(server, "printed")
    job = agent.add_job()
    agent.connect()
    run, _, _ = agent.back_up(job, b"x" * 100)
    environment = server.environment | {"BACKUPY_URL": server.url, "BACKUPY_TOKEN": server.token, "BACKUPY_DATA": server.data}
    findings = Findings()
    for line in (
        "agents list", "agents list --json", "agents create unseen", "agents create unseen --json", f"agents rotate-key {agent.id}",
        "tokens create unseen --role viewer", "tokens list", f"runs show {run}", f"runs token {run}", "jobs next @daily",
        "settings", "clock", "log stat", "log tail", "log show 1", "log verify", f"replay --check {server.data}", "version",
        "--help",
    ):
        with open("/dev/full", "wb") as full:
            done = subprocess.run([server.binary, *line.split()], stdin=subprocess.DEVNULL, stdout=full,
                                  stderr=subprocess.PIPE, env=environment, timeout=60, text=True)
        findings.check(done.returncode == 1, f"{line}: exit {done.returncode}: {done.stderr[-300:]}")
        findings.check("standard output: No space left on device" in done.stderr, f"{line}: {done.stderr[-300:]!r}")
        # The very same, where there is room.
        if not re.search("unseen|rotate|token", line):
            done = subprocess.run([server.binary, *line.split()], stdin=subprocess.DEVNULL, capture_output=True,
                                  env=environment, timeout=60, text=True)
            findings.check(done.returncode == 0 and done.stdout, f"{line} with room: exit {done.returncode}: {done.stderr[-300:]}")
    agent.leave()
    equal(server.stop(), 0, "exit code")
    findings.end()


SCENARIOS = [a_full_output]
