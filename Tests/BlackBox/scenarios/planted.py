"""Secrets in every field of either direction, and then a search of everything that is left."""
import base64
import json
import os
import secrets
import sqlite3
import struct
import time
import urllib.parse

from kit import protobuf
from kit.agent import Agent, wait_run
from kit.checks import Failure, eventually, expect

MARKER = "Zq7Kx9Wv"
"""Begins every secret that is planted here, so that one search finds them all, and parts of them."""


def secret(length=24, odd=False):
    tail = secrets.token_hex(40) if not odd else "ß\"'\\%2F+/ &=?#😀" + secrets.token_hex(20)
    return (MARKER + tail)[:max(length, len(MARKER) + 4)]


def marker_forms():
    raw = MARKER.encode()
    yield raw
    for digits in (raw.hex(), raw.hex().upper()):
        pairs = [digits[i:i + 2] for i in range(0, len(digits), 2)]
        for text in (digits, " ".join(pairs), ":".join(pairs), "%".join(pairs), "\\x".join(pairs)):
            yield text.encode()
    for between in (" ", ",", ", "):
        yield between.join(str(byte) for byte in raw).encode()
    for shift in range(3):
        text = base64.b64encode(b"\0" * shift + raw + b"\0" * (-(shift + len(raw)) % 3))
        yield text[(shift * 8 + 5) // 6:(shift + len(raw)) * 8 // 6]


def forms(text):
    """How a secret may stand in a text."""
    raw = text.encode()
    base = base64.b64encode(raw).decode()
    shifted = base64.b64encode(b"a:" + raw).decode()
    return [
        text, raw.hex(), raw.hex().upper(), base, base.rstrip("="), base64.urlsafe_b64encode(raw).decode(), shifted,
        urllib.parse.quote(text, safe=""), urllib.parse.quote_plus(text), urllib.parse.quote(urllib.parse.quote(text)),
        json.dumps(text), json.dumps(text, ensure_ascii=False), " ".join(str(byte) for byte in raw),
        raw.hex(" "), raw.hex(":"), "".join(f"\\x{byte:02x}" for byte in raw), "".join(f"%{byte:02x}" for byte in raw),
    ]


def left_in(root, but=()):
    """Where the marker stands, in any file below a folder."""
    found, count = [], 0
    sought = set(marker_forms())
    expect(all(any(form in data.encode() for form in sought) for data in forms(secret())), "the search finds nothing")
    for folder, _, names in os.walk(root):
        for name in names:
            path = os.path.join(folder, name)
            if name in but or os.path.islink(path) or not os.path.isfile(path):
                continue
            count += 1
            with open(path, "rb") as file:
                data = file.read()
            for form in sought:
                at = data.find(form)
                if at >= 0:
                    found.append(f"{os.path.relpath(path, root)}: {data[max(0, at - 60):at + 40]!r}")
    expect(count > 0, "there were no files")
    return found


def nothing_is_left(root, but=()):
    found = left_in(root, but)
    if found:
        raise Failure(f"{len(found)} finds\n      " + "\n      ".join(found[:20]))


def leaves(message, path=()):
    """All fields that hold text or bytes below a message: their path and whether they are text."""
    for _, (name, kind) in protobuf.MESSAGES[message].items():
        here = path + (name,)
        if isinstance(kind, tuple) and kind[0] == "map":
            yield here + ("map key",), True
            yield here + ("map value",), True
            continue
        repeated = isinstance(kind, tuple)
        inner = kind[1] if repeated else kind
        here = here + ("many",) if repeated else here
        if inner in (protobuf.TEXT, protobuf.BYTES):
            yield here, inner == protobuf.TEXT
        elif inner in protobuf.MESSAGES:
            yield from leaves(inner, here)


def holding(path, value):
    """The dictionary that holds a value at a path."""
    if not path:
        return value
    if path == ("map key",):
        return {value: "set"}
    if path == ("map value",):
        return {"NAME": value}
    if path[0] == "many":
        return [holding(path[1:], value)]
    return {path[0]: holding(path[1:], value)}


FROM_AGENT = ("register", "heartbeat", "discovery", "job_update", "backup_completed", "health_result", "log",
              "restore_update", "ack")


def show_everything(server):
    """What the interface and the commands show, kept in files that are searched."""
    texts = []
    for path in ("/v1/agents", "/v1/runs", "/v1/state", "/v1/log?limit=100"):
        texts.append(server.call("GET", path).text)
    after, count = 0, 0
    while count < 100:
        items = server.call("GET", f"/v1/log?after={after}&limit=100").json["items"]
        if not items:
            break
        texts.append(json.dumps(items))
        after, count = items[-1]["position"], count + 1
    for agent in server.everything("/v1/agents"):
        for part in ("", "/targets", "/jobs", "/config", "/discovered", "/metrics"):
            texts.append(server.call("GET", f"/v1/agents/{agent['id']}{part}").text)
    with open(os.path.join(server.directory, "shown"), "w", encoding="utf-8") as file:
        file.write("\n".join(texts))
    commands(server, server.data)


def commands(server, data):
    for arguments in (("log", "tail", "-n", "5000", "--data", data), ("log", "tail", "--json", "-n", "5000", "--data", data),
                      ("log", "show", "5", "--data", data), ("log", "stat", "--data", data),
                      ("replay", "--json", data), ("log", "verify", "--data", data)):
        code, _, err = server.command(*arguments)
        expect(code == 0, f"{' '.join(arguments)}: exit {code}: {err[-300:]}")


def from_agents(world):
    server = world.new_server().start()
    agent = Agent(server, "planter")
    passwords = [secret(12 + number % 30, odd=number % 3 == 0) for number in range(150)]
    for password in passwords:
        answer = server.call("POST", f"/v1/agents/{agent.id}/targets", {
            "type": "postgresql", "display_name": "t", "connection": {"host": "h", "password_secret_ref": password}})
        answer.must_be("a target", 201)
    job = agent.add_job()
    answer = agent.connect()
    got = {target["connection"]["password_secret_ref"] for target in answer["config"]["targets"]}
    expect(set(passwords) <= got, "the agent was not told the passwords")
    run, order = agent.order(job)
    key = order["encrypted_dek"]
    url = order["upload_creds"]["presigned_put_url"]
    count = 0
    for kind in FROM_AGENT:
        message = dict(protobuf.MESSAGES["Envelope"].values())[kind]
        for path, is_text in leaves(message):
            picked = [passwords[(count * 7 + i) % len(passwords)] for i in range(3)]
            texts = [" ".join(forms(picked[0])), forms(picked[1])[count % 17] * 2, "x" + picked[2] + picked[0]]
            texts += [key.hex(), base64.b64encode(key).decode(), f"PUT {url}: 403", agent.key, json.dumps({"u": url})]
            for text in texts:
                value = text if is_text else text.encode()
                if kind == "register":
                    continue  # a second one closes the connection; below
                agent.send(kind, holding(path, value))
                count += 1
            server.planted.add("data key", key)
    agent.fail(order, f"upload: {url}: password {passwords[0]} key {key.hex()} {agent.key}")
    wait_run(server, run, "failed")
    agent.leave()
    for number, (path, _) in enumerate(leaves("Register")):
        start = len(agent.received)
        agent.dial()
        agent.send("register", holding(path, " ".join(forms(passwords[number]))))
        agent.wait("register_ack", start=start)
        agent.leave()
    # Frames that are no frames.
    for data in (passwords[1].encode() * 3, b"\xff\xff" + passwords[2].encode(), b"\x72\x40\x42\x30" + key):
        agent.dial()
        agent.register()
        try:
            agent.socket.send(data)
            agent.send("heartbeat", {"config_version": 1})
        except OSError:
            pass
        time.sleep(0.2)
        agent.leave()
    show_everything(server)
    expect(server.stop() == 0, "exit code")
    nothing_is_left(server.directory)
    return count


def captures(world):
    """Server frames with secrets, and the agent's that repeat them, through import, log and replay."""
    server = world.new_server()
    now = 1_700_000_000_000
    frames, seq = [], 0

    def add(direction, kind, values):
        nonlocal now, seq
        seq, now = seq + 1, now + 1_000
        data = protobuf.encode("Envelope", {"seq": seq, "ts_ms": now, kind: values})
        frames.append(struct.pack(">QBI", now, direction, len(data)) + data)

    passwords = [secret(14 + number % 20, odd=number % 2 == 0) for number in range(60)]
    add(0, "register", {"hostname": "host", "agent_version": "v1"})
    targets = [{"id": f"tgt_{n}", "connection": {
        "host": "h" if n % 2 else f"mongodb://u:{urllib.parse.quote(p)}@h/db", "password_secret_ref": p}}
        for n, p in enumerate(passwords)]
    add(1, "register_ack", {"session_id": "ses_1", "config": {"version": 1, "targets": targets, "jobs": [
        {"id": "job_1", "target_id": "tgt_0", "pre_hooks": [f"mysql -p'{passwords[1]}'"]}], "health_checks": [
            {"id": "chk_1", "target": f"https://me:{urllib.parse.quote(passwords[3])}@h/"}]}})
    key = (MARKER + secrets.token_hex(12)).encode()
    sign = MARKER + secrets.token_hex(20)
    add(1, "run_backup", {"job_id": "job_1", "run_id": "run_1", "encrypted_dek": key, "upload_creds": {
        "presigned_put_url": f"https://s3/x?X-Amz-Credential={sign}&X-Amz-Signature={sign}", "final_s3_key": "x"}})
    known = passwords + [key.decode(), sign]
    for direction, kinds in ((0, FROM_AGENT), (1, ("register_ack", "config_update", "run_backup", "cancel_job",
                                                    "run_health_check", "self_update"))):
        for kind in kinds:
            message = dict(protobuf.MESSAGES["Envelope"].values())[kind]
            for number, (path, is_text) in enumerate(leaves(message)):
                for text in (" ".join(forms(known[number % len(known)])), known[(number * 5 + 1) % len(known)]):
                    add(direction, kind, holding(path, text if is_text else text.encode()))
    add(0, "backup_completed", {"job_id": "job_1", "run_id": "run_1", "encrypted_dek": key})
    folder = os.path.join(world.directory, "capture-source")  # not below the folder that is searched
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, "planted.frames")
    with open(path, "wb") as file:
        file.write(b"".join(frames))
    data = os.path.join(server.directory, "imported")
    code, _, err = server.command("log", "import", path, "--data", data)
    expect(code == 0, f"log import: exit {code}: {err[-400:]}")
    commands(server, data)
    code, _, err = server.command("replay", "--json", path)
    expect(code == 0, f"replay of the capture: exit {code}: {err[-400:]}")
    os.remove(path)
    nothing_is_left(server.directory)


