"""Keys: the master key and its rotation, the key of one run and its end, and the recovery key alone."""
import base64
import json
import os
import random
import shutil
import sqlite3
import stat
import time

from kit.agent import wait_run
from kit.checks import equal, eventually, expect


class Backups:
    """A server with our own agent beside it, and real backups of a real database."""

    def __init__(self, world, name):
        self.server = world.new_server().start()
        self.database = os.path.join(world.directory, f"{name}.db")
        with sqlite3.connect(self.database) as source:
            source.execute("CREATE TABLE t(x)")
            source.executemany("INSERT INTO t VALUES (?)", [(f"{name} {number}",) for number in range(300)])
        source.close()
        made = self.server.make("/v1/agents", {"name": name})
        self.server.planted.add("agent key", made["key"])
        self.agent = made["id"]
        target = self.server.make(f"/v1/agents/{self.agent}/targets", {
            "type": "sqlite", "display_name": "t", "connection": {"database": self.database}})["id"]
        self.jobs = [self.server.make(f"/v1/agents/{self.agent}/jobs", {"target_id": target, "retention_days": days})["id"]
                     for days in (0, 30)]
        self.process = self.server.spawn(
            "agent", "--server", self.server.url, "--state", os.path.join(self.server.directory, "agent-state"),
            "--allow-insecure", environment={"BACKUP_AGENT_KEY": made["key"]})
        eventually(lambda: self.server.show(f"/v1/agents/{self.agent}")["status"] == "online", "our agent is online")

    def back_up(self, job=0):
        run = self.server.make(f"/v1/jobs/{self.jobs[job]}/run")["run_id"]
        return wait_run(self.server, run, "success")

    def stop_agent(self):
        self.process.kill()
        self.process.wait(20)

    def object_of(self, run):
        return os.path.join(self.server.data, "objects", run["s3_key"])

    def token(self, run):
        token = self.server.make(f"/v1/runs/{run['id']}/decryption-token")["token"]
        claims = token.split(".")[1]
        key = base64.b64decode(json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["dek"])
        self.server.planted.add("data key", key)
        return token, key

    def must_hold_the_rows(self, path):
        rows = []
        for database in (self.database, path):
            connection = sqlite3.connect(database)
            rows.append(connection.execute("SELECT x FROM t ORDER BY x").fetchall())
            connection.close()
        expect(rows[0] == rows[1] and len(rows[0]) == 300, f"{path} has {len(rows[1])} rows, or others")


def decrypt(server, *arguments, token=None):
    out = os.path.join(server.directory, f"decrypted-{len(server.outputs)}")
    file = []
    if token:
        path = out + ".token"
        with open(path, "w", encoding="ascii") as handle:
            handle.write(token)
        file = ["--token-file", path]
    code, _, err = server.command("decrypt", *file, *arguments, "--out", out)
    if token:
        os.remove(path)
    expect("Fatal error" not in err, f"a trap: {err[-500:]}")
    return code, out, err


