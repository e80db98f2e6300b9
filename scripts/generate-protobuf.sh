#!/bin/sh
# Writes Sources/Wire/Generated from Schemas, and the checksums by which a test sees that both belong together.
#
# Needs protoc (Debian: protobuf-compiler). protoc-gen-swift is built from the very swift-protobuf that the package
# resolves, so generator and runtime cannot drift apart. Running it twice changes nothing.
set -eu
export LC_ALL=C

cd "$(dirname "$0")/.."
checkout=.build/checkouts/swift-protobuf
scratch=.build/protoc-gen-swift
output=Sources/Wire/Generated

command -v protoc >/dev/null || { echo "protoc is missing: apt-get install protobuf-compiler" >&2; exit 2; }
[ -d "$checkout" ] || swift package resolve
swift build --package-path "$checkout" --scratch-path "$scratch" --product protoc-gen-swift >&2
# Building resolves the checkout's own dependencies, which is none of our business.
rm -f "$checkout/Package.resolved"
plugin=$(swift build --package-path "$checkout" --scratch-path "$scratch" --show-bin-path)/protoc-gen-swift

# Written beside the old ones first: a failing schema leaves them as they were.
fresh=$(mktemp -d)
trap 'rm -rf "$fresh"' EXIT

schemas=$(find Schemas/backupv1 Schemas/enginev1 -name '*.proto' 2>/dev/null | sort)
# Underscores in the names, since one target may not hold two files of the same name in different folders.
# shellcheck disable=SC2086  # one word per file is what is meant
protoc --plugin=protoc-gen-swift="$plugin" --proto_path=Schemas \
    --swift_out="$fresh" --swift_opt=Visibility=Package --swift_opt=FileNaming=PathToUnderscores \
    $schemas

mkdir -p "$output"
rm -f "$output"/*.pb.swift
cp "$fresh"/*.pb.swift "$output/"
# shellcheck disable=SC2086
sha256sum $schemas $(find "$output" -name '*.pb.swift' | sort) >"$output/SCHEMAS.sha256"
echo "wrote $(find "$output" -name '*.pb.swift' | wc -l) files to $output" >&2
