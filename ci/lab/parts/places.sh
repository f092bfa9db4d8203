# shellcheck shell=bash disable=SC2034,SC2154 # took is for those who source it; work, given and background are theirs
# places.sh: a cluster's ports, asked from its nodes, from a stranger in their network and from pods. Sourced, never run.
# Of whoever sources it: RACK, work, FIRSTLIGHT, `given` (what it is told of the cluster), and `background`, processes that they end.

# the number on this host of the first process COMMAND in machine NAME
process() {
    local p
    for p in $(pgrep -x "$2"); do
        if grep -q "[:/]lab-$RACK-$1\(/\|\$\)" "/proc/$p/cgroup"; then echo "$p"; return; fi
    done 2> /dev/null
    die "no $2 runs on $1"
}
# enter PLACE: `into` leads to the network of a node, of the stranger, of one far from it (where there is any), or of a node's
# pod (pod@NODE)
enter() {
    case $1 in
    far) into=(nsenter "--net=/run/netns/lab-$RACK-far") ;;
    stranger) into=(nsenter "--net=/run/netns/lab-$RACK") ;;
    pod@*) into=(nsenter -t "$(process "${1#pod@}" echo)" -n) ;;
    *) into=(nsenter -t "$(process "$1" kubelet)" -n) ;;
    esac
}
# from PLACE COMMAND...: a command of this host's there
from() { enter "$1"; "${into[@]}" "${@:2}"; }
# at NODE PROTOCOL PORT...: endpoints over IPv4; at6: over IPv6
at() { local last=${1/m/1} p; last=${last/w/2}; for p in "${@:3}"; do echo "$2:10.79.0.$last:$p"; done; }
at6() { local last=${1/m/1} p; last=${last/w/2}; for p in "${@:3}"; do echo "$2:fd79::$last:$p"; done; }
reached() { from "$1" "$HERE/parts/reach.py" try "${@:2}"; }
opens() {
    local found e
    found=$(reached "$@")
    for e in "${@:2}"; do grep -qxF "$e" <<< "$found" || die "$1 does not reach $e"; done
    say "ok: $1 reaches" "${@:2}"
}
shut() {
    local found
    found=$(reached "$@")
    [ -z "$found" ] || die "$1 reaches $found"
    say "ok: $1 does not reach" "${@:2}"
}
# aside PLACE WHAT...: until `kill $aside`
aside() { enter "$1"; "${into[@]}" "$HERE/parts/reach.py" "${@:2}" & aside=$! background="$background $!"; sleep 0.5; }
verify() { # PLACE NODE: into $work/verify-NODE
    local begun status=0
    begun=$(date +%s%N)
    from "$1" "$FIRSTLIGHT" verify "${given[@]}" --node "$2" > "$work/verify-$2" || status=$?
    took=$((($(date +%s%N) - begun) / 1000000))
    return $status
}
