#!/bin/sh
# launch.sh: the command of the container `weave`, before the image's own. Gives the peer its name, decides whether the ring
# of addresses begins here, finds the other peers, and tells the kubelet of the network once it gives addresses.
# From the pod: CLUSTER_ID, NODE (HOSTNAME for the image's own), KNOWN_PEERS, OPTIONS.
set -eu
db=/weavedb account=/var/run/secrets/kubernetes.io/serviceaccount run=/tmp/weave cni=/host/etc/cni/net.d
# weaver leaves `restart.sentinel` in its working directory and, where it finds one, ignores the peers it is told of: after a
# crash in its first second it would never connect
rm -rf $run && mkdir -p $run && cd $run
# a peer of the node's name, for ever: a machine that is installed anew gets its own ranges back
hash=$(printf '%s/%s' "$CLUSTER_ID" "$NODE" | sha256sum)
peer=$(printf '%s' "$hash" | sed 's/^\(..\)\(..\)\(..\)\(..\)\(..\).*/0a:\1:\2:\3:\4:\5/')
configmaps() { # METHOD NAME [BODY]: the status; the answer in $run/answer. The token stays off the command line
  printf 'header = "Authorization: Bearer %s"\n' "$(cat $account/token)" |
    curl -s -m 10 -K - -o $run/answer -w '%{http_code}' --cacert $account/ca.crt -H 'Content-Type: application/json' \
      -X "$1" ${3:+-d "$3"} "https://127.0.0.1:6443/api/v1/namespaces/kube-system/configmaps$2" || :
}
# which life of this disk may found, known before anything is founded: a new disk of the same name does not
[ -s $db/life ] || { cat /proc/sys/kernel/random/uuid > $db/life.part && sync && mv $db/life.part $db/life && sync; }
life=$(cat $db/life)
# who makes this object founds the ring, alone, so that a lone first node gives addresses: it can be made once
until code=$(configmaps GET /weave-ring) && [ "$code" = 200 ]; do
  [ "$code" != 404 ] ||
    configmaps POST '' "{\"metadata\":{\"name\":\"weave-ring\"},\"data\":{\"founder\":\"$NODE\",\"life\":\"$life\"}}" > /dev/null
  sleep 1
done
founds=$(grep -c "$life" $run/answer || :)
# where the peers list themselves: the image's own script fails for want of it, once, and would begin anew
until code=$(configmaps GET /weave-net) && [ "$code" = 200 ]; do
  [ "$code" != 404 ] || configmaps POST '' '{"metadata":{"name":"weave-net"}}' > /dev/null
  sleep 1
done
until nodes=$(/home/weave/kube-utils); do sleep 2; done
others=$(printf '%s' "$nodes" | grep -c . || :)
# all others wait to be given their part; where every node has lost its disk, they found again, all together. A ring on this
# disk goes before any of it
if [ "$founds" != 0 ]; then IPALLOC_INIT=seed=$peer
elif [ "$others" = 0 ]; then IPALLOC_INIT=consensus=1
else IPALLOC_INIT=consensus=$((2 * others)); fi
KUBE_PEERS="$nodes $KNOWN_PEERS"
EXTRA_ARGS="--name=$peer $OPTIONS"
export IPALLOC_INIT KUBE_PEERS EXTRA_ARGS
{ # the bridge has an address when the ring has given one: from then on pods get theirs, and nothing founds again
  until ip -4 address show dev weave 2> /dev/null | grep -q inet; do sleep 1; done
  rm -f $db/life
  cp /firstlight/10-weave.conflist $cni/.10-weave.part && mv $cni/.10-weave.part $cni/10-weave.conflist
} &
exec /home/weave/launch.sh
