#!/usr/bin/env bash
# Counts the instructions of the hot parts under callgrind and compares them with `instructions.json`: a count does not
# depend on who else uses the machine.
#
#     Benchmarks/instructions.sh            fails when a part takes more than its threshold
#     Benchmarks/instructions.sh --write    writes the counts of today as the new ones
#
# Each part runs twice, with n and with 3n units; the difference is theirs alone, without start and end. What is counted
# is our own code, Swift's and SQLite's: libcrypto and libzstd choose theirs by processor, and are left out.
set -euo pipefail
cd "$(dirname "$0")"
export SWIFT_DETERMINISTIC_HASHING=1
command -v valgrind >/dev/null || ../scripts/install-packages.sh --benchmarks
scratch=$(mktemp -d "${TMPDIR:-/tmp}/backupy-instructions.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
swift build -c release --product Hot >&2
hot=$(swift build -c release --product Hot --show-bin-path)/Hot

# Instructions of a run, without those of the libraries that differ from processor to processor.
count() {
    local out="$scratch/callgrind.out"
    rm -f "$out"
    valgrind --tool=callgrind --callgrind-out-file="$out" "$hot" unit "$1" "$2" "$3" >/dev/null 2>"$scratch/valgrind.log" \
        || { cat "$scratch/valgrind.log" >&2; return 1; }
    python3 - "$out" <<'PYTHON'
import re
import sys

# Format: https://valgrind.org/docs/manual/cl-format.html. Lines of costs follow the object and function they are of;
# the line after `calls=` is what was called, and counted there.
total, names, left_out, is_call = 0, {}, False, False
for line in open(sys.argv[1], errors="replace"):
    named = re.match(r"c?ob=(\(\d+\)) (.+)", line)
    if named:
        names[named.group(1)] = named.group(2)
    if line.startswith("ob="):
        number = line[3:].split()[0]
        left_out = re.search(r"libcrypto|libzstd|ld-linux", names.get(number, "")) is not None
    elif line.startswith("calls="):
        is_call = True
    elif line[0] in "0123456789+-*":
        if not is_call and not left_out:
            total += int(line.split()[1])
        is_call = False
print(total)
PYTHON
}

# Units, and what they need: a directory to write to, a log to read, the captures.
measure() {
    local name=$1 few=$2 place=$3
    [ "$name" != turn ] || place=$scratch/few
    local less more
    less=$(count "$name" "$few" "$place")
    [ "$name" != turn ] || place=$scratch/many
    more=$(count "$name" "$((3 * few))" "$place")
    echo "$name $(((more - less) / (2 * few)))"
}

{
    measure turn 10000 -
    measure entry 10000 "$scratch/few"
    measure frame 3000 ../Replays/captures
    measure heartbeat 3000 ../Replays/captures
    measure chunk 50 -
} >"$scratch/counts"

if [ "${1:-}" = --write ]; then
    awk 'BEGIN { print "{" } { printf "%s  \"%s\": %d", (NR > 1 ? ",\n" : ""), $1, $2 } END { print "\n}" }' \
        "$scratch/counts" >instructions.json
    cat instructions.json
    exit
fi
python3 - "$scratch/counts" instructions.json <<'PYTHON'
import json
import sys

TOLERATED = 1.05
allowed = json.load(open(sys.argv[2]))
failed = False
print(f"{'part':<10} {'instructions':>14} {'recorded':>14} {'ratio':>7}")
for line in open(sys.argv[1]):
    part, count = line.split()
    ratio = int(count) / allowed[part]
    is_over = ratio > TOLERATED
    failed = failed or is_over
    print(f"{part:<10} {int(count):>14} {allowed[part]:>14} {ratio:>7.3f}{'  too many' if is_over else ''}")
if failed:
    sys.exit(
        "a hot part takes over 5 % more instructions than Benchmarks/instructions.json records: make it faster, "
        "or record its new count with Benchmarks/instructions.sh --write and say why in the commit"
    )
PYTHON
