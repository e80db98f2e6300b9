"""What people are told of without asking, and edits that cross each other."""
import json
import threading

from kit.agent import Agent, wait_run
from kit.checks import equal, eventually, expect


def a_job_that_fails_is_one_alert_until_it_succeeds(world):
    server = world.server
    agent = Agent(server, "alerting")
    job = agent.add_job()
    agent.connect()

    def alerts(state):
        return server.show(f"/v1/alerts?state={state}&agent_id={agent.id}")["items"]
    for _ in range(2):
        run, order = agent.order(job)
        agent.fail(order, "dump: it broke")
        wait_run(server, run, "failed")
    alert, = eventually(lambda: [a for a in alerts("open") if a["count"] == 2], "one alert, repeated once")
    equal((alert["kind"], alert["subject"]), ("run_failed", job), "the alert")
    expect(run in alert["detail"] and alert["remedy"].endswith("."), f"{alert}")
    code, out, err = server.command(
        "alerts", "acknowledge", alert["id"], "--json", "--url", server.url, "--data", server.data)
    equal(code, 0, f"acknowledged: {err}")
    equal(json.loads(out)["acknowledged_by"], "admin", "by whom")
    agent.back_up(job, b"x" * 1000)
    alert, = eventually(lambda: alerts("resolved"), "the alert is resolved")
    expect(alert["resolved_at"] and alert["acknowledged_at"], f"{alert}")
    equal(alerts("open"), [], "open alerts")
    code, out, err = server.command("alerts", "list", "--state", "all", "--url", server.url, "--data", server.data)
    expect(code == 0 and alert["id"] in out, f"{code} {out} {err}")
    why = server.call("GET", f"/v1/log/{alert['position']}/why").must_be("why", 200).text
    expect(run in why or "run.closed" in why, why)


def of_crossing_edits_one_gets_through(world):
    server = world.server
    agent = Agent(server, "edited")
    job = agent.add_job()
    tag = server.call("GET", f"/v1/jobs/{job}").headers["etag"]
    answers = []

    def edit(days):
        answers.append((days, server.call(
            "PATCH", f"/v1/jobs/{job}", {"retention_days": days}, headers=[("If-Match", tag)])))
    threads = [threading.Thread(target=edit, args=(days,)) for days in range(1, 13)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    granted = [(days, answer) for days, answer in answers if answer.status == 200]
    equal(len(answers), 12, "answers")
    equal(len(granted), 1, "granted edits")
    equal(server.show(f"/v1/jobs/{job}")["retention_days"], granted[0][0], "what is kept")
    for _, answer in answers:
        if answer.status != 200:
            equal(answer.status, 412, "the others")
            equal(answer.headers["etag"], granted[0][1].headers["etag"], "the present revision")
    code, _, err = server.command(
        "jobs", "delete", job, "--if-revision", tag.strip('"'), "--url", server.url, "--data", server.data)
    expect(code == 1 and "PRECONDITION_FAILED" in err, f"{code} {err}")


def what_an_agent_does_oddly_is_listed_with_a_remedy(world):
    server = world.server
    agent = Agent(server, "odd")
    agent.connect(last_known_config_version=90, heartbeat=False)

    def found():
        # Again and again, as agents do: one that comes before our RegisterAck is on the log is no proof of anything.
        agent.send("heartbeat", {"config_version": 90})
        return server.show(f"/v1/agents/{agent.id}/anomalies?kind=config_not_applied")["items"]
    anomaly, = eventually(found, "config_not_applied")
    expect("90" in anomaly["detail"] and "Restart" in anomaly["remedy"], f"{anomaly}")
    shown = server.show(f"/v1/agents/{agent.id}")
    equal((shown["applied_config_version"], shown["config_applied"]), (90, False), "the agent")
    agent.send("heartbeat", {"config_version": shown["config_version"]})
    eventually(lambda: server.show(f"/v1/agents/{agent.id}")["config_applied"], "applied")
    code, out, err = server.command("agents", "anomalies", agent.id, "--url", server.url, "--data", server.data)
    expect(code == 0 and "config_not_applied" in out, f"{code} {out} {err}")


SCENARIOS = [
    a_job_that_fails_is_one_alert_until_it_succeeds, of_crossing_edits_one_gets_through,
    what_an_agent_does_oddly_is_listed_with_a_remedy,
]
