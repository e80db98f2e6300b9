#!/bin/sh
# Writes the golden result of every capture in Replays/captures. Look at what `git diff` shows before committing: a
# changed golden result means that Fleet.rules must be raised.
set -eu
cd "$(dirname "$0")/.."
swift build --explicit-target-dependency-import-check error --product replay-probe >&2
probe="$(swift build --show-bin-path)/replay-probe"
for capture in Replays/captures/*.frames; do
    "$probe" "$capture" >"${capture%.frames}.golden.json"
done