def deleting_a_runs_key(world):
    backups = Backups(world, "deleted")
    server = backups.server
    run, held = backups.back_up(), backups.back_up(job=1)
    backups.stop_agent()
    token, key = backups.token(run)
    blob = backups.object_of(run)
    aside = os.path.join(server.directory, "aside")
    shutil.copy(blob, aside)
    code, out, err = decrypt(server, "--in", aside, token=token)
    equal((code, err if code else ""), (0, ""), "decrypt before the deletion")
    backups.must_hold_the_rows(out)
    recovery = os.path.join(server.data, "recovery.key")
    refusal = server.call("DELETE", f"/v1/runs/{held['id']}").must_be_error("a run that retention holds", 412)
    words = refusal["message"].split()
    expect(any(word.startswith("20") and word.endswith("Z") and "T" in word for word in words), f"no date in {words}")
    server.call("DELETE", f"/v1/runs/{run['id']}").must_be("DELETE", 202)
    eventually(lambda: not os.path.exists(blob) and not os.path.exists(blob + ".key"), "object and sidecar are gone")
    eventually(lambda: server.call("POST", f"/v1/runs/{run['id']}/decryption-token", {}).status == 409, "no token any more")
    eventually(lambda: server.call("DELETE", f"/v1/runs/{run['id']}").status in (404, 409), "it is deleted")
    # The object's copy is of no use to anybody now.
    code, out, err = decrypt(server, "--in", aside, "--recovery-key", recovery)
    expect(code in (1, 3) and ".key" in err and not os.path.exists(out), f"without sidecar: exit {code}: {err}")
    foreign = backups.object_of(held) + ".key"
    code, out, err = decrypt(server, "--in", aside, "--recovery-key", recovery, "--sidecar", foreign)
    expect(code == 3 and not os.path.exists(out), f"with another run's sidecar: exit {code}: {err}")
    code, out, err = decrypt(server, "--in", aside, token=backups.token(held)[0])
    expect(code == 3 and not os.path.exists(out), f"with another run's token: exit {code}: {err}")
    equal(server.stop(), 0, "exit code")
    code, text, err = server.command("log", "verify", "--data", server.data)
    equal(code, 0, f"log verify: {text[-200:]} {err[-200:]}; exit")
    sought = {key, key.hex().encode(), key.hex().upper().encode(), base64.b64encode(key)[:42]}
    for folder, _, names in os.walk(server.data):
        for name in names:
            with open(os.path.join(folder, name), "rb") as file:
                data = file.read()
            expect(not any(form in data for form in sought), f"{name} still holds the key")
    vault = sqlite3.connect(os.path.join(server.data, "vault.sqlite"))
    names = [row[0] for row in vault.execute("SELECT name FROM secrets")]
    vault.close()
    expect(not any(run["id"] in name for name in names), f"the vault still names the run: {names}")
    expect(any(held["id"] in name for name in names), f"the vault has lost another run's key: {names}")


def the_recovery_key_alone(world):
    backups = Backups(world, "recovered")
    server = backups.server
    runs = [backups.back_up(job=1) for _ in range(3)]
    backups.stop_agent()
    place = os.path.join(server.directory, "elsewhere")
    shutil.copytree(os.path.join(server.data, "objects"), place)
    recovery = os.path.join(server.directory, "kept-recovery.key")
    shutil.copy(os.path.join(server.data, "recovery.key"), recovery)
    other = world.new_server().start()
    wrong = os.path.join(server.directory, "wrong-recovery.key")
    shutil.copy(os.path.join(other.data, "recovery.key"), wrong)
    other.kill()
    server.kill()
    shutil.rmtree(server.data)
    for run in runs:
        blob = os.path.join(place, run["s3_key"])
        code, out, err = decrypt(server, "--in", blob, "--recovery-key", recovery)
        equal((code, err if code else ""), (0, ""), "decrypt with bucket and recovery key")
        backups.must_hold_the_rows(out)
        equal(stat.S_IMODE(os.stat(out).st_mode), 0o600, "mode of the output")
    code, out, err = decrypt(server, "--in", blob, "--recovery-key", wrong)
    expect(code == 3 and "recovery key" in err and not os.path.exists(out), f"wrong recovery key: exit {code}: {err}")
    os.rename(blob + ".key", blob + ".kept")
    code, out, err = decrypt(server, "--in", blob, "--recovery-key", recovery)
    expect(code in (1, 3) and ".key" in err and not os.path.exists(out), f"no sidecar: exit {code}: {err}")
    code, out, err = decrypt(server, "--in", blob, "--recovery-key", recovery, "--sidecar", blob + ".kept")
    equal((code, err if code else ""), (0, ""), "decrypt with the sidecar named")
    code, out, err = decrypt(server, "--in", blob, "--recovery-key", blob, "--sidecar", blob + ".kept")
    expect(code in (1, 3) and "recovery key" in err, f"something else as recovery key: exit {code}: {err}")


