"""TLS with a certificate of an authority that nobody else knows, replaced while the server runs."""
import os
import shutil
import signal
import socket
import sqlite3
import ssl
import subprocess

from kit.agent import Agent
from kit.checks import Failure, equal, eventually, expect, never


class Authority:
    """An authority of our own, and certificates for 127.0.0.1 that it signs."""

    def __init__(self, directory):
        self.directory = directory
        os.makedirs(directory, exist_ok=True)
        self.certificate = self.path("ca.pem")
        self._openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                      "-subj", "/CN=a test authority", "-keyout", self.path("ca.key"), "-out", self.certificate)
        with open(self.path("extensions"), "w", encoding="ascii") as file:
            file.write("subjectAltName=IP:127.0.0.1,DNS:localhost\n")

    def path(self, name):
        return os.path.join(self.directory, name)

    def _openssl(self, *arguments):
        done = subprocess.run(["openssl", *arguments], capture_output=True, text=True, check=False)
        expect(done.returncode == 0, f"openssl {arguments[0]}: {done.stderr[-500:]}")

    def issue(self, serial):
        """A new key and its certificate; their paths."""
        key, request, certificate = (self.path(f"{serial}.{name}") for name in ("key", "csr", "pem"))
        self._openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
                      "/CN=127.0.0.1", "-keyout", key, "-out", request)
        self._openssl("x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self.path("ca.key"),
                      "-set_serial", str(serial), "-days", "2", "-extfile", self.path("extensions"), "-out", certificate)
        return certificate, key

    def context(self):
        return ssl.create_default_context(cafile=self.certificate)


def served(world):
    """A server with TLS and the certificate of serial number 1001, at paths of its own."""
    server = world.new_server()
    authority = Authority(os.path.join(server.directory, "authority"))
    certificate, key = os.path.join(server.directory, "tls.pem"), os.path.join(server.directory, "tls.key")
    put(authority.issue(1001), (certificate, key))
    server.tls = authority.context()
    server.start("--tls-certificate", certificate, "--tls-key", key)
    return server, authority, (certificate, key)


def put(sources, targets):
    for source, target in zip(sources, targets):
        shutil.copy(source, target + ".new")
        os.replace(target + ".new", target)


def serial(server):
    """Of the certificate that a new connection is shown."""
    with socket.create_connection(("127.0.0.1", server.port), 20) as plain:
        with server.tls.wrap_socket(plain, server_hostname="127.0.0.1") as connection:
            return int(connection.getpeercert()["serialNumber"], 16)


def everything_over_tls(world):
    server, authority, _ = served(world)
    equal(server.show("/v1/agents")["items"], [], "agents")
    agent = Agent(server, "encrypted")
    job = agent.add_job()
    agent.connect()
    _, order = agent.order(job)
    expect(order["upload_creds"]["presigned_put_url"].startswith("https://127.0.0.1:"), "the upload address")
    agent.leave()
    for context in (ssl.create_default_context(), None):
        try:
            other = server.tls
            server.tls = context
            server.request("GET", "/healthz", seconds=5)
            raise Failure("a client that does not trust the authority, or speaks no TLS, was answered")
        except (ssl.SSLError, ConnectionError):
            pass
        finally:
            server.tls = other
    code, _, errors = server.command("agents", "list", "--url", server.url, "--data", server.data)
    equal(code, 1, f"the command line without trust: {errors}")
    code, output, errors = server.command(
        "agents", "list", "--json", "--url", server.url, "--data", server.data,
        environment={"SSL_CERT_FILE": authority.certificate})
    equal(code, 0, f"the command line with SSL_CERT_FILE: {errors}")
    expect(agent.id in output, output)


def old_versions_are_refused(world):
    server, _, _ = served(world)
    for version, is_good in ((ssl.TLSVersion.TLSv1, False), (ssl.TLSVersion.TLSv1_1, False),
                             (ssl.TLSVersion.TLSv1_2, True), (ssl.TLSVersion.TLSv1_3, True)):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        # OpenSSL refuses the old ones itself at its usual level.
        context.set_ciphers("DEFAULT:@SECLEVEL=0")
        context.minimum_version = context.maximum_version = version
        try:
            with socket.create_connection(("127.0.0.1", server.port), 20) as plain:
                with context.wrap_socket(plain) as connection:
                    found = connection.version()
            expect(is_good, f"{version.name} was spoken: {found}")
        except (ssl.SSLError, ConnectionError) as error:
            expect(not is_good, f"{version.name}: {error}")


