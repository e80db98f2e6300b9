#!/bin/sh
# Layout, and what a compiler does not check. Generated code is left out.
set -eu
cd "$(dirname "$0")/.."
files=$(git ls-files --cached --others --exclude-standard '*.swift' | grep -v '\.pb\.swift$')
# shellcheck disable=SC2086
swift format lint --strict $files
echo "lint: $(echo "$files" | wc -l) files are laid out as .swift-format says"
