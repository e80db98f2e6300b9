#!/usr/bin/env bash
# The goals of Backupy's performance, each as a share of what this machine can do, measured in the same run.
#
#     Benchmarks/run.sh [PART...]     turns writers read replay backup acks idle parts; all of them unless told
#
# The limits are plain C (`limits/`), or the server's frameworks without a log (`Echo`). Rounds alternate between limit
# and ours, so that what slows the machine for a while slows both, and the median of the rounds' ratios is what counts.
# `parts` has no limit beside it: a benchmark library measures the hot parts by themselves (`Parts`), each for 2 s.
#
#     ROUNDS=7            how many rounds
#     BENCH_DIRECTORY     on the disk to be measured; default: a temporary folder
#     BACKUPY             a release binary for acks and idle; default: the one of `make build`, which is built if missing
set -euo pipefail
cd "$(dirname "$0")"
rounds=${ROUNDS:-7}
parts=${*:-turns writers read replay backup acks idle parts}
scratch=$(mktemp -d "${BENCH_DIRECTORY:-${TMPDIR:-/tmp}}/backupy-bench.XXXXXX")
processes=()
trap 'for p in "${processes[@]}"; do kill "$p" 2>/dev/null || :; done; rm -rf "$scratch"' EXIT

if [ "$parts" != parts ]; then
    for limit in limits/*.c; do
        cc -O2 -Wall -o "$scratch/$(basename "$limit" .c)" "$limit" -lsqlite3 -lcrypto -lzstd
    done
    swift build -c release --product Hot >&2
    hot=$(swift build -c release --product Hot --show-bin-path)/Hot
fi

member() { python3 -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]])' "$1"; }
median() { sort -g | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
resident() { awk '/VmRSS/ { print $2 }' "/proc/$1/status"; }

# One line of the table: what, limit, ours, ratio, goal, and the word for how they compare ("least" or "most").
line() {
    awk -v w="$1" -v l="$2" -v o="$3" -v r="$4" -v g="$5" -v k="${6:-least}" 'BEGIN {
        met = k == "most" ? r <= g : r >= g
        printf "%-46s %12s %12s %8s %8s  %s\n", w, l, o, r, (g == "" ? "-" : g), (g == "" ? "" : met ? "met" : "not met") }'
}

# Alternates two commands, each of which prints its rate first, and prints the medians and the median of the ratios.
compare() {
    local what=$1 goal=$2 limit=$3 ours=$4 one other
    : >"$scratch/limit"; : >"$scratch/ours"; : >"$scratch/ratios"
    for _ in $(seq "$rounds"); do
        one=$(eval "$limit")
        other=$(eval "$ours")
        echo "$one" >>"$scratch/limit"
        echo "$other" >>"$scratch/ours"
        awk -v a="${one%% *}" -v b="${other%% *}" 'BEGIN { printf "%.3f\n", b / a }' >>"$scratch/ratios"
    done
    line "$what" "$(median <"$scratch/limit")" "$(median <"$scratch/ours")" "$(median <"$scratch/ratios")" "$goal"
}

append() { "$scratch/append" "$scratch/limit.sqlite" "$@"; rm -f "$scratch"/limit.sqlite*; }
entries() { "$scratch/entries" "$scratch/entries.d" "$@"; rm -rf "$scratch/entries.d"; }
turns() { "$hot" turns "$scratch/turns.d" "$@"; rm -rf "$scratch/turns.d"; }

[ "$parts" = parts ] || printf '%-46s %12s %12s %8s %8s\n' what limit ours ratio goal
for part in $parts; do
    case $part in
    turns)
        while read -r batch count goal; do
            compare "turns, batches of $batch /s" "$goal" "append $batch $count" "turns $batch $count"
            compare "  of that: the same rows in C" "" "append $batch $count" "entries $batch $count"
        done <<'BATCHES'
1 3000 0.95
100 100000 0.85
1000 400000 0.75
BATCHES
        ;;
    writers)
        writers() { "$hot" writers "$scratch/writers.d" 64 100000 | tee -a "$scratch/waits"; rm -rf "$scratch/writers.d"; }
        : >"$scratch/waits"
        compare "64 waiting writers, C in batches of 64 /s" "" "append 64 100000" writers
        line "  turns /s" - "$(median <"$scratch/ours")" "$(median <"$scratch/ours")" 100000
        wait=$(awk '{ print $2 }' "$scratch/waits" | median)
        line "  99th percentile of the wait, µs" - "$wait" "$wait" 5000 most
        ;;
    read)
        "$scratch/append" "$scratch/scan.sqlite" 1000 400000 >/dev/null
        "$hot" turns "$scratch/read.d" 1000 400000 >/dev/null
        columns="position, recorded_at, stream, revision, cause, kind, body, crc"
        compare "read back in order /s" 0.9 "'$scratch/scan' '$scratch/scan.sqlite' 'position, body'" \
            "'$hot' read '$scratch/read.d'"
        compare "  of that: the same columns in C" "" "'$scratch/scan' '$scratch/scan.sqlite' 'position, body'" \
            "'$scratch/scan' '$scratch/read.d/log.sqlite' '$columns'"
        rm -rf "$scratch"/scan.sqlite* "$scratch/read.d"
        ;;
    replay)
        "$hot" record "$scratch/replay.d" ../Replays/captures 200000
        replay() { "$hot" replay "$scratch/replay.d"; }
        for _ in $(seq "$rounds"); do replay; done >"$scratch/ours"
        rate=$(median <"$scratch/ours")
        line "replay of recorded traffic from SQLite /s" - "$rate" "$rate" 2000000
        rm -rf "$scratch/replay.d"
        ;;
    backup)
        "$scratch/dump" 200 >"$scratch/dump.sql"
        backup() { "$hot" backup "$scratch/dump.sql" "$scratch/blob" | tee -a "$scratch/peaks"; rm -f "$scratch/blob"; }
        : >"$scratch/peaks"
        compare "backup stream, zstd level 3, MB/s" 0.95 "'$scratch/zstd' '$scratch/dump.sql' 3 0" backup
        peak=$(awk '{ print $2 }' "$scratch/peaks" | sort -g | tail -1)
        line "  peak of memory, MiB" - "$peak" "$peak" 150 most
        rm -f "$scratch/dump.sql"
        ;;
    acks | idle)
        if [ -z "${echo_port:-}" ]; then
            swift build -c release --product Echo >&2
            [ -n "${BACKUPY:-}" ] || { make -C .. build >&2; BACKUPY=$(cd .. && pwd)/.build/release/backupy; }
            "$(swift build -c release --product Echo --show-bin-path)/Echo" >"$scratch/echo" &
            processes+=($!)
            echo_server=$!
            "$BACKUPY" serve --data "$scratch/server" --listen 127.0.0.1:0 >"$scratch/address" 2>"$scratch/log" &
            processes+=($!)
            server=$!
            until [ -s "$scratch/address" ] && [ -s "$scratch/echo" ]; do sleep 0.1; done
            echo_port=$(cat "$scratch/echo")
            BACKUPY_URL=$(awk '{ print $NF }' "$scratch/address")
            python3 - "$BACKUPY_URL" "$(cat "$scratch/server/admin.token")" "${IDLE_AGENTS:-1000}" >"$scratch/keys" <<'PYTHON'
import json, sys, time, urllib.error, urllib.request

url, token, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
for number in range(count):
    body = json.dumps({"name": f"bench-{number}"}).encode()
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    while True:
        try:
            request = urllib.request.Request(url + "/v1/agents", body, headers)
            print(json.load(urllib.request.urlopen(request))["key"])
            break
        except urllib.error.HTTPError as error:
            if error.code != 429:
                raise
            time.sleep(float(error.headers.get("Retry-After", 1)))
PYTHON
            head -8 "$scratch/keys" >"$scratch/eight"
        fi
        if [ "$part" = acks ]; then
            compare "frame to durable acknowledgement, 8 × 64 /s" 0.8 \
                "'$scratch/load' acks 127.0.0.1 $echo_port '$scratch/eight' 64 100000" \
                "'$scratch/load' acks 127.0.0.1 ${BACKUPY_URL##*:} '$scratch/eight' 64 100000"
        else
            # The pages that agents take beyond what the server has anyhow, in KiB for each.
            weigh() {
                local before hold count
                before=$(resident "$1")
                mkfifo "$scratch/hold"
                "$scratch/load" idle 127.0.0.1 "$2" "$scratch/keys" <"$scratch/hold" >"$scratch/count" &
                processes+=($!)
                exec {hold}>"$scratch/hold"
                until [ -s "$scratch/count" ]; do sleep 0.1; done
                count=$(cat "$scratch/count")
                sleep 2
                awk -v b="$before" -v a="$(resident "$1")" -v n="$count" 'BEGIN { printf "%.1f\n", (a - b) / n }'
                exec {hold}>&-
                rm "$scratch/hold" "$scratch/count"
            }
            bare=$(weigh "$echo_server" "$echo_port")
            full=$(weigh "$server" "${BACKUPY_URL##*:}")
            line "connected idle agent, KiB" "$bare" "$full" "$full" 20 most
        fi
        ;;
    parts)
        TMPDIR=$(realpath "$scratch") swift package --package-path Parts -c release benchmark \
            --grouping metric --no-progress
        ;;
    *) echo "run.sh: no part is called $part" >&2; exit 2 ;;
    esac
done
