#!/bin/sh
# launch.sh: the command of the container `weave`, before the image's own. Gives the peer its name, lists it, finds
# the others, and tells the kubelet of the network once it gives addresses; ring.sh decides whether the ring of those begins here.
# From the pod: CLUSTER_ID, NODE (HOSTNAME for the image's own), KNOWN_PEERS, OPTIONS.
set -eu
db=/weavedb run=/tmp/weave cni=/host/etc/cni/net.d
# weaver leaves `restart.sentinel` in its working directory and, where it finds one, ignores the peers it is told of: after a
# crash in its first second it would never connect
rm -rf $run && mkdir -p $run && cd $run
# a peer of the node's name, for ever: a machine that is installed anew gets its own ranges back
hash=$(printf '%s/%s' "$CLUSTER_ID" "$NODE" | sha256sum)
peer=$(printf '%s' "$hash" | sed 's/^\(..\)\(..\)\(..\)\(..\)\(..\).*/0a:\1:\2:\3:\4:\5/')
# shellcheck source=ring.sh source-path=SCRIPTDIR
. /firstlight/ring.sh
# in the list of peers before it has a ring: who has one and is not in the list was removed by another peer, and what it had
# was taken over. The image's own script lists a peer only once it runs, and would take one that crashed before for a removed one
until code=0 && { /home/weave/kube-utils -check-peer-new -peer-name="$peer" || code=$?; } && [ $code = 9 ]; do
  if [ $code = 0 ]; then
    rm -f $db/weave-netdata.db
    /home/weave/kube-utils -reclaim -node-name="$NODE" -peer-name="$peer" || :
  fi
  sleep 1
done
until nodes=$(/home/weave/kube-utils); do sleep 2; done
KUBE_PEERS="$nodes $KNOWN_PEERS"
# on a host without openvswitch the first start falls back to a plain bridge, and the next one refuses what it finds
! ip link show weave > /dev/null 2>&1 || ip link show datapath > /dev/null 2>&1 || OPTIONS="$OPTIONS --no-fastdp"
EXTRA_ARGS="--name=$peer $OPTIONS"
export KUBE_PEERS EXTRA_ARGS
{ # the bridge has an address when the ring has given one: from then on pods get theirs, and nothing founds again
  quiet=0
  until ip -4 address show dev weave 2> /dev/null | grep -q inet; do
    sleep 2
    if lost; then quiet=$((quiet + 1)); else quiet=0; fi
    [ $quiet -lt 8 ] || { takes_over && pkill weaver; } || quiet=0
  done
  rm -f $db/life
  cp /firstlight/10-weave.conflist $cni/.10-weave.part && mv $cni/.10-weave.part $cni/10-weave.conflist
} &
exec /home/weave/launch.sh
