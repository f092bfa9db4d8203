# shellcheck shell=bash disable=SC2034 # read by those who source it
# env.sh: names, folders and small functions that every script of the lab shares. Sourced, never run.
#
#   FIRSTLIGHT_LAB   where everything built is kept (default ~/.cache/firstlight/lab); must be on ext4
#   ARCH             the processor that the mirror is for (default amd64); every other one's has a store of its own in $LAB
#   TRAIN            the release train that is booted (default 1.20, which the lab builds)
#   PROGRAMS         a folder of programs of one's own (README.md); what is made of them has a store of its own in $LAB
#   SYSTEM           what machines boot whose host names no system (default debian-12)
#   MIRROR, SECURITY Debian archives (default: what this machine's apt uses for bookworm)
#
# Nothing is written into place: a step fills "$target.new" and renames it, so an interrupted run leaves no half result.

LAB=${FIRSTLIGHT_LAB:-${XDG_CACHE_HOME:-$HOME/.cache}/firstlight/lab}
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
SELF=${0##*/}
KUBERNETES=1.20.2
TRAIN=${TRAIN:-1.20}
# the systems that machines boot, by their names in cluster.yml, and Debian's names of their releases. What their official
# images hold: images/NAME.packages, and in images/NAME/ the files that the images' recipe lays over the packages'
declare -A SUITES=([debian-11]=bullseye [debian-12]=bookworm [debian-13]=trixie)
SYSTEM=${SYSTEM:-debian-12} # where none is named
# the product's catalogue, from which the lab's is derived
OVERLAYS=${FIRSTLIGHT_OVERLAYS:-$(dirname "$(dirname "$HERE")")/overlays}
ARCH=${ARCH:-amd64}
export LC_ALL=C TZ=UTC
umask 022

say() { echo "lab: $*" >&2; }
die() { echo "lab: $SELF: $*" >&2; exit 1; }
usage() { sed -n '2,/^[^#]/{s/^# \{0,1\}//p}' "$0" >&2; exit 2; }
need_root() { [ "$(id -u)" = 0 ] || die "must run as root"; }

# where the results for ARCH and TRAIN are: programs, packages, images, catalogue and their stamps; what builds them is shared, in $LAB
case $ARCH in
amd64) STORE=$LAB TRIPLET=x86_64-linux-gnu ;;
arm64) STORE=$LAB/arm64 TRIPLET=aarch64-linux-gnu ;;
*) die "no architecture $ARCH" ;;
esac
if [ -n "${PROGRAMS:-}" ]; then
    [ "$ARCH" = amd64 ] || die "PROGRAMS are for amd64 alone"
    [ -s "$PROGRAMS/versions.txt" ] || die "$PROGRAMS has no versions.txt"
    STORE=$LAB/train-$TRAIN
    ! grep -q '^kubernetes ' "$PROGRAMS/versions.txt" || KUBERNETES=$(sed -n 's/^kubernetes //p' "$PROGRAMS/versions.txt")
fi
case $KUBERNETES in "$TRAIN".*) ;; *) die "of train $TRAIN the lab has no Kubernetes but one of yours (PROGRAMS=FOLDER)" ;; esac

# the stock tree of a system, or of a variant of it
base_of() { echo "$LAB/base-$1$([ "${2:-stock}" = stock ] || echo "-$2")"; }

# the lines of the official image's package list; kernel and boot loader go by the processor
listed() { sed -e '/^#/d' -e "s/-amd64 /-$ARCH /" -e 's/^grub-cloud-arm64/grub-efi-arm64/' "$HERE/images/$1.packages"; }

# as much of this machine as others leave: long builds share it with whoever works on it
gently() { nice -n 10 "$@"; }

# fingerprint FILE...: of the inputs of a step; a step is done when its stamp holds the fingerprint of today's inputs
fingerprint() { cat "$@" | sha256sum | cut -c1-16; }
done_before() { [ "$(cat "$STORE/stamps/$1" 2>/dev/null)" = "$2" ]; }
mark_done() { mkdir -p "$STORE/stamps"; echo "$2" > "$STORE/stamps/$1.new"; sync "$STORE/stamps/$1.new"; mv "$STORE/stamps/$1.new" "$STORE/stamps/$1"; }

# one builder at a time: a second one waits for the first, at most half an hour
lock() {
    mkdir -p "$LAB"
    exec 9> "$LAB/lock.$1"
    flock -w 1800 9 || die "another run holds $LAB/lock.$1"
}

# apt with lists, cache and sources of the lab's own: this machine's apt stays as it is
lab_apt() {
    local command=$1; shift
    "$command" -q -o Dir::Etc::sourcelist="$STORE/apt/sources.list" -o Dir::Etc::sourceparts=/dev/null \
        -o Dir::Etc::preferencesparts=/dev/null -o Dir::State::lists="$STORE/apt/lists" -o Dir::Cache="$STORE/apt" \
        -o APT::Architecture="$ARCH" -o APT::Architectures="$ARCH" -o APT::Sandbox::User=root -o Acquire::Retries=3 "$@"
}

# unpack NAME PACKAGE...: the files of these packages together in $STORE/unpacked/NAME, no maintainer script run
unpack() {
    local name=$1 p; shift
    [ -d "$STORE/unpacked/$name" ] && return
    say "fetching $name"
    rm -rf "$STORE/dl/$name.new" "$STORE/unpacked/$name.new"
    mkdir -p "$STORE/dl/$name.new" "$STORE/unpacked/$name.new"
    (cd "$STORE/dl/$name.new" && lab_apt apt-get download "$@" > /dev/null)
    for p in "$STORE/dl/$name.new"/*.deb; do dpkg-deb -x "$p" "$STORE/unpacked/$name.new"; done
    rm -rf "$STORE/dl/$name"
    mv "$STORE/dl/$name.new" "$STORE/dl/$name"
    mv "$STORE/unpacked/$name.new" "$STORE/unpacked/$name"
}

# tell FOLDER COMMAND...: lab-agent (parts/uml) runs it inside the machine whose second serial line is the pipes FOLDER/agent.in
# and FOLDER/agent.out; what it said and its status
tell() {
    local folder=$1 number=$RANDOM$RANDOM code answer; shift
    exec 7<> "$folder/agent.in" 8<> "$folder/agent.out"
    exec 9> "$folder/agent.lock"
    flock 9
    # a line for a shell is quoted as bash does
    printf '%s %s\n' "$number" "$(printf '%q ' "$@" | base64 -w0)" >&7
    while IFS= read -r -t 90 -u 8 answer || die "${folder##*/} does not answer on its second serial line"; do
        [ "${answer%% *}" != "$number" ] || break
    done
    read -r _ code answer <<< "$answer"
    base64 -d <<< "$answer"
    return "$code"
}
