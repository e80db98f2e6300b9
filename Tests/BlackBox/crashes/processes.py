"""The processes that are killed, and what lies on the disk at that moment."""
import os
import signal
import socket
import stat
import subprocess

from kit.checks import Failure
from kit.server import clean_environment


def free_port():
    """A port that stays free between two starts: below those that the system gives to clients."""
    with open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii") as file:
        low = int(file.read().split()[0])
    for port in range(max(1_024, low - 1 - os.getpid() % 9_000), 1_023, -1):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise Failure("no port is free")


class AgentProcess:
    """A real `backupy agent` with its state directory; may be started again."""

    def __init__(self, server, name, directory, key):
        self.server, self.name, self.directory, self.key = server, name, directory, key
        self.state = os.path.join(directory, "state")
        self.process = None
        os.makedirs(directory)

    def begin(self):
        with open(os.path.join(self.directory, "stderr"), "ab") as err:
            self.process = subprocess.Popen(
                [self.server.binary, "agent", "--server", self.server.url, "--state", self.state, "--allow-insecure",
                 "--allow-hooks"], stdin=subprocess.DEVNULL, stdout=err, stderr=err,
                env=clean_environment() | {"BACKUP_AGENT_KEY": self.key})

    def kill(self):
        self.process.kill()
        self.process.wait(20)

    def must_live(self):
        if self.process.poll() is not None:
            with open(os.path.join(self.directory, "stderr"), encoding="utf-8", errors="replace") as file:
                raise Failure(f"{self.name} has died with {self.process.returncode}: {file.read()[-1500:]}")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.kill()
            raise Failure(f"{self.name}: still there 20 s after SIGTERM") from None
        if code != 0:
            raise Failure(f"{self.name}: exit {code} after SIGTERM")

    @property
    def staging(self):
        return os.path.join(self.state, "staging")

    def staged(self):
        """Sizes of staged files, as far as they are there."""
        return sizes(self.staging)


def sizes(folder):
    found = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                try:
                    found.append(entry.stat().st_size)
                except OSError:
                    pass
    except OSError:
        pass
    return found


class Search:
    """Looks for the marker in all that has changed since the last look."""

    #: No database here is as large; a file beyond it is somebody else's.
    LIMIT = 64 << 20

    def __init__(self, marker, since):
        """`since`: nanoseconds of the clock; what was not changed after that is not looked at."""
        self.marker, self.since, self.seen = marker, since, {}

    def find(self, *folders, apart=()):
        """Paths of regular files that hold the marker. `apart`: folders that may."""
        found = []
        for top in folders:
            for folder, names, files in os.walk(top):
                names[:] = [name for name in names if os.path.join(folder, name) not in apart]
                for name in files:
                    path = os.path.join(folder, name)
                    try:
                        status = os.lstat(path)
                        mark = (status.st_mtime_ns, status.st_size, status.st_ino)
                        if self.seen.get(path) == mark or status.st_mtime_ns < self.since or status.st_size > self.LIMIT:
                            continue
                        if not stat.S_ISREG(status.st_mode):
                            continue
                        if self.holds(path):
                            found.append(path)
                        self.seen[path] = mark
                    except OSError:
                        continue  # it has gone, or is not ours to read
        return found

    def holds(self, path):
        rest = b""
        with open(path, "rb") as file:
            while piece := file.read(1 << 20):
                if self.marker in rest + piece:
                    return True
                rest = piece[-len(self.marker):]
        return False
