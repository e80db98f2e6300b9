#!/usr/bin/env bash
# Fuzzes each parser of bytes from outside for a while, all of them or the ones named.
#
#     Fuzz/run.sh [SECONDS [TARGET…]]        SECONDS per target, 10 unless said otherwise
#
# SEED=1 begins each target's run with that seed, so that on a new clone the same sources are given the same inputs for as
# long as there is time; without it, each run is another.
# ADDRESS=1 also builds with the address sanitizer: a third of the speed, but it sees what the C libraries are given.
# Two targets run side by side (JOBS). What was found of inputs stays in Fuzz/.corpus and is where the next run begins;
# an input that breaks a promise is kept in Fuzz/.found and ends the run with an error.
set -euo pipefail
cd "$(dirname "$0")"
seconds=${1:-10}
shift $(($# > 0 ? 1 : 0))

# The instrumentation goes to the compiler's front end alone: the driver would link libFuzzer with its own `main`.
resources=$(swift -print-target-info | sed -n 's/.*"runtimeResourcePath": "\(.*\)".*/\1/p')
runtime=$(find -L "$resources/clang" "$resources/../clang" -name 'libclang_rt.fuzzer_no_main-*.a' 2>/dev/null | head -1)
[ -n "$runtime" ] || {
    echo "libFuzzer is missing from the toolchain at $resources; it comes with the ones of swift.org" >&2
    exit 1
}
flags=(-c release --product Fuzz -Xswiftc -enable-testing -Xswiftc -Xfrontend -Xswiftc -sanitize=fuzzer
    -Xlinker "$runtime" -Xlinker -lstdc++ -Xlinker -lm)
if [ "${ADDRESS:-0}" = 1 ]; then
    flags+=(--scratch-path .build-address -Xswiftc -sanitize=address)
fi
swift build "${flags[@]}" 2>&1 | grep -v 'Cannot export local symbol' >&2
fuzz=$(swift build "${flags[@]}" --show-bin-path)/Fuzz

"$fuzz" --seeds .corpus
mkdir -p .found .logs
# A trap must end the process at once, and the test of leaks is not what this is for.
export SWIFT_BACKTRACE=enable=no ASAN_OPTIONS=detect_leaks=0 fuzz seconds

one() {
    local name=$1 limit=$2 result=ok
    mkdir -p ".found/$name"
    "$fuzz" "$name" ".corpus/$name" -max_total_time="$seconds" -max_len="$limit" -timeout=20 -rss_limit_mb=2048 \
        -seed="${SEED:-0}" -artifact_prefix=".found/$name/" -print_final_stats=1 >".logs/$name" 2>&1 || result="BROKEN, see Fuzz/.logs/$name"
    printf '%-12s %12s executions %8s /s  coverage %6s  %s\n' "$name" \
        "$(sed -n 's/^stat::number_of_executed_units: *//p' ".logs/$name")" \
        "$(sed -n 's/^stat::average_exec_per_sec: *//p' ".logs/$name")" \
        "$(sed -n 's/.* cov: \([0-9]*\).*/\1/p' ".logs/$name" | tail -1)" "$result"
    [ "$result" = ok ] || tell "$name"
}
# What broke, for whoever has nothing but this output: the reason, the way there, and the input to run it with.
tell() {
    local input
    input=$(sed -n 's/^.*Test unit written to //p' ".logs/$1" | tail -1)
    if [ -f "$input" ]; then
        echo "--- $1 breaks on $input:"
        SWIFT_BACKTRACE=enable=yes,color=no timeout 60 "$fuzz" "$1" -timeout=20 "$input" 2>&1 |
            grep -E '^ *(\*\*\*|[0-9]+ )|Fatal error|SUMMARY' | head -24 || true
        echo "--- its first 64 KiB in base64:"
        head -c 65536 "$input" | base64
    else
        tail -20 ".logs/$1"
    fi
    return 1
}
export -f one tell
"$fuzz" --list | while read -r name limit; do
    if [ $# -eq 0 ] || [[ " $* " == *" $name "* ]]; then echo "$name $limit"; fi
done | xargs -r -P "${JOBS:-2}" -L 1 bash -c 'one "$@"' one
