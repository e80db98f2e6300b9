#!/usr/bin/env python3
"""Tries a control plane from outside, as agents and people would, and as they would not.

Every scenario talks to real `backupy serve` processes in a temporary directory. One line a scenario; the last line
counts them. Exit code 1 when one has failed.
"""
import argparse
import concurrent.futures
import importlib
import os
import shutil
import sys
import tempfile
import threading
import time
import traceback

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

from kit.checks import Failure, Skipped  # noqa: E402
from kit.secrets import Planted  # noqa: E402
from kit.server import Server  # noqa: E402
from scenarios import leaks  # noqa: E402

GROUPS = [
    "silence",
    "patience",
    "restart",
    "rest",
    "bodies",
    "hostile",
    "runs",
    "retention",
    "health",
    "schedules", "simulate", "why",
    "failures",
    "objects",
    "connecting",
    "sessions",
    "configuration",
    "alerts",
    "process",
    "postgresql",
    "storage",
    "ours",
    "planted",
    "keys",
    "access",
    "tls",
    "operations",
]


class World:
    """Where a group's scenarios live: a server that they share, and as many of their own as they ask for."""

    def __init__(self, binary, directory, planted):
        self.binary, self.directory, self.planted = binary, directory, planted
        self.servers = []
        self.shared = None
        self.endings = []  # to be called at the end, whatever happened

    @property
    def server(self):
        if self.shared is None or not self.shared.is_alive:
            self.shared = self.new_server().start()
        return self.shared

    def new_server(self):
        directory = os.path.join(self.directory, f"server-{len(self.servers)}")
        self.servers.append(Server(self.binary, directory, self.planted))
        return self.servers[-1]

    def finish(self):
        for ending in self.endings:
            ending()
        for server in self.servers:
            try:
                leaks.collect(server)
            except (Failure, OSError) as error:
                print(f"note: {server.directory}: {error}", file=sys.stderr)
            server.kill()


class Report:
    def __init__(self):
        self.lock = threading.Lock()
        self.passed, self.skipped, self.failed = 0, 0, []

    def try_out(self, name, body, *arguments):
        start = time.monotonic()
        problem = None
        try:
            body(*arguments)
        except Skipped as skipped:
            with self.lock:
                self.skipped += 1
                print(f"skip  {name}: {skipped}", flush=True)
            return
        except Failure as failure:
            problem = str(failure)
        except Exception as error:  # a scenario's own fault counts as a failure too
            problem = f"{type(error).__name__}: {error}\n{traceback.format_exc()}"
        with self.lock:
            seconds = time.monotonic() - start
            if problem is None:
                self.passed += 1
                print(f"ok    {name} ({seconds:.1f} s)", flush=True)
            else:
                self.failed.append(name)
                print(f"FAIL  {name} ({seconds:.1f} s): {problem}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--binary", default=os.path.join(HERE, "../../.build/debug/backupy"))
    parser.add_argument("--only", default="", help="a part of the names of those to try, such as runs or runs.foreign")
    parser.add_argument("--slow", action="store_true", help="also what takes minutes: graces that run out")
    parser.add_argument("--keep", action="store_true", help="leave the temporary directory")
    parser.add_argument("--parallel", type=int, default=4, help="groups tried at a time (default 4)")
    options = parser.parse_args()
    if not os.access(options.binary, os.X_OK):
        parser.error(f"--binary: {options.binary} is not there or cannot be run")
    report, planted = Report(), Planted()
    root = tempfile.mkdtemp(prefix="backupy-black-box-")
    os.chmod(root, 0o755)  # another user must be able to see into it
    worlds = []

    def group(name):
        world = World(os.path.abspath(options.binary), os.path.join(root, name), planted)
        worlds.append(world)
        module = importlib.import_module(f"scenarios.{name}")
        chosen = list(module.SCENARIOS) + (list(getattr(module, "SLOW", [])) if options.slow else [])
        try:
            for scenario in chosen:
                full = f"{name}.{scenario.__name__}"
                if options.only in full:
                    report.try_out(full, scenario, world)
        finally:
            world.finish()

    print(f"in {root}", file=sys.stderr)
    try:
        with concurrent.futures.ThreadPoolExecutor(options.parallel) as pool:
            for future in [pool.submit(group, name) for name in GROUPS]:
                future.result()
        report.try_out("leaks.no_planted_secret_is_left", leaks.no_planted_secret_is_left, root, planted)
    finally:
        for world in worlds:
            for server in world.servers:
                server.kill()
        if not options.keep:
            shutil.rmtree(root, ignore_errors=True)
    print(f"{report.passed} passed, {len(report.failed)} failed" + (f", {report.skipped} skipped" if report.skipped else ""))
    return 1 if report.failed else 0


if __name__ == "__main__":
    sys.exit(main())
