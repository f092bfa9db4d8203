#!/bin/sh
# the image's own script and its weaver: remembers how it was started, and lives until it is killed, or long enough
{
  echo "init $IPALLOC_INIT"
  echo "peers $KUBE_PEERS"
  echo "arguments $EXTRA_ARGS"
  if [ -e /weavedb/weave-netdata.db ]; then echo "data"; fi
  sed 's/^-peer-name=/listed /' /test/listed
} > /test/launched
until [ -e /test/killed ] || [ -e /host/etc/cni/net.d/10-weave.conflist ] || [ "$(grep -c . /test/sleeps)" -gt 30 ]; do /bin/sleep 0.02; done
