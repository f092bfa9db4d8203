# The foothold: cloud-init's bootcmd, the only thing it runs on every boot and before anything else.
# It stages the seed's archive (base64 on standard input of `stage`), puts our one unit in place and
# starts it. It writes nothing else, needs no state of cloud-init's, and does the same again after a
# power cut at any moment.
umask 077
fl=/var/lib/firstlight
seed_digest=@DIGEST@
first='opt/firstlight/bin/firstlight-settle opt/firstlight/bin/firstlight-say opt/firstlight/bin/firstlight-again etc/systemd/system/firstlight.service etc/systemd/system/firstlight-again@.service'
failed() { # WHY. A console that nobody reads blocks for ever
  # shellcheck disable=SC2016 # the inner shell expands its own argument
  timeout 2 sh -c 'printf "firstlight: hand-over failed (%s)\r\n" "$1" > /dev/console' say "$1"
  return 1
}
stage() {
  : > "$fl/started"
  why=$(base64 -d 2>&1 > "$fl/incoming/seed.part")
  if [ "$(sha256sum < "$fl/incoming/seed.part" | cut -d' ' -f1)" != "$seed_digest" ]; then
    rm -f "$fl/incoming/seed.part"
    case $why in
      *'write error'*) failed "$fl: $why: is the disk full? make room and reboot" ;;
      *) failed "the seed in user-data is damaged: build it again and attach it" ;;
    esac
    return 1
  fi
  sync "$fl/incoming/seed.part" && mv "$fl/incoming/seed.part" "$fl/incoming/$seed_digest.tar.gz" && sync "$fl/incoming"
  for old in "$fl"/incoming/*.tar.gz; do [ "$old" = "$fl/incoming/$seed_digest.tar.gz" ] || rm -f "$old"; done # never settled
}
# than the seed that settled
older() { [ "$(tar -xzOf "$archive" made)" -lt "$(cat "$fl/seeds/$(cat "$fl/settled")/made")" ]; } 2> /dev/null
whole() { for f in $first; do [ -s "/$f" ] || return 1; done; }
foothold() { # ARCHIVE: unpacks what starts the rest, each file complete or absent
  (umask 022 && mkdir -p /opt/firstlight/bin /etc/systemd/system/multi-user.target.wants)
  for f in $first; do
    mode=0755
    [ "$f" = "${f%.service}" ] || mode=0644
    { tar -xzOf "$1" "tree/$f" > "/$f.part" && chmod $mode "/$f.part" && sync "/$f.part" && mv "/$f.part" "/$f"; } ||
      failed "/$f cannot be written: is the disk full? make room and reboot"
  done
  # SELinux: a program below /opt that is no bin_t may not be a service
  ! command -v restorecon > /dev/null || restorecon -RF /opt/firstlight /etc/systemd/system/firstlight.service
  ln -sfn ../firstlight.service /etc/systemd/system/multi-user.target.wants/firstlight.service
  sync /etc/systemd/system /opt/firstlight/bin
}
mkdir -p "$fl/incoming" && chmod 0700 "$fl" "$fl/incoming"
kept=$fl/seeds/$seed_digest archive=$fl/incoming/$seed_digest.tar.gz verb=start
if [ "$(cat "$fl/settled" 2>/dev/null)" = "$seed_digest" ] && [ -s "$kept/seed.tar.gz" ] && [ -s "$kept/index" ]; then
  archive=$kept/seed.tar.gz
elif stage <<'END OF SEED'
@SEED@
END OF SEED
then # where cloud-init is late, the unit of an earlier boot may have run already in this one
  [ ! -e /etc/systemd/system/firstlight.service ] || verb=restart
fi
if [ -s "$archive" ]; then
  if ! whole || { [ "$archive" != "$kept/seed.tar.gz" ] && ! older; }; then
    foothold "$archive"
    systemctl daemon-reload
  fi
  systemctl --no-block $verb firstlight.service
fi
