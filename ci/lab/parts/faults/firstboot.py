"""Trials of whole first boots, until Kubernetes is Ready: in containers, or with a kernel of its own."""

import json
import os
import re
import subprocess
import tarfile
import time
from hashlib import sha256

from namespaces import run, unpack
from trial import Failed, Trial
from vehicles import Fleet

DAY = 86400
# a program cut off on its way, a file that a power cut emptied
HALF = r"""find /opt/firstlight /opt/cni /etc/firstlight /etc/kubernetes /etc/systemd/system /usr/local /var/lib/firstlight -xdev \
  \( -name '*.firstlight-part' -o -name '*.part' -o -name .unpack -o -type f -size 0 \
     -not -path '/var/lib/firstlight/installed/*' -not -name started -not -name images-done -not -name network-again \)"""


class Clusters:
    """Seeds and artefacts by cluster and kind, built once."""

    def __init__(self, program, work, lab, here):
        self.program, self.work, self.lab, self.here = program, work, lab, here
        self.programs = {}

    def home(self, vehicle, cluster, kind="first"):
        """A folder with cluster.yml, state/ and out-KIND/. `next`: the same cluster, changed; `other`: another one."""
        home = self.work / f"{vehicle}-{cluster}{'-other' if kind == 'other' else ''}"
        if not (home / f"out-{kind}").exists():
            if kind == "next":
                self.home(vehicle, cluster)
            home.mkdir(exist_ok=True)
            text = (self.here / "clusters" / f"{cluster}.yml").read_text() + "addons: { coredns: { enabled: false } }\n"
            if vehicle == "uml":
                text = re.sub(r"(?m)^artefacts:.*$", "artefacts: { upstream: false }", text)
            if kind == "next":
                text = text.replace('tcpCloseWaitTimeout: "0s"', 'tcpCloseWaitTimeout: "0m"')  # an object, so that its generation counts
            (home / "cluster.yml").write_text(text)
            run(self.program, "build", "-q", *self.flags(home), "-o", home / f"out-{kind}")
        return home

    def flags(self, home):
        return ["-f", home / "cluster.yml", "--overlays", self.lab / "mirror" / "catalogue"]

    def seed(self, vehicle, cluster, kind, node):
        return self.home(vehicle, cluster, kind) / f"out-{kind}" / "nodes" / node

    def overlay(self, vehicle, cluster):
        """The artefacts: a folder, or an ISO."""
        home = self.home(vehicle, cluster)
        out = home / "overlays"
        if not (out / "index").exists():
            more = [] if vehicle == "uml" else ["--folder-only"]
            run(self.program, "overlay", "build", "-q", *self.flags(home), "--from", self.lab / "mirror", "--store", home / "store", "-o", out, *more)
        return next(out.glob("*.iso")) if vehicle == "uml" else out

    def sums(self, vehicle, cluster, node):
        """What each program of a node must be, by path."""
        key = vehicle, cluster, node
        if key not in self.programs:
            tree = self.work / "trees" / "-".join(key)
            tree.mkdir(parents=True)
            unpack(self.seed(vehicle, cluster, "first", node), tree)
            self.programs[key] = {}
            for line in (tree / "etc/firstlight/artefacts").read_text().splitlines():
                kind, digest, _, *pairs = line.split()
                if kind == "deb":
                    continue
                blob = self.overlay("rack", cluster) / "blobs" / digest.replace(":", "/")
                for member, path in (pair.split("=") for pair in pairs):
                    data = blob.read_bytes() if kind == "file" else self.member(blob, member)
                    self.programs[key][path] = sha256(data).hexdigest()
        return self.programs[key]

    @staticmethod
    def member(archive, name):
        with tarfile.open(archive) as tar:
            return next(tar.extractfile(m).read() for m in tar if m.name.removeprefix("./") == name.removeprefix("./"))


