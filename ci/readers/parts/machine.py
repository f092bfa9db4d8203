"""A made-up machine: a stack of read-only layers under an overlay, booted by running cloud-init's stages as root in it.

Runs in mount, network, process and host name namespaces of its own (`unshare -mnpuf`). What a boot finds beside the
disk is made anew each time: /dev, /run, /proc/cmdline, one card with the seed's MAC, and a DMI with a product UUID.
"""

import fcntl
import os
import re
import shutil
import socket
import struct
import subprocess
import time
from pathlib import Path

PARTS = Path(__file__).resolve().parent
UUID = "3c2b8a52-5b0e-4a57-9d9f-0c5a31b2a7d1"
PATH = "/run/programs:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# as firstlight's unit has it
UNIT = "/etc/systemd/system/firstlight.service"
WANTED = "/etc/systemd/system/multi-user.target.wants/firstlight.service"
# what a container may not do to this host
KEEP = ["setpriv", "--bounding-set", "-sys_time,-sys_boot,-sys_module,-sys_rawio"]


def call(*command, **options):
    return subprocess.run([str(c) for c in command], check=True, stdin=subprocess.DEVNULL, **options)


def mount(*arguments):
    call("mount", *arguments)


class Card:
    """A tap with its other end held open: the kernel says that it has a carrier."""

    def __init__(self, name, mac):
        self.mac = mac
        self.end = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        # TUNSETIFF with IFF_TAP | IFF_NO_PI
        fcntl.ioctl(self.end, 0x400454CA, struct.pack("16sH22x", name.encode(), 0x1002))
        call("ip", "link", "set", name, "address", mac)

    def unplug(self):
        os.close(self.end)


class Medium:
    """An ISO as a block device. This host's kernel may lack isofs: then the machine's `mount` shows what bsdtar reads."""

    def __init__(self, iso):
        self.iso = iso
        self.device = call("losetup", "--find", "--show", "--read-only", iso, capture_output=True, text=True).stdout.strip()
        held = os.open(self.device, os.O_RDONLY)
        # goes by itself when nobody holds it any more, whatever happens to this process
        call("losetup", "--detach", self.device)
        self.held = held

    def insert(self, dev):
        os.mknod(dev / Path(self.device).name, 0o660 | 0o060000, os.fstat(self.held).st_rdev)
        (dev / ".medium").mkdir()
        call("bsdtar", "-xf", self.iso, "-C", dev / ".medium")

    def eject(self):
        os.close(self.held)


class Boot:
    """What one boot said."""

    def __init__(self):
        self.stages, self.settled, self.units, self.settling, self.console, self.log, self.output = {}, None, "", "", "", "", ""
        self.enabled, self.identified, self.keyfiles, self.seconds = None, "", {}, 0.0

    def words(self):
        return f"{self.output[-1500:]}\n{self.log[-1500:]}"


