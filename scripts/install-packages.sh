#!/bin/sh
# Installs the system packages that building needs, where they are missing; with --tests also what tests run against,
# with --benchmarks what measurements need.
set -eu
wanted="libsqlite3-dev libssl-dev libzstd-dev pkg-config sqlite3 python3"
for option in "$@"; do
    case $option in
    --tests) wanted="$wanted postgresql" ;;
    --benchmarks) wanted="$wanted valgrind" ;;
    *) echo "usage: install-packages.sh [--tests] [--benchmarks]" >&2; exit 2 ;;
    esac
done
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
