#!/usr/bin/env bash
# The test suite under a sanitizer, in a build of its own.
#
#     scripts/sanitize.sh thread|address [OPTION OF swift test…]
#
# Fails on any report. The first build takes as long as a clean one. Without options it is the whole suite, under `thread`
# but for what computes on a single thread: there is no race to be found in it, and it would take hours.
set -euo pipefail
cd "$(dirname "$0")/.."
kind=${1:?"say which: scripts/sanitize.sh thread|address"}
shift
case $kind in
thread)
    export TSAN_OPTIONS="halt_on_error=0 ${TSAN_OPTIONS:-}"
    mkdir -p .build-thread
    clang -O1 -shared -fPIC -Wall -Werror -o .build-thread/mutex.so scripts/sanitize-mutex.c
    preload=$PWD/.build-thread/mutex.so
    [ $# -gt 0 ] || set -- --skip 'SimulationTests|PlantingTests|CronTests'
    ;;
# The test harness itself leaks a few hundred bytes at its end.
address) export ASAN_OPTIONS="detect_leaks=0 ${ASAN_OPTIONS:-}" ;;
*)
    echo "there is no sanitizer “$kind” here: thread or address" >&2
    exit 2
    ;;
esac
# A report must not wait for Swift's own backtracer.
export SWIFT_BACKTRACE=enable=no
options=(--explicit-target-dependency-import-check error --sanitize="$kind" --scratch-path ".build-$kind")
# Under `address` the linker prints a harmless line for each object file.
swift build "${options[@]}" --product backupyPackageTests 2>&1 | grep -v 'Cannot export local symbol' >&2
# A sanitizer makes tests ten times as slow: only a few at once, or time limits run out for want of processor time.
LD_PRELOAD=${preload:-} swift test --skip-build "${options[@]}" --experimental-maximum-parallelization-width 4 "$@"
