# shellcheck shell=sh disable=SC2154 # sourced by launch.sh, whose db, run, peer and NODE it reads
# ring.sh: whether the ring of addresses begins with this peer. It may begin once: two rings never become one.
# The ConfigMap `weave-ring` says whose it is: a node's name, and a life of its disk that has had no address yet.
account=/var/run/secrets/kubernetes.io/serviceaccount
configmaps() { # METHOD NAME [BODY]: the status; the answer in $run/answer. The token stays off the command line
  printf 'header = "Authorization: Bearer %s"\n' "$(cat $account/token)" |
    curl -s -m 10 -K - -o "$run/answer" -w '%{http_code}' --cacert $account/ca.crt -H 'Content-Type: application/json' \
      -X "$1" ${3:+-d "$3"} "https://127.0.0.1:6443/api/v1/namespaces/kube-system/configmaps$2" || :
}
claim() { # [VERSION]: the object in which this peer founds, instead of that version of it
  printf '{"metadata":{"name":"weave-ring"%s},"data":{"founder":"%s","life":"%s"}}' "${1:+,\"resourceVersion\":\"$1\"}" "$NODE" "$life"
}
# which life of this disk may found, known before anything is founded: a new disk of the same name does not
[ -s "$db/life" ] || { cat /proc/sys/kernel/random/uuid > "$db/life.part" && sync && mv "$db/life.part" "$db/life" && sync; }
life=$(cat "$db/life")
# who makes the object founds, alone, so that a lone first node gives addresses
until code=$(configmaps GET /weave-ring) && [ "$code" = 200 ]; do
  [ "$code" != 404 ] || configmaps POST '' "$(claim)" > /dev/null
  sleep 1
done
# all others wait to be given their part. A ring on this disk goes before either
IPALLOC_INIT=observer
! grep -q "$life" "$run/answer" || IPALLOC_INIT=seed=$peer
export IPALLOC_INIT

lost() { # no ring here, and the peer of every other Node is connected, of which any that had one would have told it
  curl -s -m 5 -H 'Accept: application/json' http://127.0.0.1:6784/report | tr '{' '\n' > "$run/report"
  grep -q '"Entries":null' "$run/report" && nodes=$(/home/weave/kube-utils) || return 1
  for address in $nodes; do
    grep "\"Address\":\"$address:" "$run/report" | grep -q '"State":"established"' || return 1
  done
}
takes_over() { # founds instead of one that is gone, with its disk, before it gave anybody a part: of several, one
  [ "$(configmaps GET /weave-ring)" = 200 ] &&
    [ "$(configmaps PUT /weave-ring "$(claim "$(sed -n 's/.*"resourceVersion": *"\([0-9]*\)".*/\1/p' "$run/answer")")")" = 200 ]
}
