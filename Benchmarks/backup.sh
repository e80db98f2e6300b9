#!/usr/bin/env bash
# Memory of agent and control plane while a large SQLite database is backed up, as real processes.
#
#     Benchmarks/backup.sh [BINARY [ROWS]]     1 000 000 rows of about 1.4 kB unless told; prints peaks of resident memory
#
# The backup is downloaded, decrypted and compared with the source byte for byte. Needs sqlite3, curl and python3.
set -euo pipefail
cd "$(dirname "$0")/.."
backupy=$(realpath "${1:-.build/debug/backupy}")
rows=${2:-1000000}
scratch=$(mktemp -d "${TMPDIR:-/tmp}/backupy-backup.XXXXXX")
processes=()
trap 'for p in "${processes[@]}"; do kill "$p" 2>/dev/null || :; done; rm -rf "$scratch"' EXIT

member() { python3 -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]])' "$1"; }
peak() { awk '/VmHWM/ { print int($2 / 1024) " MiB" }' "/proc/$1/status"; }

sqlite3 "$scratch/big.db" "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF;
    CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT, b BLOB);
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $rows)
    INSERT INTO t SELECT i, 'customer ' || i || ' of a city with a long name', randomblob(1000) FROM n;" >/dev/null

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
echo "database  $(stat -c %s "$scratch/big.db") bytes, backed up in $(awk "BEGIN { printf \"%.1f\", $end - $begin }") s"
echo "agent     peak $(peak "$agent")"
echo "server    peak $(peak "$server")"
"$backupy" runs download "$run" --out "$scratch/big.enc" >/dev/null
"$backupy" decrypt --token-file <("$backupy" runs token "$run") --in "$scratch/big.enc" --out "$scratch/out.db" >/dev/null
cmp "$scratch/big.db" "$scratch/out.db"
echo "restored  the same bytes"
