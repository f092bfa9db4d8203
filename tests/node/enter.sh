#!/bin/sh
# enter.sh ROOT HOST COMMAND…: runs COMMAND as root of the made-up machine that lives in the folder ROOT.
# HOST is the mount namespace of the test: this refuses to do anything there. The machine sees the
# host's /usr and nothing else of it, read-only; it cannot set the clock, reboot or load modules.
set -eu
root=$1 host=$2
shift 2
if [ "$(readlink /proc/self/ns/mnt)" = "$host" ] || [ $$ != 1 ] || [ ! -e "$root/test/machine" ]; then
  echo "enter.sh: no namespace of its own, or no machine of a test: nothing done" >&2
  exit 99
fi
mount --make-rprivate /
mount --bind "$root" "$root"
for dir in usr etc/alternatives etc/ssl; do
  mount --bind "/$dir" "$root/$dir"
  mount -o remount,bind,ro "$root/$dir"
done
mount --bind "$root/test/local" "$root/usr/local"
mount -t proc proc "$root/proc"
mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
for device in null zero urandom; do mount --bind "/dev/$device" "$root/dev/$device"; done
setpriv --bounding-set -sys_time,-sys_boot,-sys_module,-sys_rawio,-net_admin chroot "$root" /usr/bin/env -i \
  PATH="$(cat "$root/test/path")" HOME=/ LC_ALL=C "$@" &
# the first process of the namespace: what it waits for may end as if the power went
wait $!