class Machine:
    def __init__(self, layers, folder, system):
        self.layers, self.folder, self.system = [str(layer) for layer in layers], Path(folder), system
        self.root = self.folder / "root"
        self.fresh()

    def fresh(self):
        for name in ("upper", "work", "root"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        mount("-t", "overlay", "overlay", "-o", f"lowerdir={':'.join(self.layers)},upperdir={self.folder}/upper,workdir={self.folder}/work", self.root)

    def freeze(self):
        """Switches off and keeps the disk as it is: the layers of any number of copies."""
        call("umount", "-R", self.root)
        return [str(self.folder / "upper"), *self.layers]

    def remove(self):
        call("umount", "-R", self.root)
        shutil.rmtree(self.folder)

    def at(self, path):
        return self.root / path.lstrip("/")

    def read(self, path):
        try:
            return self.at(path).read_text(errors="replace")
        except OSError:
            return ""

    # what a boot finds beside the disk

    def _power_on(self, cmdline, medium):
        root = self.root
        mount("-t", "proc", "proc", root / "proc")
        for name, kind in (("sys", "mode=0755"), ("dev", "mode=0755"), ("run", "mode=0755"), ("tmp", "mode=1777")):
            mount("-t", "tmpfs", "-o", kind, "tmpfs", root / name)
        self._sysfs(root / "sys")
        dev = root / "dev"
        for node in ("null", "zero", "full", "random", "urandom", "tty"):
            os.mknod(dev / node, 0o666 | 0o020000, os.stat(f"/dev/{node}").st_rdev)
            os.chmod(dev / node, 0o666)
        for link, target in (("fd", "/proc/self/fd"), ("stdin", "fd/0"), ("stdout", "fd/1"), ("stderr", "fd/2")):
            (dev / link).symlink_to(target)
        for name in ("console", "kmsg"):
            (dev / name).touch()
        if medium:
            medium.insert(dev)
        (root / "run/systemd/system").mkdir(parents=True)
        (root / "run/cmdline").write_text(f"BOOT_IMAGE=/vmlinuz root=/dev/vda1 ro {cmdline}".strip() + "\n")
        mount("--bind", root / "run/cmdline", root / "proc/cmdline")
        shutil.copytree(PARTS / "programs", root / "run/programs", symlinks=True)
        socket.sethostname((self.read("/etc/hostname").strip() or "localhost"))

    def _sysfs(self, sys):
        """This namespace's sysfs, but a DMI of the machine's own."""
        (sys / ".all").mkdir()
        mount("-t", "sysfs", "sysfs", sys / ".all")
        (sys / "class").mkdir()
        for where in ("", "class"):
            for entry in (sys / ".all" / where).iterdir():
                at = sys / where / entry.name
                if entry.is_dir() and entry.name not in ("class", "dmi"):
                    at.mkdir()
                    mount("--bind", entry, at)
        dmi = sys / "class/dmi/id"
        dmi.mkdir(parents=True)
        for name, text in (("product_uuid", UUID), ("product_name", "Standard PC"), ("sys_vendor", "QEMU"), ("product_serial", ""), ("chassis_asset_tag", "")):
            (dmi / name).write_text(text + "\n")

    def _power_off(self):
        for name in ("proc/cmdline", "proc", "sys", "dev", "run", "tmp"):
            call("umount", "-R", self.root / name)

    def run(self, *command, env=None, umask=0o022):
        environment = {"PATH": PATH, "LANG": "C.UTF-8", "HOME": "/root", "PYTHONDONTWRITEBYTECODE": "1", **(env or {})}
        return subprocess.run(
            [*KEEP, "chroot", str(self.root), *command], env=environment, umask=umask, text=True, errors="replace",
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300,
        )

    def settle(self, boot):
        """What firstlight.service does when it is started."""
        program = re.search(r"^ExecStart=(.*)$", self.read(UNIT), re.M)
        if program:
            done = self.run(*program[1].split(), env={"HOME": "/"})
            boot.settled, boot.settling = done.returncode, done.stdout

    def boot(self, mac, cmdline="", iso=None, early=False, stages=4, inspect=None):
        """One boot: the generator, cloud-init's stages, and firstlight-settle where the foothold started it, as soon as
        that (`early`) or when the stage is over; else, where the unit is installed, at the end as systemd would. `inspect` is called before the power goes."""
        boot, begin = Boot(), time.monotonic()
        medium = Medium(iso) if iso else None
        for old in ("var/log/cloud-init.log", "var/log/cloud-init-output.log"):
            (self.root / old).unlink(missing_ok=True)
        installed = self.at(WANTED).is_symlink()
        self._power_on(cmdline, medium)
        card = Card("eth0", mac)
        call("ip", "link", "set", "lo", "up")
        try:
            self._generator(boot)
            if early:
                self.at("/run/settles-itself").touch()
            for stage in (["init", "--local"], ["init"], ["modules", "--mode=config"], ["modules", "--mode=final"])[:stages]:
                if boot.enabled is False:
                    break
                done = self.run("cloud-init", *stage)
                boot.stages[" ".join(stage)] = done.returncode
                boot.output += f"--- {' '.join(stage)}\n{done.stdout}"
                if stage == ["init"] and re.search(r"start firstlight|restart firstlight", self.read("/run/programs.log")):
                    if early:
                        boot.settled, boot.settling = int(self.read("/run/settled.rc") or -1), self.read("/run/settled.out")
                    else:
                        self.settle(boot)
            boot.by_foothold = boot.settled is not None
            if installed and not boot.by_foothold:
                self.settle(boot)
            boot.units, boot.log = self.read("/run/programs.log"), self.read("/var/log/cloud-init.log")
            boot.console = self.read("/dev/console")
            boot.host = socket.gethostname()
            boot.cards = cards()
            for name in ("status.json", "result.json", "cloud.cfg", "ds-identify.log"):
                boot.keyfiles[name] = self.read(f"/run/cloud-init/{name}")
            if inspect:
                inspect(self, boot)
        finally:
            card.unplug()
            if medium:
                medium.eject()
            self._power_off()
        boot.seconds = time.monotonic() - begin
        return boot

    def _generator(self, boot):
        """systemd's generator of cloud-init: does it switch cloud-init on? A release without one always does."""
        for folder in ("/lib/systemd/system-generators", "/usr/lib/systemd/system-generators"):
            generator = f"{folder}/cloud-init-generator"
            if self.at(generator).exists():
                break
        else:
            return
        folders = [f"/run/systemd/generator{kind}" for kind in ("", ".early", ".late")]
        for folder in folders:
            self.at(folder).mkdir()
        done = self.run(generator, *folders)
        boot.output += f"--- generator\n{done.stdout}"
        boot.enabled = any(self.at(f"{f}/multi-user.target.wants/cloud-init.target").is_symlink() for f in folders)


def cards():
    found = {}
    for line in subprocess.run(["ip", "-o", "link"], capture_output=True, text=True).stdout.splitlines():
        name, mac = re.match(r"\d+: ([^:@]+)", line)[1], re.search(r"link/\w+ ([0-9a-f:]{17})", line)
        if name != "lo" and mac:
            found[mac[1]] = name
    return found
