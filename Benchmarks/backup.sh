#!/usr/bin/env bash
# Memory of agent and control plane while a large SQLite database is backed up, as real processes.
#
#     Benchmarks/backup.sh [BINARY [MEGABYTES [RANDOM]]]
#
# 1 400 MB unless told, of which RANDOM percent of the rows (100 unless told) cannot be compressed: with 5, a source of
# 20 000 MB makes an object of about 1 000. Prints peaks of resident memory, and fails when one is over 150 MiB.
#
# The backup is downloaded, decrypted and compared with the source by SHA-256; the source is deleted before it is
# decrypted, so that the disk needs room for one copy. Needs sqlite3, curl and python3.
set -euo pipefail
cd "$(dirname "$0")/.."
backupy=$(realpath "${1:-.build/debug/backupy}")
megabytes=${2:-1400}
random=${3:-100}
# A row of 1 000 random bytes takes about 1 370 of the file.
rows=$((megabytes * 730))
scratch=$(mktemp -d "${TMPDIR:-/tmp}/backupy-backup.XXXXXX")
processes=()
trap 'for p in "${processes[@]}"; do kill "$p" 2>/dev/null || :; done; rm -rf "$scratch"' EXIT

member() { python3 -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]])' "$1"; }
# Peak of resident memory in MiB.
peak() { awk '/VmHWM/ { print int($2 / 1024) }' "/proc/$1/status"; }
digest() { sha256sum "$1" | cut -d ' ' -f 1; }
limit=150

sqlite3 "$scratch/big.db" "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF;
    CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT, b BLOB);
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $rows)
    INSERT INTO t SELECT i, 'customer ' || i || ' of a city with a long name',
        CASE WHEN i % 100 < $random THEN randomblob(1000) ELSE CAST(printf('%.*c', 1000, 'x') AS BLOB) END FROM n;" >/dev/null

"$backupy" serve --data "$scratch/server" --listen 127.0.0.1:0 >"$scratch/address" 2>"$scratch/server.log" &
processes+=($!)
server=$!
for _ in $(seq 100); do [ -s "$scratch/address" ] && break; sleep 0.1; done
BACKUPY_URL=$(awk '{ print $NF }' "$scratch/address")
BACKUPY_TOKEN=$(cat "$scratch/server/admin.token")
export BACKUPY_URL BACKUPY_TOKEN

"$backupy" agents create big --json >"$scratch/agent.json" 2>/dev/null
id=$(member id <"$scratch/agent.json")
BACKUP_AGENT_KEY=$(member key <"$scratch/agent.json") \
    "$backupy" agent --server "$BACKUPY_URL" --allow-insecure --state "$scratch/agent" 2>"$scratch/agent.log" &
processes+=($!)
agent=$!
target=$("$backupy" targets create "$id" --type sqlite --database "$scratch/big.db" --json | member id)
job=$("$backupy" jobs create "$id" --target "$target" --json | member id)

begin=$(date +%s.%N)
run=$("$backupy" jobs run "$job" --wait --json 2>/dev/null | member id)
end=$(date +%s.%N)
agent_peak=$(peak "$agent")
server_peak=$(peak "$server")
echo "database  $(stat -c %s "$scratch/big.db") bytes, backed up in $(awk "BEGIN { printf \"%.1f\", $end - $begin }") s"
echo "agent     peak $agent_peak MiB"
echo "server    peak $server_peak MiB"
source=$(digest "$scratch/big.db")
rm "$scratch/big.db"
"$backupy" runs download "$run" --out "$scratch/big.enc" >/dev/null
echo "object    $(stat -c %s "$scratch/big.enc") bytes; server after the download: peak $(peak "$server") MiB"
"$backupy" decrypt --token-file <("$backupy" runs token "$run") --in "$scratch/big.enc" --out "$scratch/out.db" >/dev/null
[ "$(digest "$scratch/out.db")" = "$source" ] || { echo "the restored database differs from its source" >&2; exit 1; }
echo "restored  the same bytes, SHA-256 $source"
for figure in "$agent_peak" "$server_peak" "$(peak "$server")"; do
    [ "$figure" -le "$limit" ] || { echo "over $limit MiB" >&2; exit 1; }
done
