"""Masters for the roll call: namespaces, a disk each, and what can happen to them."""

import base64
import fcntl
import io
import os
import pathlib
import re
import shutil
import signal
import struct
import subprocess
import tarfile
import time

from switch import Switch

HERE = pathlib.Path(__file__).resolve().parent
PORT = "10.79.1.{}"


def run(*command, **options):
    """Runs a command that must work; returns what it printed."""
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, **options)
    if done.returncode:
        raise RuntimeError(f"{command}: {done.returncode}: {done.stdout}{done.stderr}")
    return done.stdout


def unpack(seed, folder):
    """The tree of a seed: what is in its user-data."""
    text = (seed / "cloud-init" / "user-data").read_text()
    block = re.search(r"<<'END OF SEED'\n(.*?)END OF SEED", text, re.S).group(1)
    archive = base64.b64decode("".join(block.split()))
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        members = [m for m in tar if m.name.startswith("tree/")]
        for member in members:
            member.name = member.name[len("tree/"):]
        tar.extraction_filter = getattr(tarfile, "tar_filter", None)  # Debian 12's Python knows no filters
        tar.extractall(folder, members)


class Machine:
    """One master. Its disk is an ext4 image: a power cut keeps what reached it, and nothing else."""

    def __init__(self, rack, name, address):
        self.rack, self.name, self.address = rack, name, address
        self.folder = rack.folder / name
        self.netns = f"{rack.name}-{name}"
        self.process = None
        (self.folder / "disk").mkdir(parents=True)
        (self.folder / "root").mkdir()
        self.mac = f"52:54:00:79:01:{address:02x}"
        (self.folder / "mac").write_text(self.mac)
        run("ip", "netns", "add", self.netns)
        rack.switch.plug(name, self.netns)
        run("ip", "-n", self.netns, "link", "set", "eth0", "address", self.mac)
        run("ip", "-n", self.netns, "addr", "add", f"{PORT.format(address)}/24", "dev", "eth0")
        run("ip", "-n", self.netns, "link", "set", "lo", "up")
        self.wipe()

    def seed(self, tree):
        shutil.rmtree(self.folder / "seed", ignore_errors=True)
        shutil.copytree(tree, self.folder / "seed", symlinks=True)

    def on(self):
        if self.process:
            return
        run("ip", "-n", self.netns, "link", "set", "eth0", "up")
        log = open(self.folder / "log", "ab")
        command = ["nsenter", f"--net=/run/netns/{self.netns}", "unshare", "--mount", "--pid", "--fork", "--kill-child",
                   HERE / "machine", self.folder, self.rack.etcd]
        self.process = subprocess.Popen([str(c) for c in command], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        log.close()

    def halt(self):
        """Everything that runs there dies at once."""
        run("ip", "-n", self.netns, "link", "set", "eth0", "down")
        if self.process:
            for pid in self.init():
                os.kill(pid, signal.SIGKILL)  # a process namespace ends with its first process
            self.process.kill()
            self.process.wait()
            self.process = None

    def init(self):
        """The first process of its namespace: unshare's child."""
        found = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return [int(pid) for pid in found]

    def inside(self, *command):
        """Runs a command in the machine, as root there; returns the finished process."""
        enter = ["nsenter", "-t", str(self.init()[0]), "-m", "-p", "-n", "-r", "-w", "env", "-i",
                 "PATH=/opt/firstlight/bin:/usr/sbin:/usr/bin", "LC_ALL=C", "sh", "-c", "set -a; . /etc/firstlight/node.env; exec \"$@\"", "sh"]
        return subprocess.run(enter + [str(c) for c in command], capture_output=True, text=True, timeout=120)

    def off(self):
        """Power cut: what was not synced is lost, as far as the file system had not written it by itself."""
        self.halt()
        image = self.folder / "image"
        run("cp", "--sparse=always", image, self.folder / "image.cut")
        self.unmount()
        os.replace(self.folder / "image.cut", image)
        self.mount()

    def wipe(self):
        self.halt()
        self.unmount()
        image = self.folder / "image"
        image.unlink(missing_ok=True)
        run("truncate", "-s", "900M", image)
        run("mke2fs", "-q", "-t", "ext4", "-E", "lazy_itable_init=1,nodiscard", image)
        self.mount()

    def mount(self):
        run("mount", "-o", "loop,commit=60", self.folder / "image", self.folder / "disk")

    def unmount(self):
        if os.path.ismount(self.folder / "disk"):
            for _ in range(50):
                if subprocess.run(["umount", self.folder / "disk"], capture_output=True).returncode == 0:
                    return
                time.sleep(0.1)
            run("umount", "-l", self.folder / "disk")

    def kill(self):
        """kill -9 of etcd and its main process: as a crash, and the disk keeps all."""
        self.inside("pkill", "-KILL", "-f", "firstlight-etcd|/bin/etcd ")

    def fill(self):
        with open(self.folder / "disk" / "filler", "wb") as filler:
            try:
                while True:
                    filler.write(bytes(1 << 20))
                    filler.flush()
            except OSError:
                pass

    def fail(self):
        """Every access to the disk is an error from now on, until the next power-on."""
        shutdown = 0x8004587D  # EXT4_IOC_SHUTDOWN, include/uapi/linux/ext4.h of Linux
        disk = os.open(self.folder / "disk", os.O_RDONLY)
        fcntl.ioctl(disk, shutdown, struct.pack("I", 2))  # without a flush of the log
        os.close(disk)

    def room(self):
        (self.folder / "disk" / "filler").unlink(missing_ok=True)

    def log(self):
        path = self.folder / "log"
        return path.read_text(errors="replace") if path.exists() else ""

    def said(self):
        """The last thing that its etcd.service said."""
        lines = [line for line in self.log().splitlines() if line.startswith(("firstlight: etcd ", "firstlight: address taken"))]
        return lines[-1] if lines else ""

    def born(self):
        disk = self.folder / "disk" / "firstlight"
        return (disk / "etcd-born").exists() and not (disk / "rollcall").exists() and not (disk / "announce").exists()


class Rack:
    """Machines on one switch, and somebody who looks on from the side."""

    def __init__(self, folder, name, etcd, seed):
        self.folder, self.name, self.etcd = folder, name, etcd
        folder.mkdir(parents=True)
        self.switch = Switch(seed)
        self.machines = {}
        run("ip", "netns", "add", f"{name}-eye")
        self.switch.plug("eye", f"{name}-eye")
        run("ip", "-n", f"{name}-eye", "addr", "add", f"{PORT.format(254)}/24", "dev", "eth0")
        run("ip", "-n", f"{name}-eye", "link", "set", "eth0", "up")
        self.switch.start()

    def add(self, name, address):
        self.machines[name] = Machine(self, name, address)
        return self.machines[name]

    def etcdctl(self, state, *arguments, masters, within=5):
        """etcdctl from the side; (exit code, standard output)."""
        endpoints = ",".join(f"https://{PORT.format(self.machines[m].address)}:2379" for m in masters)
        first = sorted(state.glob("nodes/*/etcd-healthcheck-client.crt"))[0].parent
        command = ["nsenter", f"--net=/run/netns/{self.name}-eye", "timeout", within + 2, self.etcd / "etcdctl", "--endpoints", endpoints,
                   "--dial-timeout", "2s", "--command-timeout", f"{within}s", "--cacert", state / "pki/etcd/ca.crt",
                   "--cert", first / "etcd-healthcheck-client.crt", "--key", first / "etcd-healthcheck-client.key", *arguments]
        done = subprocess.run([str(c) for c in command], capture_output=True, text=True, env={"ETCDCTL_API": "3", "PATH": os.environ["PATH"]})
        return done.returncode, done.stdout

    def close(self):
        for machine in self.machines.values():
            try:
                machine.halt()
            finally:
                machine.unmount()
        self.switch.unplug_all()
        for netns in [f"{self.name}-eye"] + [m.netns for m in self.machines.values()]:
            subprocess.run(["ip", "netns", "del", netns], check=False)
        shutil.rmtree(self.folder)
