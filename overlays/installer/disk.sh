# Which disk is meant. All that cluster.yml says of it (FL_DISK_*) must be true of exactly one, and no node may live there.
say() { # on the console, and where the installer logs
  echo "firstlight: $1" >&2
  { printf 'firstlight: %s\r\n' "$1" > /dev/console; } 2> /dev/null || :
}
refuse() { say "$1"; exit 1; }
argument() { # NAME, of the kernel
  tr ' ' '\n' < /proc/cmdline | sed -n "s/^$1=//p" | tail -n 1
}
property() { printf '%s\n' "$properties" | sed -n "s/^$1=//p"; }
is() { # WANTED GOT...: nothing is wanted, or one of them is it
  wanted=$1
  shift
  [ -n "$wanted" ] || return 0
  for got; do [ "$got" != "$wanted" ] || return 0; done
  return 1
}
fits() { # a name of /sys/block
  case $1 in loop* | ram* | zram* | sr* | fd* | dm-* | md* | nbd* | mtd*) return 1 ;; esac
  properties=$(udevadm info --query=property --path="/sys/block/$1")
  gib=$(($(cat "/sys/block/$1/size") / 2097152)) # of 512 bytes, whatever the disk's own sectors are
  [ "$gib" -gt 0 ] && [ "$(cat "/sys/block/$1/ro")" = 0 ] || return 1
  [ -z "$FL_DISK_PATH" ] || [ "$(readlink -f "$FL_DISK_PATH")" = "$(property DEVNAME)" ] || return 1
  # a rule never means a stick that happens to be there
  [ -n "$FL_DISK_PATH" ] || [ "$(cat "/sys/block/$1/removable")" = 0 ] || return 1
  is "$FL_DISK_SERIAL" "$(property ID_SERIAL_SHORT)" "$(property ID_SERIAL)" "$(property ID_SCSI_SERIAL)" || return 1
  is "$FL_DISK_WWN" "$(property ID_WWN)" "$(property ID_WWN_WITH_EXTENSION)" || return 1
  is "$FL_DISK_MODEL" "$(property ID_MODEL)" || return 1
  [ "$gib" -ge "${FL_DISK_MIN:-0}" ] && [ "$gib" -le "${FL_DISK_MAX:-$gib}" ]
}
lived() { # DEVICE: says why it is not to be touched, if so
  modprobe -a ext4 xfs 2> /dev/null || :
  mkdir -p /tmp/firstlight-disk
  name=${1##*/}
  for part in "/sys/block/$name" "/sys/block/$name/$name"*; do
    mount -r "/dev/${part##*/}" /tmp/firstlight-disk 2> /dev/null || continue
    fl=/tmp/firstlight-disk/var/lib/firstlight
    if [ -e "$fl/settled" ] && [ "$(argument firstlight.reinstall)" != "$FL_NODE" ]; then
      echo "a node lives on $1; \`firstlight pxe arm --reinstall $FL_NODE\` would wipe it"
    elif [ -s "$fl/armed" ] && [ "$(cat "$fl/armed")" = "$(argument firstlight.arm)" ]; then
      echo "$1 was installed as it was asked for; boot from it (\`firstlight pxe disarm $FL_NODE\`)"
    fi
    umount /tmp/firstlight-disk
  done
}
find_disk() {
  found=''
  for block in /sys/block/*; do ! fits "${block##*/}" || found="$found $(property DEVNAME)"; done
  case $found in
    ' '*' '*) refuse "cluster.yml means one disk of $FL_NODE, and these are it:$found; nothing was touched" ;;
    ' '*) ;;
    *) refuse "no disk is what cluster.yml says of $FL_NODE ($FL_DISK); these are there: $(cd /sys/block && echo *)" ;;
  esac
  why=$(lived "${found# }")
  [ -z "$why" ] || refuse "$why"
  say "$FL_NODE is installed on${found}"
  echo "${found# }"
}
