#!/usr/bin/env bash
# Applies each patch of Tests/Mutations to a copy of the sources, one at a time, and looks within how many seeds the simulator
# finds it. Prints a table; fails when one is not found, or when the sources as they are do not pass.
#
#     scripts/mutations.sh [NUMBER…]     SEEDS=1000 bounds the search, MUTATIONS_DIR keeps the copy for the next run
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD seeds=${SEEDS:-1000}
copy=${MUTATIONS_DIR:-$(mktemp -d)}
[ -n "${MUTATIONS_DIR:-}" ] || trap 'rm -rf "$copy"' EXIT
mkdir -p "$copy/Tests"

# A package of what the simulator needs, so that a build takes seconds.
cat > "$copy/Package.swift" <<'PACKAGE'
// swift-tools-version: 6.2
import PackageDescription
let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6), .enableUpcomingFeature("ExistentialAny"), .enableUpcomingFeature("MemberImportVisibility"),
]
func library(_ name: String, _ dependencies: [Target.Dependency], exclude: [String] = []) -> Target {
    .target(name: name, dependencies: dependencies, exclude: exclude, swiftSettings: settings)
}
let package = Package(
    name: "mutations",
    dependencies: [
        .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    ],
    targets: [
        .systemLibrary(name: "COpenSSL", pkgConfig: "libcrypto"),
        library("Core", []),
        library("Digests", ["COpenSSL"]),
        library("Engine", ["Core", "Digests", .product(name: "Logging", package: "swift-log")]),
        library(
            "Wire", ["Core", "Digests", "Engine", .product(name: "SwiftProtobuf", package: "swift-protobuf")],
            exclude: ["Generated/SCHEMAS.sha256"]),
        library("Simulation", ["Core", "Digests", "Engine", "Wire"]),
        .executableTarget(
            name: "simulation-probe", dependencies: ["Core", "Simulation"], path: "Tests/SimulationProbe",
            swiftSettings: settings),
    ]
)
PACKAGE
# Only what is newer is copied, so that the next build is as short as it can be.
cp -au "$root/Sources" "$copy/"
cp -au "$root/Tests/SimulationProbe" "$copy/Tests/"

probe() { # the first violation within so many seeds: SEED INVARIANT POSITION TEXT
    (cd "$copy" && swift build --product simulation-probe >"$copy/build.log" 2>&1) || { echo "does not build"; return; }
    local output status=0
    output=$("$copy/.build/debug/simulation-probe" "$1" "$2" 3 40 storm 2>&1) || status=$?
    if [ $status -ne 0 ]; then
        echo "ended - - with exit code $status: $(tail -1 <<< "$output")"
    else
        sed -n 's/^violation //p' <<< "$output" | head -1
    fi
}

failures=0
found=$(probe 0 20)
[ -z "$found" ] || { echo "the sources as they are do not pass: $found"; exit 1; }
printf '%-44s %6s %10s %8s  %s\n' mutation seed invariant seconds what
for patch in "$root"/Tests/Mutations/*.patch; do
    name=$(basename "$patch" .patch)
    if [ $# -gt 0 ] && ! printf '%s\n' "$@" | grep -qx "${name%%-*}"; then continue; fi
    (cd "$copy" && git apply --whitespace=nowarn "$patch") || { echo "$name does not apply"; failures=1; continue; }
    start=$(date +%s)
    found=$(probe 0 $((seeds - 1)))
    read -r seed invariant _ text <<< "${found:-none - - not found}"
    # Found is what breaks an invariant that the patch says it breaks, and nothing else.
    expected=$(head -1 "$patch" | sed -n 's/.*invariants\{0,1\} \([0-9, and]*\)\.$/\1/p')
    if ! grep -qw "$invariant" <<< "$expected"; then
        failures=1
        text="NOT AS EXPECTED ($expected): $text"
    fi
    printf '%-44s %6s %10s %8s  %s\n' "$name" "$seed" "$invariant" "$(($(date +%s) - start))" "$(cut -c1-70 <<< "$text")"
    (cd "$copy" && git apply -R --whitespace=nowarn "$patch")
done
exit $failures
