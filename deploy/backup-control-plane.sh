#!/usr/bin/env bash
# Copies the state of a control plane, also while it runs.
#
#   backup-control-plane.sh DATA COPY     COPY must not exist yet; it is made with mode 0700
#
# The order matters: every data key that the copied log names is in the vault that is copied after it, and every object in
# the store after that. Views are left out, since they are made anew from the log. The keys (master.key, recovery.key) are
# left out too: a copy without them is of no use to a thief, so keep them elsewhere.
set -euo pipefail
[ $# = 2 ] || { sed -n '2,9s/^# \{0,1\}//p' "$0" >&2; exit 2; }
data=${1%/}
copy=${2%/}
[ -f "$data/log.sqlite" ] || { echo "$data holds no log.sqlite" >&2; exit 2; }
[ ! -e "$copy" ] || { echo "$copy is there already" >&2; exit 2; }
umask 077
fresh="$copy.unfinished"
rm -rf "$fresh"
mkdir -p "$fresh"
fresh=$(cd -- "$fresh" && pwd)

# Finished objects and what lies beside them; unfinished uploads are in .incoming.
objects() { find . -ignore_readdir_race -name .incoming -prune -o -type f ! -name '*.tmp*' "$@"; }

# Whether hard links lead from here into the copy. A file that vanished meanwhile says nothing: the next one is tried.
can_link() {
    local file
    for _ in 1 2 3 4 5 6 7 8 9; do
        file=$(objects -print -quit 2>/dev/null || true)
        [ -n "$file" ] || return 0
        if ln -- "$file" "$fresh/link" 2>/dev/null; then
            rm -f -- "$fresh/link"
            return 0
        fi
        [ ! -e "$file" ] || return 1
    done
    return 1
}

# The arguments: the folder to put them into, "ln" or "cp -a", the files. Only what the server has deleted meanwhile may
# be missing. All at once where that works, then one by one what is not there yet.
# shellcheck disable=SC2016 # for the shell that find starts
put='
    into=$1 how=$2
    shift 2
    if [ "$how" = ln ]; then cp -l --parents -t "$into" -- "$@" 2>/dev/null && exit; fi
    for file; do
        [ "$how" != ln ] || [ ! -e "$into/$file" ] || continue
        folder=$into/${file%/*}
        problem=$( { [ -d "$folder" ] || mkdir -p -- "$folder"; } 2>&1 && $how -- "$file" "$into/$file" 2>&1) && continue
        case $problem in *": No such file or directory") [ -e "$file" ] || continue ;; esac
        printf "%s (not copied)\n" "$problem" >&2
        exit 1
    done'

# Runs a command that uses find, which complains of folders that vanish under it; anything else is a failure.
but_for_vanished() {
    local problems
    problems=$({ LC_ALL=C "$@" 2>&1 >/dev/null || echo "failed: $1"; })
    [ -n "$problems" ] || return 0
    case $problems in failed:*) return 1 ;; esac
    problems=$(grep -v -e ': No such file or directory$' -e '^failed: ' <<<"$problems" || true)
    [ -z "$problems" ] || { printf '%s\n' "$problems" >&2; return 1; }
}

# Within one read transaction: else each commit of the server would let the copy begin anew, for as long as there are any.
for name in log vault; do
    sqlite3 -readonly "$data/$name.sqlite" ".timeout 10000" BEGIN "SELECT count(*) FROM sqlite_schema" \
        ".backup '$fresh/$name.sqlite'" >/dev/null
done
# Objects never change once they were observed, so links do where the file system has them.
if [ -d "$data/objects" ]; then
    (
        cd -- "$data/objects"
        how='ln'
        can_link || how='cp -a'
        mkdir -- "$fresh/objects"
        # shellcheck disable=SC2016 # as above
        but_for_vanished find . -ignore_readdir_race -name .incoming -prune -o -type d -exec bash -c \
            'cd -- "$0" && mkdir -p -- "$@"' "$fresh/objects" {} +
        but_for_vanished objects -exec bash -c "$put" put "$fresh/objects" "$how" {} +
    )
fi
for file in "$fresh/log.sqlite" "$fresh/vault.sqlite"; do
    [ "$(sqlite3 -readonly "$file" 'PRAGMA integrity_check')" = ok ] || { echo "$file is damaged" >&2; exit 3; }
    rm -f "$file-wal" "$file-shm" # empty ones, of the check
done
sync
mv "$fresh" "$copy"
echo "copied to $copy; check it with: backupy log verify --data $copy"
