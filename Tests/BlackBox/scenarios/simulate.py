"""Simulated fleets, as whoever looks into one opens them."""
import json
import os

from kit.checks import equal, expect


def what_was_recorded_opens(world):
    server = world.new_server()
    folder = os.path.join(server.directory, "recordings")
    os.makedirs(folder)
    code, out, err = server.command(
        "simulate", "--seeds", "7", "--agents", "2", "--days", "0.01", "--profile", "storm", "--keep", "--recordings", folder,
        "--coverage", "--json")
    equal(code, 0, f"simulate: {err[-400:]}")
    found = json.loads(out)
    entries = found["entries"]
    equal(len(found["pairs"]), found["pairs_reached"], "pairs")
    expect(all(pair["count"] > 0 and pair["kind"] and pair["phase"] for pair in found["pairs"]), found["pairs"][:3])
    expect(all(pair["kind"] and "excuse" in pair for pair in found["unreached"]), found["unreached"][:3])
    log = os.path.join(folder, "simulation-7")
    expect(log in err, f"{err!r} does not say where the recording is")
    code, out, err = server.command("log", "verify", "--data", log)
    equal(code, 0, f"log verify: {err[-400:]}")
    code, out, err = server.command("replay", log, "--check", "--json")
    equal(code, 0, f"replay: {err[-400:]}")
    expect(str(entries) in out, f"{entries} entries were simulated, and replayed was {out[:400]}")
    code, _, err = server.command("simulate", "--seeds", "7", "--agents", "2", "--days", "0.001", "--keep", "--recordings", folder)
    expect("left as it is" in err, f"a recording was written over: {err[-400:]}")


SCENARIOS = [what_was_recorded_opens]
