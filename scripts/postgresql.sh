#!/bin/bash
# A private PostgreSQL server for tests.
#
#   postgresql.sh start DIR    makes a cluster in DIR/cluster and serves it on 127.0.0.1 and in DIR as the socket's
#                              directory; prints the port. The superuser is postgres, its password “postgres”; over the
#                              socket it needs none. Everybody else needs a password (SCRAM) both ways.
#   postgresql.sh stop DIR     stops it at once, as a crash would; clears up behind one that was killed.
#
# As root it runs as user postgres, who must be able to reach DIR. Exit code 3: there is no PostgreSQL on this machine.
set -euo pipefail

usage() { sed -n '2,9s/^# \{0,1\}//p' "$0" >&2; exit 2; }
[ $# = 2 ] || usage
directory=$(realpath -m "$2")
programs=$({ find /usr/lib/postgresql/*/bin -name initdb -printf '%h\n' 2>/dev/null || true; } | sort -V | tail -1)
[ -n "$programs" ] || programs=$(dirname "$(command -v initdb || echo /none/initdb)")
[ -x "$programs/initdb" ] || { echo "no initdb: install postgresql" >&2; exit 3; }

as_owner() {
    if [ "$(id -u)" = 0 ]; then (cd / && runuser -u postgres -- "$@"); else "$@"; fi
}

start() {
    mkdir -p "$directory"
    if [ "$(id -u)" = 0 ]; then chown postgres "$directory"; fi
    local secret port
    secret=$(as_owner mktemp -p "$directory")
    echo postgres | as_owner tee "$secret" >/dev/null
    as_owner "$programs/initdb" -D "$directory/cluster" -U postgres --pwfile="$secret" --no-sync \
        --auth-local=scram-sha-256 --auth-host=scram-sha-256 --encoding=UTF8 --locale=C.UTF-8 >"$directory/initdb.log" 2>&1 ||
        { cat "$directory/initdb.log" >&2; exit 1; }
    as_owner rm -f "$secret"
    as_owner sed -i '1i local all postgres trust' "$directory/cluster/pg_hba.conf"
    as_owner tee -a "$directory/cluster/postgresql.conf" >/dev/null <<SETTINGS
listen_addresses = '127.0.0.1'
unix_socket_directories = '$directory'
shared_buffers = 16MB
# In its own directory, and not in /dev/shm, where a killed one would leave it.
dynamic_shared_memory_type = mmap
max_connections = 40
fsync = off
autovacuum = off
lc_messages = 'C'
SETTINGS
    # A free port is free until somebody takes it: then another one.
    for _ in 1 2 3 4 5 6 7 8; do
        port=$((20000 + RANDOM % 12000))
        if as_owner "$programs/pg_ctl" -D "$directory/cluster" -w -s -t 60 -l "$directory/cluster/server.log" \
            -o "-p $port" start >/dev/null 2>&1; then
            echo "$port"
            return
        fi
    done
    as_owner tail -5 "$directory/cluster/server.log" >&2
    exit 1
}

stop() {
    as_owner "$programs/pg_ctl" -D "$directory/cluster" -m immediate -s stop && return
    # A killed one leaves the segment by which it was told from a second one: the id ends the seventh line.
    local segment
    segment=$(sed -n '7s/.* //p' "$directory/cluster/postmaster.pid" 2>/dev/null) || return 0
    [ -z "$segment" ] || as_owner ipcrm -m "$segment"
}

case $1 in
start) start ;;
stop) stop ;;
*) usage ;;
esac
