"""The server is killed in the middle of its work and started again."""
import os
import threading

from kit.agent import Agent, local, wait_run
from kit.checks import Findings, equal, expect, never


class Writers:
    """Threads that create things until the server goes away; what was answered is remembered."""

    def __init__(self, server, round_number):
        self.server, self.round = server, round_number
        self.lock = threading.Lock()
        self.answered, self.doubtful, self.problems = [], [], []
        self.enough = threading.Event()
        self.threads = [threading.Thread(target=self.write, args=(number,)) for number in range(3)]
        [thread.start() for thread in self.threads]

    def write(self, number):
        count = 0
        while True:
            count += 1
            name = f"agent-{self.round}.{number}.{count}"
            try:
                agent = self.post("/v1/agents", {"name": name}, name)
                target = self.post(f"/v1/agents/{agent}/targets", {
                    "type": "sqlite", "display_name": name,
                    "connection": {"database": "/x", "password_secret_ref": "Pa55word-" + name}}, name + "t")
                job = self.post(f"/v1/agents/{agent}/jobs", {"target_id": target}, name + "j")
                for run in range(2):
                    self.post(f"/v1/jobs/{job}/run", {}, f"{name}r{run}")
            except OSError:
                return  # it was killed
            except Exception as error:
                with self.lock:
                    self.problems.append(f"{name}: {type(error).__name__} {error}")
                return

    def post(self, path, body, key):
        with self.lock:
            self.doubtful.append((path, body, key))
        answer = self.server.call("POST", path, body, key)
        made = answer.must_be(path, 201, 202).json
        identifier = made.get("id") or made.get("run_id")
        with self.lock:
            if "key" in made:
                self.server.planted.add("agent key", made["key"])
            self.doubtful.remove((path, body, key))
            self.answered.append((path, identifier, key, body))
            if len(self.answered) >= 25:
                self.enough.set()
        return identifier


def paths_of(path, identifier):
    kind = identifier.split("_")[0]
    return {"agt": f"/v1/agents/{identifier}", "tgt": f"/v1/targets/{identifier}", "job": f"/v1/jobs/{identifier}",
            "run": f"/v1/runs/{identifier}"}[kind]


def nothing_answered_is_lost(world):
    server = world.new_server().start()
    answered = []
    findings = Findings()
    for number in range(3):
        writers = Writers(server, number)
        writers.enough.wait(30)
        server.kill()
        [thread.join(60) for thread in writers.threads]
        findings.check(not writers.problems, f"round {number}: {writers.problems[:3]}")
        findings.check(len(writers.answered) >= 25, f"round {number}: {len(writers.answered)} answers in 60 s")
        answered += writers.answered
        server.start()
        for path, identifier, _, _ in answered:
            status = server.call("GET", paths_of(path, identifier)).status
            findings.check(status == 200, f"round {number}: {identifier} was answered and is gone ({status})")
        for path, body, key in writers.doubtful:  # outcome unknown: repeating under the same key does it once
            answer = server.call("POST", path, body, key)
            findings.check(answer.status in (200, 201, 202), f"round {number}: repeating {path}: {answer.status}")
        path, identifier, key, body = writers.answered[0]
        again = server.call("POST", path, body, key).json
        findings.check(identifier in (again.get("id"), again.get("run_id")), f"{identifier} repeated gives {again}")
        findings.check(again.get("key") is None, "a key is shown a second time")
    names = [agent["name"] for agent in server.everything("/v1/agents")]
    findings.check(len(names) == len(set(names)), "a repeated request was done twice")
    equal(server.stop(), 0, "exit code after SIGTERM")
    for command in (["log", "verify", "--data", server.data], ["replay", "--check", server.data]):
        code, out, err = server.command(*command)
        findings.check(code == 0, f"backupy {' '.join(command[:2])}: exit {code}: {out[-300:]} {err[-500:]}")
    findings.end()


