#!/bin/sh
# Installs the system packages that building needs, where they are missing; with --tests also what tests run against.
set -eu
wanted="libsqlite3-dev libssl-dev libzstd-dev pkg-config sqlite3 python3"
[ "${1:-}" != --tests ] || wanted="$wanted postgresql"
missing=""
for package in $wanted; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q "ok installed" || missing="$missing $package"
done
[ -n "$missing" ] || exit 0
echo "installing:$missing"
sudo=""
[ "$(id -u)" = 0 ] || sudo="sudo"
$sudo apt-get update -q
# shellcheck disable=SC2086
DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -q --no-install-recommends $missing