def rotating_the_master_key(world):
    backups = Backups(world, "rotated")
    server = backups.server
    run = backups.back_up(job=1)
    for number in range(150):
        server.call("POST", f"/v1/agents/{backups.agent}/targets", {
            "type": "mysql", "display_name": "t",
            "connection": {"host": "h", "password_secret_ref": f"a-password-{number}-of-many"}}).must_be("target", 201)
    code, _, err = server.command("master-key", "rotate", "--data", server.data)
    expect(code == 1 and "is using" in err, f"beside a running server: exit {code}: {err}")
    backups.stop_agent()
    equal(server.stop(), 0, "exit code")
    key = os.path.join(server.data, "master.key")
    first = read(key)
    # Killed at any moment: it serves on, and every backup opens.
    killed = 0
    for number in range(14):
        process = server.spawn("master-key", "rotate", "--data", server.data)
        time.sleep(random.random() * 0.12)
        process.kill()
        killed += process.wait(20) != 0
        if number % 4 == 3:
            server.start()
            token, _ = backups.token(run)
            code, out, err = decrypt(server, "--in", backups.object_of(run), token=token)
            equal((code, err if code else ""), (0, ""), "decrypt after rotations that were killed")
            equal(server.stop(), 0, "exit code")
    expect(killed > 0, "every rotation was quicker than its end")
    code, text, err = server.command("master-key", "rotate", "--data", server.data, "--json")
    equal((code, err if code else ""), (0, err if code == 0 else ""), "rotate")
    if json.loads(text)["secrets"] is None:  # the last one that was killed had sealed already
        code, text, err = server.command("master-key", "rotate", "--data", server.data, "--json")
    expect(json.loads(text)["secrets"] > 150, f"rotate says {text}")
    second = read(key)
    expect(second != first and read(key + ".previous") != second, "the key is the old one")
    names = sorted(name for name in os.listdir(server.data) if name.startswith("master.key"))
    equal(names, ["master.key", "master.key.previous"], "key files")
    for name in names:
        equal(stat.S_IMODE(os.stat(os.path.join(server.data, name)).st_mode), 0o600, f"mode of {name}")
    server.start()
    code, out, err = decrypt(server, "--in", backups.object_of(run), token=backups.token(run)[0])
    equal((code, err if code else ""), (0, ""), "decrypt after the rotation")
    backups.must_hold_the_rows(out)
    equal(server.call("GET", "/v1/agents").status, 200, "the token after the rotation")
    equal(server.stop(), 0, "exit code")
    # A key of one's own, elsewhere.
    own = os.path.join(server.directory, "own.key")
    with open(own, "w", encoding="ascii") as file:
        file.write(os.urandom(32).hex() + "\n")
    os.chmod(own, 0o600)
    code, _, err = server.command("master-key", "rotate", "--data", server.data, "--new-master-key-file", own)
    equal(code, 0, f"rotate to a key of one's own: {err}; exit")
    before = {name: read(os.path.join(server.data, name)) for name in ("master.key", "vault.sqlite")}
    code, _, err = server.command("serve", "--data", server.data, "--listen", "127.0.0.1:0")
    expect(code == 3 and "master key" in err, f"serve with the former key: exit {code}: {err}")
    os.rename(key, key + ".away")
    code, _, err = server.command("serve", "--data", server.data, "--listen", "127.0.0.1:0")
    expect(code == 2 and "--master-key-file" in err, f"serve without a key: exit {code}: {err}")
    expect(not os.path.exists(key), "a new key was made where an old one is needed")
    os.rename(key + ".away", key)
    after = {name: read(os.path.join(server.data, name)) for name in before}
    expect(before == after, "a refused start has changed the vault or the key")
    server.start("--master-key-file", own)
    code, out, err = decrypt(server, "--in", backups.object_of(run), token=backups.token(run)[0])
    equal((code, err if code else ""), (0, ""), "decrypt after the second rotation")
    equal(server.stop(), 0, "exit code")
    code, text, err = server.command("log", "verify", "--data", server.data)
    equal(code, 0, f"log verify: {err}; exit")


def read(path):
    with open(path, "rb") as file:
        return file.read()


SCENARIOS = [deleting_a_runs_key, the_recovery_key_alone, rotating_the_master_key]