def no_order_is_sent_twice(world):
    server = world.new_server().start()
    agent = Agent(server, "forgetful")
    job = agent.add_job()
    other = agent.add_job()
    runs, findings = [], Findings()
    agent.connect()
    first, order = agent.order(job)
    server.kill()  # right after the order has arrived: its outcome may not be on the log
    agent.leave()
    server.start()
    for _ in range(2):
        agent.connect()
        runs.append(server.make(f"/v1/jobs/{other}/run")["run_id"])
        server.kill()  # somewhere around the sending
        agent.leave()
        server.start()
    agent.connect()

    def repeated():
        sent = [found["run_id"] for found in agent.orders()]
        return sorted({wire for wire in sent if sent.count(wire) > 1})
    findings.run("20 s", lambda: never(repeated, "RunBackups sent more than once", 20))
    # The address was good before and is good now: its key outlives the process. And the report counts.
    blob = os.urandom(2_000)
    answer = server.request("PUT", local(order["upload_creds"]["presigned_put_url"]), blob)
    findings.check(answer.status == 200, f"an address from before the restart: {answer.status} {answer.text[:200]}")
    agent.complete(order, blob)
    findings.run("completion", lambda: wait_run(server, first, "success"))
    agent.leave()
    findings.run("stop", lambda: equal(server.stop(), 0, "exit code"))
    code, out, err = server.command("replay", "--check", server.data)
    findings.check(code == 0, f"replay --check: exit {code}: {out[-300:]} {err[-500:]}")
    findings.end()


class Assassin(Agent):
    """Kills the server the moment a RunBackup arrives: mostly before the server has noted that it was sent."""
    is_armed = False

    def _plant(self, order):
        if self.is_armed:
            self.server.kill()
        super()._plant(order)


def no_order_is_sent_twice_when_killed_by_its_receiver(world):
    server = world.new_server().start()
    runs, findings = [], Findings()
    for number in range(6):
        agent = Assassin(server, f"assassin {number}")
        job = agent.add_job()
        agent.connect()
        agent.is_armed = True
        run, key = None, f"kill-{number}"
        try:
            run = server.call("POST", f"/v1/jobs/{job}/run", {}, key).json["run_id"]
        except OSError:
            pass  # killed before it has answered
        agent.wait_closed()
        server.kill()
        agent.leave()
        agent.is_armed = False
        server.start()
        runs.append(run or server.make(f"/v1/jobs/{job}/run", {}, key)["run_id"])
        agent.connect()
        findings.run(agent.name, lambda: never(lambda: twice(agent), "RunBackups sent more than once", 1))
        agent.leave()
    unknown = [run for run in runs if '"unknown"' in server.call("GET", f"/v1/log?stream=run/{run}&limit=100").text]
    if not unknown:
        print("note: the server had always noted the sending before it was killed", flush=True)
    server.stop()
    code, out, err = server.command("replay", "--check", server.data)
    findings.check(code == 0, f"replay --check: exit {code}: {out[-300:]} {err[-500:]}")
    findings.end()


def twice(agent):
    sent = [order["run_id"] for order in agent.orders()]
    return sorted({wire for wire in sent if sent.count(wire) > 1})


def ended_politely_in_a_run(world):
    server = world.new_server().start()
    agents = [Agent(server, f"agent {number}") for number in range(5)]
    agent = agents[0]
    job = agent.add_job()
    [each.connect() for each in agents]
    run, order = agent.order(job)
    blob = os.urandom(1_000)
    agent.upload(order, blob).must_be("PUT", 200)
    equal(server.stop(10), 0, "exit code of SIGTERM within 10 s")
    codes = [each.wait_closed(10).code for each in agents]
    equal(codes, [1001] * 5, "close codes")
    [each.leave() for each in agents]
    server.start()
    expect(server.show(f"/v1/runs/{run}")["status"] == "running", "the run after a restart")
    agent.connect(heartbeat=False)
    agent.send("backup_completed", agent.completion(order, blob), seq=1, ts_ms=1)
    wait_run(server, run, "success")
    equal(len(agent.orders(run)), 1, "RunBackups")
    agent.leave()
    equal(server.stop(), 0, "exit code")
    code, out, err = server.command("log", "verify", "--data", server.data)
    equal((code, err[-200:] if code else ""), (0, ""), f"log verify ({out[-200:]})")


SCENARIOS = [nothing_answered_is_lost, no_order_is_sent_twice, no_order_is_sent_twice_when_killed_by_its_receiver,
             ended_politely_in_a_run]
