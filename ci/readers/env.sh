# shellcheck shell=bash disable=SC2034 # read by those who source it
# env.sh: names, folders and small functions of these scripts. Sourced, never run.
#
#   ROOTS   where releases and sources are kept (default ~/.cache/firstlight/readers)

ROOTS=${FIRSTLIGHT_READERS:-${XDG_CACHE_HOME:-$HOME/.cache}/firstlight/readers}
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
SELF=${0##*/}
export LC_ALL=C TZ=UTC
umask 022

say() { echo "readers: $*" >&2; }
die() { echo "readers: $SELF: $*" >&2; exit 1; }
usage() { sed -n '2,/^[^#]/{s/^# \{0,1\}//p}' "$0" >&2; exit 2; }
need_root() { [ "$(id -u)" = 0 ] || die "must run as root"; }

# rows FILE: the lines of a table, without comments and blanks around `|`
rows() { sed -e '/^#/d' -e '/^[[:space:]]*$/d' -e 's/[[:space:]]*|[[:space:]]*/|/g' "$1"; }
# row TITLE: that line of standard input
row() { awk -F'|' -v title="$1" '$1 == title { print; found = 1 } END { exit !found }'; }
