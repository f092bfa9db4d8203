# shellcheck shell=bash disable=SC2034 # read by those who source it
# env.sh: names, folders and small functions that every script of the lab shares. Sourced, never run.
#
#   FIRSTLIGHT_LAB   where everything built is kept (default ~/.cache/firstlight/lab); must be on ext4
#   SYSTEM           what machines boot whose host names no system (default debian-12)
#   MIRROR, SECURITY Debian archives (default: what this machine's apt uses for bookworm)
#
# Nothing is written into place: a step fills "$target.new" and renames it, so an interrupted run leaves no half result.

LAB=${FIRSTLIGHT_LAB:-${XDG_CACHE_HOME:-$HOME/.cache}/firstlight/lab}
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
SELF=${0##*/}
KUBERNETES=1.20.2
# the systems that machines boot, by their names in cluster.yml, and Debian's names of their releases. What their official
# images hold: images/NAME.packages, and in images/NAME/ the files that the images' recipe lays over the packages'
declare -A SUITES=([debian-11]=bullseye [debian-12]=bookworm [debian-13]=trixie)
SYSTEM=${SYSTEM:-debian-12} # where none is named
# the product's catalogue, from which the lab's is derived
OVERLAYS=${FIRSTLIGHT_OVERLAYS:-$(dirname "$(dirname "$HERE")")/overlays}
export LC_ALL=C TZ=UTC
umask 022

say() { echo "lab: $*" >&2; }
die() { echo "lab: $SELF: $*" >&2; exit 1; }
usage() { sed -n '2,/^[^#]/{s/^# \{0,1\}//p}' "$0" >&2; exit 2; }
need_root() { [ "$(id -u)" = 0 ] || die "must run as root"; }

# the stock tree of a system, or of a variant of it
base_of() { echo "$LAB/base-$1$([ "${2:-stock}" = stock ] || echo "-$2")"; }

# as much of this machine as others leave: long builds share it with whoever works on it
gently() { nice -n 10 "$@"; }

# fingerprint FILE...: of the inputs of a step; a step is done when its stamp holds the fingerprint of today's inputs
fingerprint() { cat "$@" | sha256sum | cut -c1-16; }
done_before() { [ "$(cat "$LAB/stamps/$1" 2>/dev/null)" = "$2" ]; }
mark_done() { mkdir -p "$LAB/stamps"; echo "$2" > "$LAB/stamps/$1.new"; sync "$LAB/stamps/$1.new"; mv "$LAB/stamps/$1.new" "$LAB/stamps/$1"; }

# one builder at a time: a second one waits for the first, at most half an hour
lock() {
    mkdir -p "$LAB"
    exec 9> "$LAB/lock.$1"
    flock -w 1800 9 || die "another run holds $LAB/lock.$1"
}

# apt with lists, cache and sources of the lab's own: this machine's apt stays as it is
lab_apt() {
    local command=$1; shift
    "$command" -q -o Dir::Etc::sourcelist="$LAB/apt/sources.list" -o Dir::Etc::sourceparts=/dev/null \
        -o Dir::Etc::preferencesparts=/dev/null -o Dir::State::lists="$LAB/apt/lists" -o Dir::Cache="$LAB/apt" \
        -o APT::Sandbox::User=root -o Acquire::Retries=3 "$@"
}
