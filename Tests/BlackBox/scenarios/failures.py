"""What agents say when a run fails, and the secrets they say it with."""
import base64

from kit.agent import Agent, signatures, wait_run
from kit.checks import Findings, equal, eventually, expect

# Texts as reference agents were recorded to write them, and what each can be taken for.
SHAPES = [
    ('pipeline: unknown job_id "job-unknown"', "configuration"),
    ('pipeline: unknown target for job "job-orphan"', "configuration"),
    ("pipeline: no driver registered for db_type=db_unspecified", "configuration"),
    ("pipeline: RunBackup missing upload credentials", "configuration upload"),
    ("pipeline: unwrap DEK: pipeline: expected 32-byte DEK, got 16", "configuration"),
    ("pipeline: validate stage: pipeline: pg_dump smoke probe failed: pg_dump exited 1: pg_dump: error: connection "
     'to server at "127.0.0.1", port 5432 failed: Connection refused', "source"),
    ("pipeline: validate stage: pipeline: mongodump version probe failed (is mongodump installed?): exec: "
     '"mongodump": executable file not found in $PATH', "source configuration"),
    ("pipeline: validate stage: pipeline: redis PING returned unexpected response: "
     '"NOAUTH Authentication required.\\n\\n"', "source configuration"),
    ("pipeline: pre_hook[0] failed: hook exited non-zero (3): exit status 3", "source configuration"),
    ("pipeline: pre_hook[0] failed: hook timed out after 15m0s: context deadline exceeded", "timeout"),
    ("pipeline: pre_hook[0] failed: hook cancelled: context canceled", "disconnect"),
    ('smoke: mysqldump output missing banner (got "/*M!999999\\\\- enable the sandbox")', "source"),
    ("dump: pipeline: pg_dump exec: pg_dump: signal: killed (stderr=)", "disconnect"),
    ("upload: pipeline: upload non-2xx: HTTP 403", "upload storage"),
    ("upload: pipeline: upload non-2xx: HTTP 307", "upload storage"),
    ('upload: pipeline: PUT http://127.0.0.1:1/x: Put "http://127.0.0.1:1/x": dial tcp 127.0.0.1:1: connect: '
     "connection refused", "upload storage"),
    ("something that nobody has seen before", "unknown"),
    ("", "unknown"),
    ("x" * 200_000, "unknown"),
    ("control \u0000\u0007\u001b[31m and \u202e and \U0001f4be", "unknown"),
]


def error_classes(world):
    server = world.server
    agent = Agent(server, "failing")
    job = agent.add_job()
    agent.connect()
    findings = Findings()
    for text, classes in SHAPES:
        def body(text=text, classes=classes):
            run, order = agent.order(job)
            agent.fail(order, text)
            if classes == "disconnect":  # the first is replaced without counting
                agent.fail(agent.wait_order(run, attempt=2), text)
            shown = wait_run(server, run, "failed")
            expect(shown["error_class"] in classes.split(), f"error_class {shown['error_class']}, wanted {classes}")
            expect(len(shown["error_message"] or "") <= 100_000, "the message is kept at any length")
        findings.run(text[:70], body)
    agent.leave()
    findings.end()


def secrets_in_what_agents_say(world):
    server = world.server
    agent = Agent(server, "talkative")
    password = "Pl4nted-Literal-Passw0rd/+=?&"
    server.planted.add("literal password", password)
    target = agent.add_target(
        type="postgresql", connection={"host": "db", "port": 5432, "database": "app", "username": "u",
                                       "password_secret_ref": password})
    job = agent.add_job(target)
    agent.connect()
    run, order = agent.order(job)
    url, key = order["upload_creds"]["presigned_put_url"], order["encrypted_dek"]
    expect(signatures(url), f"no signature in {url}")
    said = {
        "url": f'upload: pipeline: PUT {url}: Put "{url}": dial tcp 127.0.0.1:1: connect: connection refused',
        "escaped url": "upload: " + url.replace("&", "\\u0026"),
        "percent-encoded url": "upload: " + url.replace("&", "%26").replace("=", "%3D").replace("?", "%3F"),
        "keys": f"key {key.hex()} {key.hex().upper()} {base64.b64encode(key).decode()} "
                f"{base64.urlsafe_b64encode(key).decode()}",
        "password": f"password {password} {password.encode().hex()} {base64.b64encode(password.encode()).decode()}",
        "user info": f"mongodb://u:{password}@db/app failed",
        "agent key": f"started with BACKUP_AGENT_KEY={agent.key}",
    }
    for name, text in said.items():
        agent.send("log", {"ts_ms": 1, "level": 4, "job_id": job, "message": text, "fields": {name: text}})
        agent.send("job_update", {
            "job_id": job, "run_id": order["run_id"], "status": 2, "current_step": text, "error_message": text,
        })
        agent.send("job_update", {"job_id": text, "run_id": text, "status": 4, "error_message": text})
        agent.send("discovery", {"containers": [{
            "container_id": text, "name": text, "image": "postgres:16", "detected_db_type": "postgresql",
            "networks": [text], "env_hints": {"PGPASSWORD": text},
        }]})
        agent.send("health_result", {"check_id": text, "ok": False, "error": text})
        agent.send("restore_update", {"restore_id": text, "status": 4, "error_message": text})
        agent.send("ack", {"correlation_id": text, "reason": text}, correlation_id=text)
    agent.socket.send(b"\xff\xff" + said["url"].encode() + key + password.encode() + agent.key.encode())
    if agent.closed is not None or agent.reader.join(1) or agent.closed is not None:
        agent.connect()
    agent.register(hostname=said["agent key"] + said["password"])
    agent.send("heartbeat", {"config_version": 1, "active_job_ids": [said["url"], said["keys"]]})
    agent.fail(order, said["url"])
    shown = wait_run(server, run, "failed")
    equal(shown["error_class"], "upload", "error_class")
    message = shown["error_message"]
    expect("connection refused" in message and "upload:" in message, f"the rest of the text is gone: {message[:200]}")
    findings = Findings()
    texts = {
        "the run": server.call("GET", f"/v1/runs/{run}").text,
        "its timeline": server.call("GET", f"/v1/runs/{run}/timeline?limit=100").text,
        "the agent": server.call("GET", f"/v1/agents/{agent.id}").text,
        "what was discovered": server.call("GET", f"/v1/agents/{agent.id}/discovered").text,
        "the targets": server.call("GET", f"/v1/agents/{agent.id}/targets").text,
    }
    for find in world.planted.search_texts({name: text.encode() for name, text in texts.items()}):
        findings.check(False, find)
    agent.leave()
    eventually(lambda: server.show(f"/v1/agents/{agent.id}")["status"] == "offline", "the agent is offline", 20)
    findings.end()


SCENARIOS = [error_classes, secrets_in_what_agents_say]
