"""What an agent is told about its work: at once, in full, and after each change."""
import threading

from kit.agent import Agent
from kit.checks import Failure, equal, eventually, expect

PASSWORD = "L1teral-Pa55word-of-the-first-target"


def full_in_the_first_message(world):
    server = world.server
    server.planted.add("literal password", PASSWORD)
    agent = Agent(server, "configured")
    connection = {
        "host": "db.internal", "port": 5432, "database": "app", "username": "backup", "password_secret_ref": PASSWORD,
        "container_id": "abc", "strategy": "docker_exec",
    }
    target = agent.add_target(type="postgresql", display_name="Größe ☃", connection=connection)
    job = agent.add_job(
        target, cron="*/5 3 * * *", retention_days=30, pre_hooks=["echo a", "echo b"], post_hooks=["echo c"],
        retry={"max_attempts": 3, "backoff_seconds": [10, 20]}, timeout_sec=600)
    answer = agent.connect()
    expect(answer["session_id"], "no session id")
    expect(0 < answer["heartbeat_interval_sec"] <= 60, f"heartbeat interval {answer['heartbeat_interval_sec']}")
    expect("T" in answer["server_time_iso"], f"server time {answer['server_time_iso']!r}")
    config = answer["config"]
    expect(config["version"] > 0, "version 0")
    equal(config["targets"], [{
        "id": target, "type": 1, "display_name": "Größe ☃", "connection": connection | {"strategy": 1},
    }], "targets")
    equal(config["jobs"], [{
        "id": job, "target_id": target, "cron": "*/5 3 * * *", "retention_days": 30, "compression": "zstd",
        "encryption_enabled": True, "pre_hooks": ["echo a", "echo b"], "post_hooks": ["echo c"],
        "retry": {"max_attempts": 3, "backoff_seconds": [10, 20]}, "timeout_sec": 600,
    }], "jobs")
    shown = server.call("GET", f"/v1/targets/{target}")
    expect(PASSWORD not in shown.text, "the password can be read back")
    equal(shown.json["connection"].get("has_password", shown.json.get("has_password")), True, "has_password")
    # The full config comes also to one who says it has it.
    agent.leave()
    again = agent.connect(last_known_config_version=config["version"])
    equal(again["config"], config, "the config after a reconnect")
    expect(again["session_id"] != answer["session_id"], "two sessions have one id")
    agent.leave()


def changes_are_pushed(world):
    server = world.server
    agent = Agent(server, "changing")
    first = agent.connect()["config"]
    expect(not first["targets"] and not first["jobs"], f"a new agent has {first}")
    versions = [first["version"]]

    def pushed(what):
        config = agent.wait("config_update", which=lambda p: p["config"]["version"] > versions[-1])["config"]
        versions.append(config["version"])
        equal(server.show(f"/v1/agents/{agent.id}/config").get("version", config["version"]), config["version"],
              f"version after {what}")
        return config
    target = agent.add_target(
        type="mysql", connection={"host": "a", "database": "d", "password_secret_ref": PASSWORD})
    equal(pushed("a new target")["targets"][0]["connection"]["password_secret_ref"], PASSWORD, "password")
    server.call("PATCH", f"/v1/targets/{target}", {"display_name": "renamed"}).must_be("PATCH", 200)
    config = pushed("a renamed target")
    equal(config["targets"][0]["display_name"], "renamed", "name")
    equal(config["targets"][0]["connection"]["password_secret_ref"], PASSWORD, "a PATCH without it keeps the password")
    equal(config["targets"][0]["connection"]["host"], "a", "a PATCH without it keeps the host")
    for reference in ("env:DB_PASSWORD", "file:/run/secrets/db"):
        body = {"connection": {"password_secret_ref": reference}}
        server.call("PATCH", f"/v1/targets/{target}", body).must_be("PATCH", 200)
        equal(pushed("a reference")["targets"][0]["connection"]["password_secret_ref"], reference, "reference")
    server.call("PATCH", f"/v1/targets/{target}", {"connection": {"password_secret_ref": ""}}).must_be("PATCH", 200)
    equal(pushed("no password")["targets"][0]["connection"]["password_secret_ref"], "", "password taken away")
    job = agent.add_job(target)
    equal(pushed("a new job")["jobs"][0]["id"], job, "job")
    server.call("PATCH", f"/v1/jobs/{job}", {"retention_days": 9}).must_be("PATCH", 200)
    equal(pushed("a changed job")["jobs"][0]["retention_days"], 9, "retention")
    body = {"maintenance": {"start_utc": "01:00", "end_utc": "02:30"}, "advanced": {"max_parallel_jobs": 2, "log_level": "debug"}}
    server.call("PATCH", f"/v1/agents/{agent.id}/config", body).must_be("PATCH config", 200)
    config = pushed("new settings")
    equal(config["maintenance"], {"start_utc": "01:00", "end_utc": "02:30"}, "window")
    equal(config["advanced"]["max_parallel_jobs"], 2, "max_parallel_jobs")
    server.call("DELETE", f"/v1/jobs/{job}").must_be("DELETE job", 204)
    equal(pushed("a deleted job")["jobs"], [], "jobs")
    server.call("DELETE", f"/v1/targets/{target}").must_be("DELETE target", 204)
    equal(pushed("a deleted target")["targets"], [], "targets")
    agent.send("heartbeat", {"config_version": versions[-1]})
    eventually(lambda: server.show(f"/v1/agents/{agent.id}")["config_version"] == versions[-1], "version is shown", 20)
    agent.leave()


def changes_while_connecting_are_not_lost(world):
    """A change that comes between the making of the RegisterAck and its sending must follow as a ConfigUpdate. The gap
    is narrow, so it is tried often, with one change at a time that nothing later makes good."""
    server = world.server
    agent = Agent(server, "racing")
    target = agent.add_target()
    lost = []
    for number in range(60):
        name = f"name {number}"
        start = len(agent.received)
        agent.dial()
        change = threading.Thread(target=server.call, args=("PATCH", f"/v1/targets/{target}", {"display_name": name}))
        if number % 2:
            change.start()
        agent.register()
        if not number % 2:
            change.start()
        change.join(30)
        equal(agent.wait("register_ack", start=start) and agent.received[start][1], "register_ack", "the first message")

        def last(start=start, name=name):
            configs = [p["config"] for _, kind, p, _ in agent.received[start:] if kind in ("register_ack", "config_update")]
            return configs[-1]["targets"][0]["display_name"] == name
        try:
            eventually(last, "the connected agent has the last config", 3, 0.02)
        except Failure:
            lost.append(number)
        agent.leave()
        if len(lost) == 3:
            break
    expect(not lost, f"{len(lost)} of {number + 1} changes never reached the connected agent")


SCENARIOS = [full_in_the_first_message, changes_are_pushed, changes_while_connecting_are_not_lost]
