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
import subprocess
import sys
import tempfile
import threading
import time
import traceback

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

from kit.checks import Failure, Skipped, expect  # noqa: E402
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
    "attempts",
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
    "commands",
    "outputs",
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
        if self.shared is not None:
            self.shared.note_death()
            # Not another one in its place: whoever asks whether it lives would ask the newborn.
            expect(not self.shared.deaths, "".join(self.shared.deaths))
        if self.shared is None or not self.shared.is_alive:
            self.shared = self.new_server().start()
        return self.shared

    def new_server(self):
        directory = os.path.join(self.directory, f"server-{len(self.servers)}")
        self.servers.append(Server(self.binary, directory, self.planted))
        return self.servers[-1]

    def finish(self):
        """Ends all that is left; what went wrong beside the scenarios, as texts."""
        problems = []
        for ending in self.endings:
            try:
                ending()
            except (Failure, OSError, subprocess.SubprocessError) as error:
                problems.append(f"at the end: {type(error).__name__}: {error}")
        for server in self.servers:
            try:
                leaks.collect(server)
            except (Failure, OSError) as error:
                print(f"note: {server.directory}: {error}", file=sys.stderr)
            server.kill()
            problems += server.deaths + server.traps()
        return problems


class Report:
    def __init__(self, may_skip):
        self.lock, self.may_skip = threading.Lock(), may_skip
        self.passed, self.skipped, self.failed = 0, 0, 0

    def try_out(self, name, body, *arguments):
        start = time.monotonic()
        problem = None
        try:
            body(*arguments)
        except Skipped as skipped:
            if self.may_skip:
                with self.lock:
                    self.skipped += 1
                    print(f"skip  {name}: {skipped}", flush=True)
                return
            problem = f"skipped: {skipped}"
        except Failure as failure:
            problem = str(failure)
        except Exception as error:  # a scenario's own fault counts as a failure too
            problem = f"{type(error).__name__}: {error}\n{traceback.format_exc()}"
        seconds = f"{time.monotonic() - start:.1f} s"
        if problem is None:
            with self.lock:
                self.passed += 1
                print(f"ok    {name} ({seconds})", flush=True)
        else:
            self.fail(f"{name} ({seconds})", problem)

    def fail(self, name, problem):
        with self.lock:
            self.failed += 1
            print(f"FAIL  {name}: {problem}", flush=True)


def modules():
    """The groups of scenarios by name. One that nobody has entered in the list would never be tried, and nobody would see."""
    found = {name.removesuffix(".py") for name in os.listdir(os.path.join(HERE, "scenarios")) if name.endswith(".py")}
    loaded = {name: importlib.import_module(f"scenarios.{name}") for name in found - {"__init__"}}
    left_out = [name for name, module in loaded.items() if hasattr(module, "SCENARIOS") and name not in GROUPS]
    if left_out:
        sys.exit(f"not in GROUPS: {', '.join(sorted(left_out))}")
    return {name: loaded[name] for name in GROUPS}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--binary", default=os.path.join(HERE, "../../.build/debug/backupy"))
    parser.add_argument("--only", default="", help="a part of the names of those to try, such as runs or runs.foreign")
    parser.add_argument("--slow", action="store_true", help="also what takes minutes: graces that run out")
    parser.add_argument("--no-skips", action="store_true", help="what this machine cannot try is a failure")
    parser.add_argument("--keep", action="store_true", help="leave the temporary directory")
    parser.add_argument("--parallel", type=int, default=4, help="groups tried at a time (default 4)")
    options = parser.parse_args()
    if not os.access(options.binary, os.X_OK):
        parser.error(f"--binary: {options.binary} is not there or cannot be run")
    chosen = {}
    for name, module in modules().items():
        scenarios = module.SCENARIOS + (getattr(module, "SLOW", []) if options.slow else [])
        chosen[name] = [each for each in scenarios if options.only in f"{name}.{each.__name__}"]
    if not any(chosen.values()):
        parser.error(f"--only: no scenario{'' if options.slow else ' that is tried without --slow'} has “{options.only}” in its name")
    report, planted = Report(may_skip=not options.no_skips), Planted()
    root = tempfile.mkdtemp(prefix="backupy-black-box-")
    os.chmod(root, 0o755)  # another user must be able to see into it
    worlds = []

    def group(name):
        world = World(os.path.abspath(options.binary), os.path.join(root, name), planted)
        worlds.append(world)
        try:
            for scenario in chosen[name]:
                report.try_out(f"{name}.{scenario.__name__}", scenario, world)
        finally:
            for problem in world.finish():
                report.fail(f"{name}, beside its scenarios", problem)

    print(f"in {root}", file=sys.stderr)
    try:
        with concurrent.futures.ThreadPoolExecutor(options.parallel) as pool:
            for future in [pool.submit(group, name) for name in GROUPS if chosen[name]]:
                future.result()
        report.try_out("leaks.no_planted_secret_is_left", leaks.no_planted_secret_is_left, root, planted)
    finally:
        for world in worlds:
            for server in world.servers:
                server.kill()
        if not options.keep:
            shutil.rmtree(root, ignore_errors=True)
    print(f"{report.passed} passed, {report.failed} failed" + (f", {report.skipped} skipped" if report.skipped else ""))
    return 1 if report.failed else 0


if __name__ == "__main__":
    sys.exit(main())
