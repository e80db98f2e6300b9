#!/bin/sh
# Copies the state of a control plane, also while it runs.
#
#   backup-control-plane.sh DATA COPY     COPY must not exist yet; it is made with mode 0700
#
# The order matters: every data key that the copied log names is in the vault that is copied after it, and every object in
# the store after that. Views are left out, since they are made anew from the log. The keys (master.key, recovery.key) are
# left out too: a copy without them is of no use to a thief, so keep them elsewhere.
set -eu
[ $# = 2 ] || { sed -n '2,9s/^# \{0,1\}//p' "$0" >&2; exit 2; }
data=$1
copy=$2
[ -f "$data/log.sqlite" ] || { echo "$data holds no log.sqlite" >&2; exit 2; }
[ ! -e "$copy" ] || { echo "$copy is there already" >&2; exit 2; }
umask 077
fresh="$copy.unfinished"
rm -rf "$fresh"
mkdir -p "$fresh"

sqlite3 -readonly "$data/log.sqlite" ".timeout 10000" ".backup '$fresh/log.sqlite'"
sqlite3 -readonly "$data/vault.sqlite" ".timeout 10000" ".backup '$fresh/vault.sqlite'"
# Objects never change once they were observed, so links do where the file system has them.
if [ -d "$data/objects" ]; then
    cp -al "$data/objects" "$fresh/objects" 2>/dev/null || { rm -rf "$fresh/objects"; cp -a "$data/objects" "$fresh/objects"; }
fi
for file in "$fresh/log.sqlite" "$fresh/vault.sqlite"; do
    [ "$(sqlite3 -readonly "$file" 'PRAGMA integrity_check')" = ok ] || { echo "$file is damaged" >&2; exit 3; }
    rm -f "$file-wal" "$file-shm" # empty ones, of the check
done
sync
mv "$fresh" "$copy"
echo "copied to $copy; check it with: backupy log verify --data $copy"
