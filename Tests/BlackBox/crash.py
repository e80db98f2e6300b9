#!/usr/bin/env python3
"""Kills control plane and agents with `kill -9` at random moments, while runs, reports and requests go on.

Checked after each kill: no row of a database lies on a disk in plaintext, nobody died by itself, no agent without a
journal got a RunBackup twice. After every 125 kills and at the end all comes to rest, and everything that was ever
answered, acknowledged or decided is held against the server and its log. The schedule of kills follows from the seed; a
moment that was missed whenever it was waited for is tried once more at the end, and must come then.
"""
import argparse
import os
import shutil
import sys
import tempfile
import time
import traceback

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

from crashes import checking  # noqa: E402
from crashes.stage import Broken, Stage  # noqa: E402
from kit.checks import Failure, expect  # noqa: E402
from kit.secrets import Planted  # noqa: E402
from scenarios import leaks  # noqa: E402

ROUND = 125


def rounds(stage, kills, done):
    while done["kills"] < kills:
        for _ in range(min(ROUND, kills - done["kills"])):
            done["kills"] += 1
            stage.kill_once()
            if done["kills"] % 5 == 0:
                stage.verify_beside()
        is_last = done["kills"] == kills
        for name in stage.always_missed() if is_last else []:
            done["kills"] += 1
            stage.kill_once(name, patience=40)
            expect(any(stage.met[name]), f"no moment of “{name}” ever came")
        start = time.monotonic()
        stage.rest()
        checking.at_rest(stage)
        checking.stopped(stage, everything=is_last)
        print(f"{done['kills']} kills: all holds ({time.monotonic() - start:.0f} s to come to rest and look)", flush=True)
        if not is_last:
            stage.server.start()
            for agent in stage.agents:
                agent.begin()
            stage.resume()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", default=os.path.join(HERE, "../../.build/debug/backupy"))
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--seed", type=int, default=None, help="of the schedule; drawn and printed unless given")
    parser.add_argument("--keep", action="store_true", help="leave the directory also when all is well")
    options = parser.parse_args()
    if not os.access(options.binary, os.X_OK):
        parser.error(f"--binary: {options.binary} is not there or cannot be run")
    seed = int.from_bytes(os.urandom(4), "big") if options.seed is None else options.seed
    root = tempfile.mkdtemp(prefix="backupy-crash-")
    print(f"seed {seed}, in {root}", flush=True)
    planted, done, start = Planted(), {"kills": 0}, time.monotonic()
    stage = Stage(os.path.abspath(options.binary), root, planted, seed)
    problem = None
    try:
        try:
            stage.begin()
            rounds(stage, options.kills, done)
            leaks.no_planted_secret_is_left(root, planted)
        finally:
            stage.end()
    except (Failure, Broken) as failure:
        problem = str(failure)
    except Exception as error:  # such as a command that does not come to its end
        problem = f"{type(error).__name__}: {error}\n{traceback.format_exc()}"
    for name, count in sorted(stage.counts.items()):
        print(f"  {count:6} {name}")
    if problem is not None:
        print(f"FAIL  seed {seed}, kill {done['kills']}, {root}: {problem}")
        return 1
    if not options.keep:
        shutil.rmtree(root, ignore_errors=True)
    print(f"ok    {done['kills']} kills in {time.monotonic() - start:.0f} s (seed {seed})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