class FirstBoot(Trial):
    """Steps: ci/lab/trials/firstboot.txt."""

    EACH = {"off": "off", "full": "fill", "room": "room", "readonly": "read_only", "draw": "draw", "plug": "plug", "mute": "mute", "heard": "heard"}
    limit = 420

    def __init__(self, line, number, seed, clusters):
        super().__init__(line, number, seed)
        self.clusters = clusters
        self.vehicle, self.cluster, *names = line["machines"].split()
        self.limit = 420 if self.vehicle == "rack" else 1200
        self.names = names or ["m1"]
        self.fleet = Fleet(self.vehicle, os.environ.get("RACK", "faults"), clusters.lab, clusters.here)
        self.machines = {name: self.fleet.machine(name) for name in self.names}
        self.overlay = clusters.overlay(self.vehicle, self.cluster)
        for name in self.names:
            self.do_wipe([name])
        if self.vehicle == "rack":
            self.do_mirror(["ok"])
        self.ids, self.count = set(), 0

    def machine(self, name):
        return self.machines[name]

    def do_wipe(self, words):
        for name in self.which(words):
            if self.fleet.running(name):
                self.machine(name).off()
            self.machine(name).fresh(self.clusters.seed(self.vehicle, self.cluster, "first", name), self.overlay)

    def do_on(self, words):
        for name in self.which(words):
            self.machine(name).on()
        self.since = time.monotonic()

    def do_seed(self, words):
        """seed first|next|other|none NAME [OF]: the medium of NAME, from its next power-on; OF: another node's."""
        kind, name, of = words[0], words[1], words[-1]
        self.machine(name).medium(None if kind == "none" else self.clusters.seed(self.vehicle, self.cluster, kind, of))

    def do_clone(self, words):
        self.fleet.tool("clone", *words)
        self.machines[words[1]] = self.fleet.machine(words[1])

    def do_mirror(self, words):
        self.fleet.serve("mirror.py", words[0], self.overlay, None)
        self.since = time.monotonic()

    def do_dhcp(self, words):
        self.fleet.serve("dhcp.py", words[0], None)
        self.since = time.monotonic()

    def do_clock(self, words):
        """clock NAME DAYS: how many days it is ahead of the true time."""
        self.machine(words[0]).set_clock(int(float(words[1]) * DAY))
        self.since = time.monotonic()

    def do_kill(self, words):
        """kill NAME PROGRAM: -9, as soon as there is one."""
        killed = lambda: self.machine(words[0]).inside("pkill", "-KILL", "-f", f"(^|/){words[1]}( |$)")[0] == 0  # noqa: E731
        self.wait(f"a process {words[1]} to kill", killed, 60)
        self.since = time.monotonic()

    def do_run(self, words):
        code, said = self.machine(words[0]).inside("bash", "-c", " ".join(words[1:]))
        if code:
            raise Failed(f"{words}: {code}: {said}")

    def do_restore(self, words):
        """restore NAME: the last snapshot that it took; what comes of it is another cluster to etcd, by design."""
        self.do_run([words[0], "firstlight-etcd-restore $(ls -t /var/lib/firstlight/snapshots/etcd-*.db | head -n 1)"])
        self.ids.clear()

    def do_at(self, words):
        """at NAME PATTERN: until its console shows that, since it was switched on."""
        machine, pattern = self.machine(words[0]), " ".join(words[1:])
        self.wait(f"{words[0]} shows `{pattern}`", lambda: re.search(pattern, machine.log()[machine.begin:]))

    def do_says(self, words):
        """says NAME STEP WORDS: that is the last it said of STEP, and still is three seconds later."""
        name, step, pattern = words[0], words[1], " ".join(words[1:])
        self.keeps(name, "^" + pattern, lambda: (self.machine(name).said(step + " ") or [""])[-1])

    def do_silent(self, words):
        """silent NAME PATTERN: it has not said that since it was switched on."""
        if found := [line for line in self.machine(words[0]).said() if re.search(" ".join(words[1:]), line)]:
            raise Failed(f"{words[0]} says {found}")

    def do_ready(self, words):
        names = self.which(words)
        for name in names:
            self.wait(f"{name} Ready", lambda: self.machine(name).said("node ready"))
        self.wait("every node Ready, and alive", lambda: self.alive(names), pause=1)
        self.ready_after = time.monotonic() - self.since
        for name in names:
            self.sound(name)
        if self.count and (found := self.kubectl("get", "configmap", "kept", "-o", "jsonpath={.data.word}")) != str(self.count):
            raise Failed(f"{self.count} was written, {found} is read")
        self.count += 1
        self.kubectl("create", "configmap", "kept", f"--from-literal=word={self.count}", "--dry-run=client", "-o", "yaml", into=["apply", "-f", "-"])
        self.works()

    def kubectl(self, *words, into=None):
        kubeconfig = self.clusters.home(self.vehicle, self.cluster) / "out-first" / "kubeconfig"
        code, said = self.fleet.kubectl(kubeconfig, *words)
        if code == 0 and into:
            path = self.fleet.state / "object.yaml"
            path.write_text(said)
            code, said = self.fleet.kubectl(kubeconfig, *into[:-1], path)
        if code:
            raise Failed(f"kubectl {words[:3]}: {said[-300:]}")
        return said

    def asked(self, *words):
        """What it answers, or nothing."""
        try:
            return self.kubectl(*words)
        except Failed:
            return ""

    def alive(self, names):
        """Ready, and what the API says about it is answered."""
        nodes = json.loads(self.asked("get", "nodes", "-o", "json") or '{"items": []}')["items"]
        ready = {n["metadata"]["name"] for n in nodes for c in n["status"]["conditions"] if c["type"] == "Ready" and c["status"] == "True"}
        return set(names) <= ready

    def works(self):
        """A pod gets its account's token from the controller manager, is scheduled, and runs; the kubelet renews its lease."""
        pod, images = f"trial-{self.count}", self.machine(self.names[0]).inside("cat", "/etc/firstlight/images")[1]
        wanted = lambda: "default-token" in self.asked("get", "serviceaccount", "default", "-o", "jsonpath={.secrets[*].name}")  # noqa: E731
        self.wait("the default account's token", wanted, pause=1)
        # a master that does not work otherwise takes it too
        tolerations = [{"key": f"node-role.kubernetes.io/{role}", "operator": "Exists"} for role in ("master", "control-plane")]
        self.kubectl("run", pod, f"--image={re.search('(?m)^([^ ]*/pause:[^ ]*) ', images).group(1)}", "--image-pull-policy=Never",
                     "--overrides=" + json.dumps({"apiVersion": "v1", "spec": {"tolerations": tolerations}}))
        running = lambda: self.asked("get", "pod", pod, "-o", "jsonpath={.status.phase}") == "Running"  # noqa: E731
        # a kubelet that had no room takes none for five minutes
        self.wait(f"a new pod runs: {pod}", running, pause=1)
        self.kubectl("delete", "pod", pod, "--grace-period=0", "--force", "--wait=false")
        beat = lambda: self.asked("-n", "kube-node-lease", "get", "lease", self.names[0], "-o", "jsonpath={.spec.renewTime}")  # noqa: E731
        first = beat()
        self.wait(f"the kubelet renews its lease of {first}", lambda: beat() not in ("", first), 60, pause=1)

    def sound(self, name):
        inside = self.machine(name).inside
        # the distribution's own wait for a lease, which gives up after two minutes, may have failed
        runs = lambda: inside("systemctl", "is-system-running")[1].strip() in ("running", "degraded") and not (  # noqa: E731
            inside("bash", "-c", "systemctl --failed --plain --no-legend | grep -v wait-online")[1].strip())
        self.wait(f"{name} runs, no unit failed", runs, 300, pause=1)
        half = lambda: inside("bash", "-c", HALF)[1].strip()  # noqa: E731
        try:
            # a Ready node may still fetch an image
            self.wait(f"{name} has every file whole", lambda: not half(), 120, pause=2)
        except Failed as failed:
            raise Failed(f"{failed}; {half()}") from failed
        sums = "".join(f"{digest}  {path}\n" for path, digest in self.clusters.sums(self.vehicle, self.cluster, name).items())
        code, said = inside("bash", "-c", f"sha256sum -c --quiet <<< '{sums.strip()}'")
        if code:
            raise Failed(f"{name}: programs are not what they should be: {said}")
        if self.is_master(name):
            ask = lambda: inside("firstlight-etcdctl", "127.0.0.1:2379", "endpoint", "status", "-w", "json")  # noqa: E731
            self.wait(f"etcd of {name} answers", lambda: ask()[0] == 0, 60, pause=1)
            said = ask()[1]
            self.ids.add(json.loads(said[said.index("["):])[0]["Status"]["header"]["cluster_id"])

    def is_master(self, name):
        return name.startswith("m")

    def last_said(self):
        return "; ".join(f"{name}: {' / '.join(machine.said()[-3:])}" for name, machine in self.machines.items())

    def check(self):
        if len(self.ids) > 1:
            raise Failed(f"etcd was more than one cluster: {self.ids}")
        self.no_secret()

    def consoles(self):
        return {name: machine.log() for name, machine in self.machines.items()}

    def keep(self, folder):
        super().keep(folder)
        for name in self.machines:
            try:
                (folder / f"{name}.journal").write_text(self.machine(name).inside("journalctl", "--no-pager", "-b", "-n", "4000")[1])
            except (OSError, subprocess.TimeoutExpired):
                pass

    def close(self):
        self.fleet.close()