def our_agent(world):
    """Our own agent: what it writes down, logs and reports, with hooks that say what they should not."""
    server = world.new_server().start()
    made = server.make("/v1/agents", {"name": "ours"})
    server.planted.add("agent key", made["key"])
    database = os.path.join(world.directory, "source.db")
    with sqlite3.connect(database) as source:
        source.execute("CREATE TABLE t(x)")
        source.executemany("INSERT INTO t VALUES (?)", [(number,) for number in range(500)])
    source.close()
    password = secret(20)
    target = server.make(f"/v1/agents/{made['id']}/targets", {
        "type": "sqlite", "display_name": "t",
        "connection": {"database": database, "password_secret_ref": password}})["id"]
    parts = [password[:9], password[9:]]  # a hook with the password as it is would be refused
    echo = f"p={parts[0]}; printf '%s%s' $p {parts[1]}"
    hooks = [echo, f"{{ {echo}; }} | base64", f"{{ {echo}; }} | od -An -tx1"]
    server.call("POST", f"/v1/agents/{made['id']}/jobs", {"target_id": target, "pre_hooks": [f"echo {password}"]}).must_be(
        "a hook with the password", 422)
    job = server.make(f"/v1/agents/{made['id']}/jobs", {"target_id": target, "pre_hooks": hooks, "post_hooks": [echo]})["id"]
    missing = server.make(f"/v1/agents/{made['id']}/targets", {
        "type": "sqlite", "display_name": "t", "connection": {"database": "/no/such.db"}})["id"]
    failing = server.make(f"/v1/agents/{made['id']}/jobs", {"target_id": missing})["id"]
    state = os.path.join(server.directory, "agent-state")
    process = server.spawn("agent", "--server", server.url, "--state", state, "--allow-insecure", "--allow-hooks",
                           environment={"BACKUP_AGENT_KEY": made["key"], "BACKUP_LOG_LEVEL": "trace"})
    errors = server.outputs[-1][1]
    try:
        eventually(lambda: server.show(f"/v1/agents/{made['id']}")["status"] == "online", "our agent is online")
        run = server.make(f"/v1/jobs/{job}/run")["run_id"]
        wait_run(server, run, "success")
        wait_run(server, server.make(f"/v1/jobs/{failing}/run")["run_id"], "failed")
        with open(errors, encoding="utf-8") as file:
            expect("printed: " in file.read(), "what the hooks printed is not in the agent's log")
    finally:
        process.kill()
        process.wait(20)
    token = server.make(f"/v1/runs/{run}/decryption-token")["token"]
    claims = token.split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
    server.planted.add("data key", base64.b64decode(claims["dek"]))
    server.planted.add("decryption token", token)
    # The hooks' halves are in the job, where a person put them: only the whole is a secret.
    show_everything(server)
    server.stop()
    whole = password.encode()
    shapes = {whole, whole.hex().encode(), whole.hex(" ").encode(), base64.b64encode(whole)[:20]}
    for folder, _, names in os.walk(server.directory):
        for name in names:
            with open(os.path.join(folder, name), "rb") as file:
                content = file.read()
            found = [shape for shape in shapes if shape in content]
            expect(not found, f"{name} holds the password: {found}")


SCENARIOS = [from_agents, captures, our_agent]
