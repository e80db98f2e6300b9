#!/usr/bin/env bash
# Time and peak memory of everything that reads a long log. Fails when one of them fails, or is over 150 MiB: what they
# need must not grow with the log.
#
#     Benchmarks/long-log.sh [COUNT] [DIRECTORY]     COUNT entries, default 1000000; DIRECTORY: where, default a temporary one
#
# The log is made-up traffic of 200 agents (Tests/LongLog): heartbeats each 30 s, ten backups a day and agent. It is made
# anew for each measurement. Needs Python 3 for the measuring, and curl.
set -euo pipefail
cd "$(dirname "$0")/.."
count=${1:-1000000}
scratch=$(mktemp -d "${2:-${TMPDIR:-/tmp}}/backupy-long.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
data=$scratch/data
configuration=${CONFIGURATION:-release}
failures=0
export LIMIT_MIB=150
if [ -z "${BIN:-}" ]; then
    swift build -c "$configuration" --product long-log >&2
    swift build -c "$configuration" --product backupy >&2
    BIN=$(swift build -c "$configuration" --show-bin-path)
fi

# measure NAME COMMAND…: wall time and peak resident memory of a process that ends by itself
measure() {
    python3 - "$@" <<'PYTHON' || failures=1
import os, resource, subprocess, sys, time
name, command = sys.argv[1], sys.argv[2:]
begin = time.monotonic()
result = subprocess.run(command, stdout=subprocess.DEVNULL)
wall = time.monotonic() - begin
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
wrong = [f"exit {result.returncode}"] if result.returncode else []
wrong += ["TOO MUCH"] if peak > int(os.environ["LIMIT_MIB"]) else []
print(f"{name:<44} {wall:9.2f} s {peak:9.1f} MiB", *wrong, sep="  ", flush=True)
sys.exit(1 if wrong else 0)
PYTHON
}

# serve NAME [SIGNAL-AFTER]: from the start of a server until it is ready, then until SIGTERM has ended it
serve() {
    python3 - "$BIN/backupy" "$data" "$@" <<'PYTHON' || failures=1
import os, re, resource, signal, subprocess, sys, time, urllib.request
program, data, name, wanted = sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4:]
def peak(pid):
    try:
        return int(re.search(r"VmHWM:\s+(\d+)", open(f"/proc/{pid}/status").read()).group(1)) / 1024
    except (OSError, AttributeError):
        return 0.0
def until_ready():
    while server.poll() is None and time.monotonic() - begin < 3_600:
        try:
            return urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5).read()
        except OSError:
            time.sleep(0.05)
    sys.exit(f"{name}: not ready, exit code {server.poll()}")
port = 20000 + os.getpid() % 12000
begin = time.monotonic()
server = subprocess.Popen([program, "serve", "--data", data, "--listen", f"127.0.0.1:{port}"],
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
try:
    if wanted:
        time.sleep(float(wanted[0]))
    else:
        until_ready()
        print(f"{name + ', until ready':<44} {time.monotonic() - begin:9.2f} s {peak(server.pid):9.1f} MiB")
        token = open(f"{data}/admin.token").read().strip()
        for path in ("/v1/agents?limit=100", "/v1/runs?limit=100", "/v1/log?limit=100", "/v1/log?limit=100&stream=engine"):
            begin = time.monotonic()
            request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers={"Authorization": f"Bearer {token}"})
            urllib.request.urlopen(request, timeout=60).read()
            print(f"{'  GET ' + path:<44} {time.monotonic() - begin:9.3f} s {peak(server.pid):9.1f} MiB")
    begin = time.monotonic()
    server.send_signal(signal.SIGTERM)
    server.wait(600)
finally:
    server.kill()
memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024  # of all its life, the end included
wrong = [f"exit {server.returncode}"] if server.returncode else []
wrong += ["TOO MUCH"] if memory > int(os.environ["LIMIT_MIB"]) else []
print(f"{name + ', SIGTERM to end':<44} {time.monotonic() - begin:9.2f} s {memory:9.1f} MiB", *wrong, sep="  ", flush=True)
sys.exit(1 if wrong else 0)
PYTHON
}

measure "make $count entries" "$BIN/long-log" make "$data" "$count"
[ "$failures" = 0 ] || exit 1
measure 'fold from the first entry' "$BIN/long-log" fold "$data"
measure 'fold, and keep a snapshot' "$BIN/long-log" keep "$data"
measure 'take the snapshot up' "$BIN/long-log" take "$data"
measure 'log verify' "$BIN/backupy" log verify --data "$data"
measure 'log stat' "$BIN/backupy" log stat --data "$data"
measure 'log tail -n 20' "$BIN/backupy" log tail --data "$data"
measure 'log show (middle)' "$BIN/backupy" log show --data "$data" $((count / 2))
rm -rf "$data/snapshots"
serve 'serve, SIGTERM after 1 s' 1
rm -rf "$data/snapshots"
serve 'serve, no snapshot, no views'
serve 'serve, snapshot and views'
rm -rf "$data/snapshots"
serve 'serve, views but no snapshot'
[ "$failures" = 0 ] || echo "something failed, or took more than $LIMIT_MIB MiB" >&2
exit "$failures"
