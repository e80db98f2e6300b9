#!/usr/bin/env bash
# Durable turns per second as a share of the same appends in C, both measured in this run.
#
#     Benchmarks/run.sh [DIRECTORY]     DIRECTORY lies on the disk to be measured; default: a temporary one
#
# Rounds alternate between the two, so that a disk that is slow for a while is slow for both. Medians are compared.
set -euo pipefail
cd "$(dirname "$0")"
rounds=${ROUNDS:-7}
scratch=$(mktemp -d "${1:-${TMPDIR:-/tmp}}/backupy-bench.XXXXXX")
trap 'rm -rf "$scratch"' EXIT

cc -O2 -Wall -o "$scratch/append" limits/append.c -lsqlite3
swift build -c release --product TurnsBenchmark >&2
turns=$(swift build -c release --show-bin-path)/TurnsBenchmark

median() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }

printf '%-8s %12s %12s %8s %8s\n' batch 'C /s' 'turns /s' ratio goal
while read -r batch count goal; do
    : >"$scratch/c.txt"
    : >"$scratch/turns.txt"
    for _ in $(seq "$rounds"); do
        "$scratch/append" "$scratch/limit.sqlite" "$batch" "$count" >>"$scratch/c.txt"
        rm -f "$scratch"/limit.sqlite*
        "$turns" "$scratch/data" "$batch" "$count" >>"$scratch/turns.txt"
        rm -rf "$scratch/data"
    done
    c=$(median <"$scratch/c.txt")
    t=$(median <"$scratch/turns.txt")
    awk -v b="$batch" -v c="$c" -v t="$t" -v g="$goal" \
        'BEGIN { printf "%-8s %12d %12d %8.2f %8.2f\n", b, c, t, t / c, g }'
done <<'BATCHES'
1 3000 0.95
100 100000 0.85
1000 400000 0.75
BATCHES
