#!/bin/sh
# Layout, and what a compiler does not check: that the deliberate bugs still fit the sources. Generated code is left out.
set -eu
cd "$(dirname "$0")/.."
files=$(git ls-files --cached --others --exclude-standard '*.swift' | grep -v '\.pb\.swift$')
# shellcheck disable=SC2086
swift format lint --strict $files
echo "lint: $(echo "$files" | wc -l) files are laid out as .swift-format says"
failures=0
for patch in Tests/Mutations/*.patch; do
    git apply --check "$patch" || failures=1
done
[ "$failures" = 0 ] || { echo "lint: patches of Tests/Mutations do not apply" >&2; exit 1; }
