#!/usr/bin/env bash
# Simulated worlds in a release build: every invariant at each commit of hundreds of storms, and how fast a large fleet is.
#
#     Benchmarks/worlds.sh [FIRST LAST]    seeds 1 to 300 unless said otherwise
set -euo pipefail
cd "$(dirname "$0")"
swift build -c release --product Worlds >&2
worlds=$(swift build -c release --product Worlds --show-bin-path)/Worlds
"$worlds" storms "${1:-1}" "${2:-300}"
"$worlds" factor 100 6
