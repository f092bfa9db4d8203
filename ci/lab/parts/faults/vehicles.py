"""Machines for whole first boots: containers (ci/lab/rack), or one with a kernel of its own (ci/lab/uml). Both have the same steps."""

import os
import re
import shutil
import subprocess
import time

# a disk of a rack: in memory where there is much of it, because a disk in a file makes each sync two
SIZE, ROOMY = "4G", 12 << 20


class Machine:
    """One machine of a rack. `tool` is ci/lab/rack or ci/lab/uml."""

    def __init__(self, fleet, name):
        self.fleet, self.name = fleet, name
        self.begin = 0  # of the console, since it was last switched on
        self.clock = 0
        self.folder = fleet.folder / name

    def tool(self, *words, **more):
        return self.fleet.tool(*words, env=more)

    def on(self):
        self.begin = len(self.log())
        self.tool("boot", self.name)

    def off(self):
        self.tool("down", self.name)

    def inside(self, *command, within=100):
        done = subprocess.run([str(self.fleet.here / self.fleet.kind), "exec", self.name, *command], capture_output=True, text=True,
                              timeout=within, env=self.fleet.environment)
        return done.returncode, done.stdout + done.stderr

    def log(self):
        try:
            text = (self.folder / "console.log").read_text(errors="replace")
        except FileNotFoundError:
            text = ""
        return text.replace("\r", "")

    def said(self, step=""):
        """What it said since it was switched on, of a step or of all; progress alone."""
        return [line for line in re.findall(r"(?m)^(?:\S+ login: )?firstlight: (.*)", self.log()[self.begin:]) if line.startswith(step)]


class Container(Machine):
    """Of a rack: its disk is an image, and its cable hangs on a bridge."""

    def fresh(self, seed, _overlay):
        self.begin = 0
        self.tool("disk", self.name, seed / "cloud-init", SIZE=SIZE, **self.fleet.disks)

    def medium(self, seed):
        self.tool("medium", self.name, seed / "cloud-init")

    def disk(self):
        return self.folder / "disk"

    def fill(self):
        with open(self.disk() / "filler", "wb") as filler:
            try:
                while True:
                    filler.write(bytes(1 << 22))
                    filler.flush()
            except OSError:
                pass

    def room(self):
        (self.disk() / "filler").unlink(missing_ok=True)

    def read_only(self):
        """The file system stops writing, as it does when its disk made an error."""
        device = os.path.basename(subprocess.run(["findmnt", "-no", "SOURCE", self.disk()], capture_output=True, text=True, check=True).stdout.strip())
        with open(f"/sys/fs/ext4/{device}/trigger_fs_error", "w") as trigger:
            trigger.write("the lab's")

    def cable(self, state):
        self.fleet.ip("link", "set", f"v-{self.name}", state)

    def draw(self):
        self.cable("down")

    def plug(self):
        self.cable("up")

    def mute(self):
        self.cable("nomaster")

    def heard(self):
        self.fleet.ip("link", "set", f"v-{self.name}", "master", "br0")


class Uml(Machine):
    """Its seed is an ISO, and so are its artefacts; its clock is its own."""

    def fresh(self, seed, overlay):
        self.begin = 0
        self.tool("new", self.name, seed / "seed.iso", overlay)

    def medium(self, seed):
        self.tool("medium", self.name, "none" if seed is None else seed / "seed.iso")

    def on(self):
        self.begin = len(self.log())
        self.tool("boot", self.name, 2400, **({"CLOCK": str(self.clock)} if self.clock else {}))

    def off(self):
        self.tool("cut", self.name)

    def set_clock(self, ahead):
        """Ahead of this host's, in seconds, from now on; and after the next power-on again."""
        self.clock = ahead
        if self.fleet.running(self.name):
            code, said = self.inside("date", "-s", f"@{int(time.time()) + ahead}")
            if code:
                raise RuntimeError(f"{self.name}: the clock cannot be set: {said}")


class Fleet:
    """The machines of a trial, and what is on their network."""

    def __init__(self, kind, name, lab, here):
        self.kind, self.name, self.lab, self.here = kind, name, lab, here
        self.folder = lab / ("racks" if kind == "rack" else "uml") / name
        self.environment = dict(os.environ, RACK=name)
        self.services = {}
        free = int(re.search(r"MemAvailable: *(\d+)", open("/proc/meminfo").read()).group(1))
        self.disks = {"DISKS": "/dev/shm"} if free > ROOMY else {}
        self.close()
        self.run("rack", "up")
        self.state = lab / "runs" / f"faults-net-{os.getpid()}"
        shutil.rmtree(self.state, ignore_errors=True)
        self.state.mkdir(parents=True)

    def run(self, *command, env=None, within=120):
        # what is started in the background keeps the standard output of who started it
        with open(self.lab / "runs" / f"{self.name}.said", "w+") as said:
            done = subprocess.run([str(self.here / command[0]), *map(str, command[1:])], stdin=subprocess.DEVNULL, stdout=said, stderr=said,
                                  env={**self.environment, **(env or {})}, timeout=within)
            said.seek(0)
            if done.returncode:
                raise RuntimeError(f"{command}: {done.returncode}: {said.read()[-400:]}")

    def tool(self, *words, env=None):
        self.run(self.kind, *words, env=env)

    def running(self, name):
        listed = subprocess.run([self.here / self.kind, "list"], capture_output=True, text=True, env=self.environment, check=True).stdout
        return bool(re.search(rf"^{name} .*running$", listed, re.M))

    def machine(self, name):
        return (Container if self.kind == "rack" else Uml)(self, name)

    def space(self):
        return ["nsenter", f"--net=/run/netns/lab-{self.name}"]

    def ip(self, *words):
        subprocess.run(["ip", "-n", f"lab-{self.name}", *words], check=True)

    def serve(self, program, mode, *arguments):
        """A service of the network (mirror.py, dhcp.py), in a mode; `gone`: nobody listens there."""
        (self.state / program).write_text(mode + "\n")
        process = self.services.get(program)
        if mode == "gone" and process:
            process.kill()
            process.wait()
            del self.services[program]
        elif mode != "gone" and not process:
            self.services[program] = subprocess.Popen([*self.space(), "python3", self.here / "parts/faults" / program,
                                                       *(a or self.state / program for a in arguments)])

    def kubectl(self, kubeconfig, *words, within=30):
        done = subprocess.run([*self.space(), self.lab / "bin/kubectl", f"--kubeconfig={kubeconfig}", "--request-timeout=10s", *words],
                              capture_output=True, text=True, timeout=within)
        return done.returncode, done.stdout if done.returncode == 0 else done.stdout + done.stderr

    def close(self):
        for process in self.services.values():
            process.kill()
            process.wait()
        self.services = {}
        if self.kind == "uml":
            self.run("uml", "clean")
        self.run("rack", "clean")
        if hasattr(self, "state"):
            shutil.rmtree(self.state, ignore_errors=True)
