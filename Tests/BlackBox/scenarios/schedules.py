"""Runs that nobody asks for: times of schedules, and what becomes of those at which nobody was there."""
from kit.agent import Agent, wait_run
from kit.checks import Findings, equal, eventually, expect
from kit.clock import shifted
from kit.server import clean_environment


def slots_of(server, job):
    return server.show(f"/v1/jobs/{job}/slots?limit=100")["items"]


def a_schedule_fires(world):
    """A job of each minute is run without being asked for, and its slot gets the verdict of the run."""
    server = world.server
    agent = Agent(server, "punctual")
    job = agent.add_job(cron="* * * * *")
    agent.connect()
    expect(server.show(f"/v1/jobs/{job}")["next_run_at"], "no next time is shown")
    order = agent.wait("run_backup", 75)
    expect(order["manual_trigger"] is False or not order.get("manual_trigger"), "it is called manual")
    run = order["run_id"].rpartition("-")[0]
    server.call("PATCH", f"/v1/jobs/{job}", {"cron": ""}).must_be("no more times", 200)
    blob = b"what the schedule wanted"
    agent.upload(order, blob).must_be("PUT", 200)
    agent.complete(order, blob)
    shown = wait_run(server, run, "success")
    slot = eventually(
        lambda: next((it for it in slots_of(server, job) if it["run_id"] == run and it["verdict"]), None),
        "the slot has its verdict", 10)
    equal((slot["verdict"], slot["slot"]), ("completed", shown["slot"]), "the slot")
    agent.leave()


def next_times(world):
    """The times of an expression, whichever way a client writes its spaces."""
    for expression in ("0%203%20*%20*%20*", "0+3+*+*+*", "@daily"):
        times = world.server.show(f"/v1/cron/next?cron={expression}&count=2")["times"]
        hour = "00" if expression == "@daily" else "03"
        equal([time["at"][11:16] for time in times], [f"{hour}:00"] * 2, f"the times of {expression}")


def away_for_six_hours(world):
    """What was missed meanwhile is told slot by slot, and the newest one is made up for."""
    server = world.new_server()
    findings = Findings()
    server.environment = clean_environment() | shifted(server.directory, -6 * 3_600)
    server.start()
    agent = Agent(server, "patient")
    job = agent.add_job(cron="*/10 * * * *", time_zone="Europe/Berlin")
    eventually(lambda: server.show(f"/v1/jobs/{job}")["next_run_at"], "the zone is read, and the next time known", 10)
    findings.run("stop", lambda: equal(server.stop(), 0, "exit code"))
    server.environment = clean_environment()
    server.start()
    slots = eventually(
        lambda: (lambda found: found if len(found) in (36, 37) else None)(slots_of(server, job)),
        "each slot of six hours is told", 20)
    newest, missed = slots[0], slots[1:]
    findings.check(newest["run_id"] and newest["verdict"] is None, f"the newest is not made up for: {newest}")
    verdicts = {(it["verdict"], it["reason"]) for it in missed}
    findings.check(verdicts == {("missed", "server_away")}, f"the others: {verdicts}")
    findings.check(len({it["slot"] for it in slots}) == len(slots), "a slot is told twice")
    alerts = server.show("/v1/alerts?kind=slot_missed&state=open")["items"]
    findings.check(len(alerts) == 1 and alerts[0]["subject"] == job, f"alerts: {alerts}")
    findings.check(f"missed {len(missed)} times" in server.errors(), "the server's log does not say how many")
    findings.run("stop again", lambda: equal(server.stop(), 0, "exit code"))
    for command in (["log", "verify", "--data", server.data], ["replay", "--check", server.data]):
        code, out, err = server.command(*command)
        findings.check(code == 0, f"backupy {' '.join(command[:2])}: exit {code}: {out[-300:]} {err[-300:]}")
    findings.end()


SCENARIOS = [next_times, a_schedule_fires, away_for_six_hours]
