# The foothold: cloud-init's bootcmd, the only thing it runs on every boot and before anything else.
# It stages the seed's archive (base64 on standard input of `stage`), puts our one unit in place and
# starts it. It writes nothing else, needs no state of cloud-init's, and does the same again after a
# power cut at any moment.
umask 077
fl=/var/lib/firstlight
seed_digest=@DIGEST@
stage() {
  : > "$fl/started"
  base64 -d > "$fl/incoming/seed.part"
  if [ "$(sha256sum < "$fl/incoming/seed.part" | cut -d' ' -f1)" != "$seed_digest" ]; then
    echo "firstlight: hand-over failed (the seed in user-data is damaged: build it again and attach it)" > /dev/console
    return 1
  fi
  sync "$fl/incoming/seed.part" && mv "$fl/incoming/seed.part" "$fl/incoming/$seed_digest.tar.gz" && sync "$fl/incoming"
}
foothold() { # ARCHIVE: unpacks what starts the rest, each file complete or absent
  mkdir -p /opt/firstlight/bin /etc/systemd/system/multi-user.target.wants && chmod 0755 /opt/firstlight /opt/firstlight/bin
  for f in opt/firstlight/bin/firstlight-settle opt/firstlight/bin/firstlight-say etc/systemd/system/firstlight.service; do
    tar -xzOf "$1" "tree/$f" > "/$f.part" && sync "/$f.part" && mv "/$f.part" "/$f"
  done
  chmod 0755 /opt/firstlight/bin/firstlight-settle /opt/firstlight/bin/firstlight-say
  chmod 0644 /etc/systemd/system/firstlight.service
  ln -sfn ../firstlight.service /etc/systemd/system/multi-user.target.wants/firstlight.service
  sync /etc/systemd/system /opt/firstlight/bin
}
mkdir -p "$fl/incoming" && chmod 0700 "$fl" "$fl/incoming"
verb=start
if [ "$(cat "$fl/settled" 2>/dev/null)" = "$seed_digest" ]; then
  archive=$fl/seeds/$seed_digest/seed.tar.gz
else
  # a changed seed of a node that runs: its unit may have run already in this boot
  [ ! -e "$fl/settled" ] || verb=restart
  archive=$fl/incoming/$seed_digest.tar.gz
  stage <<'END OF SEED'
@SEED@
END OF SEED
fi
if [ -s "$archive" ]; then
  if [ "$archive" = "$fl/incoming/$seed_digest.tar.gz" ] ||
    [ ! -s /etc/systemd/system/firstlight.service ] || [ ! -s /opt/firstlight/bin/firstlight-settle ]; then
    foothold "$archive"
    systemctl daemon-reload
  fi
  systemctl --no-block "$verb" firstlight.service
fi
