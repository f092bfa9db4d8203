# Puts the seed into the system that was installed, where its own cloud-init finds it at the first boot: from then on the
# machine is as one that had its seed on an ISO. Runs in that system.
get() { curl --fail --silent --show-error --location --connect-timeout 10 "$@" "$FL_SEEDS/$FL_NODE/seed.tar" -o seed.tar; }
fetch() { # over and over, for a quarter of an hour: by the cluster's authority, or one that the system knows
  tries=0
  until get --cacert ca.crt || get; do
    tries=$((tries + 1))
    [ "$tries" -lt 90 ] || refuse "$FL_SEEDS/$FL_NODE/seed.tar cannot be had: is it served, and to this machine?"
    [ "$tries" -gt 1 ] || say "waiting for $FL_SEEDS/$FL_NODE/seed.tar"
    sleep 10
  done
}
place_seed() {
  umask 077
  seed=/var/lib/cloud/seed/nocloud
  # certificates of the future are refused
  [ "$(date +%s)" -ge "$FL_MADE" ] || date -s "@$FL_MADE" > /dev/null
  mkdir -p "$seed" /var/lib/firstlight /root/firstlight-seed
  cd /root/firstlight-seed
  printf '%s\n' "$FL_CA" > ca.crt
  fetch
  echo "$FL_SEED_SHA256  seed.tar" | sha256sum -c - > /dev/null 2>&1 ||
    refuse "$FL_SEEDS/$FL_NODE/seed.tar is not the seed that these answers were made with: publish both again"
  tar -xf seed.tar -C "$seed"
  # it writes the networks and accounts of the seed, and nothing is left of the installer's
  printf 'datasource_list: [NoCloud, None]\n' > /etc/cloud/cloud.cfg.d/99-firstlight.cfg
  printf 'policy: enabled\n' > /etc/cloud/ds-identify.cfg
  chmod 0644 /etc/cloud/cloud.cfg.d/99-firstlight.cfg /etc/cloud/ds-identify.cfg
  rm -f /etc/cloud/cloud-init.disabled /etc/cloud/cloud.cfg.d/*installer*.cfg /etc/cloud/cloud.cfg.d/*curtin*.cfg \
    /etc/netplan/*.yaml /etc/NetworkManager/system-connections/*
  find /etc/sysconfig/network-scripts -name 'ifcfg-*' ! -name ifcfg-lo -delete 2> /dev/null || :
  if [ -e /etc/network/interfaces ]; then
    printf 'auto lo\niface lo inet loopback\nsource /etc/network/interfaces.d/*\n' > /etc/network/interfaces
    chmod 0644 /etc/network/interfaces
  fi
  argument firstlight.arm > /var/lib/firstlight/armed
  ! command -v restorecon > /dev/null || restorecon -RF /etc /var/lib/cloud /var/lib/firstlight
  cd / && rm -rf /root/firstlight-seed
  sync
  say "$FL_NODE has its seed; it comes up as a node when it boots from its disk"
}