def a_certificate_is_replaced(world):
    server, authority, files = served(world)
    agent = Agent(server, "staying")
    agent.connect()
    equal(serial(server), 1001, "the first serial number")
    put(authority.issue(1002), files)
    server.process.send_signal(signal.SIGHUP)
    eventually(lambda: serial(server) == 1002, "SIGHUP: the new certificate", 20)
    put(authority.issue(1003), files)
    eventually(lambda: serial(server) == 1003, "the new certificate without a signal", 30, pause=0.5)
    # Certificate and key are seldom replaced at the same moment.
    fresh = authority.issue(1004)
    put(fresh[:1], files[:1])
    never(lambda: serial(server) != 1003, "with half of a pair", 5, pause=1)
    put(fresh[1:], files[1:])
    eventually(lambda: serial(server) == 1004, "once the pair is whole", 30, pause=0.5)
    expect(agent.closed is None, f"a live session was ended: {agent.closed}")
    agent.send("heartbeat", {"config_version": 1})
    agent.leave()
    agent.connect()
    agent.leave()


def a_broken_certificate_is_told_and_not_used(world):
    server, authority, files = served(world)
    for number, (certificate, key) in enumerate([("no PEM", None), (None, "no PEM"), ("", "")]):
        for path, text in zip(files, (certificate, key)):
            if text is not None:
                with open(path, "w", encoding="ascii") as file:
                    file.write(text)
        before = server.errors().count("TLS cannot be set up")
        server.process.send_signal(signal.SIGHUP)
        eventually(lambda before=before: server.errors().count("TLS cannot be set up") > before, f"case {number} is told", 20)
        equal(serial(server), 1001, "the serial number")
        put(authority.issue(2000 + number), [path + ".unused" for path in files])
    os.remove(files[0])
    server.process.send_signal(signal.SIGHUP)
    never(lambda: serial(server) != 1001, "a file that is gone", 3, pause=1)
    put(authority.issue(1005), files)
    eventually(lambda: serial(server) == 1005, "after it was mended", 30, pause=0.5)
    expect("The former certificate stays in use" in server.errors(), "the log does not say what goes on")
    server.must_live()


def our_agent_over_tls(world):
    server, authority, _ = served(world)
    made = server.make("/v1/agents", {"name": "ours"})
    server.planted.add("agent key", made["key"])
    database = os.path.join(server.directory, "app.db")
    connection = sqlite3.connect(database)
    connection.execute("CREATE TABLE t (x)")
    connection.execute("INSERT INTO t VALUES (1)")
    connection.commit()
    connection.close()
    target = server.make(f"/v1/agents/{made['id']}/targets", {"type": "sqlite", "connection": {"database": database}})
    job = server.make(f"/v1/agents/{made['id']}/jobs", {"target_id": target["id"]})
    arguments = ["agent", "--server", server.url, "--state", os.path.join(server.directory, "state")]
    key = {"BACKUP_AGENT_KEY": made["key"]}
    process = server.spawn(*arguments, environment=key)
    try:
        never(lambda: server.show(f"/v1/agents/{made['id']}")["status"] == "online", "an agent without trust", 4)
    finally:
        process.kill()
        process.wait(20)
    process = server.spawn(*arguments, environment=key | {"SSL_CERT_FILE": authority.certificate})
    try:
        eventually(lambda: server.show(f"/v1/agents/{made['id']}")["status"] == "online", "online over TLS", 30)
        run = server.make(f"/v1/jobs/{job['id']}/run")["run_id"]
        final = ("success", "failed", "lost", "cancelled")
        found = eventually(
            lambda: (lambda it: it if it["status"] in final else None)(server.show(f"/v1/runs/{run}")), "a verdict", 60)
        equal(found["status"], "success", f"the run: {found}")
    finally:
        process.terminate()
        process.wait(20)


SCENARIOS = [
    everything_over_tls, old_versions_are_refused, a_certificate_is_replaced, a_broken_certificate_is_told_and_not_used,
    our_agent_over_tls,
]
