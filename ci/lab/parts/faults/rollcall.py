"""Trials of the roll call: masters in namespaces, with real etcd and the scripts of real seeds, without Kubernetes."""

import json
import os
import re
import shutil
import subprocess
import time

from namespaces import Rack, run, unpack
from trial import Failed, Trial


class Seeds:
    """Seed trees by kind and number of masters, built once."""

    def __init__(self, program, folder):
        self.program, self.folder = program, folder

    def cluster(self, kind, masters):
        """A cluster.yml; `ofN`: of the first N masters; `leftN`: these, and the others are to leave."""
        count = int(re.sub(r"\D", "", kind) or masters)
        hosts = "".join(f'  - {{ name: m{i}, role: master, address: 10.79.1.{10 + i}/24, mac: "52:54:00:79:01:{10 + i:02x}" }}\n' for i in range(1, count + 1))
        leaving = ", ".join(f"m{i}" for i in range(count + 1, masters + 1))
        return (f'name: {"other" if kind == "other" else "own"}\nkubernetes: {{ version: "1.20" }}\nnetwork: {{ provider: bridge }}\n'
                f'defaults: {{ network: {{ gateway: 10.79.1.254 }} }}\nhosts:\n{hosts}'
                + (f"etcd: {{ remove: [{leaving}] }}\n" if kind.startswith("left") else ""))

    def state(self, kind, masters):
        return self.folder / (f"other-{masters}" if kind == "other" else f"own-{masters}") / "state"

    def tree(self, kind, masters, node):
        """The tree of a node's seed."""
        at = self.folder / f"tree-{kind}-{masters}-{node}"
        if not at.exists():
            home = self.state(kind, masters).parent
            home.mkdir(exist_ok=True)
            file = home / "cluster.yml"
            # all identities are there before a kind that needs fewer; who is left out of `ofN` is not leaving: no memory of it
            for step in ["all", kind]:
                (home / "state" / "masters").unlink(missing_ok=True)
                file.write_text(self.cluster("other" if kind == "other" else step, masters))
                run(self.program, "build", "-q", "-f", file, "-o", home / "out", *(["--cluster-exists"] if step == "exists" else []))
            unpack(home / "out" / "nodes" / node, at)
        return at


class RollCall(Trial):
    """Steps: ci/lab/trials/rollcall.txt."""

    EACH = {verb: verb for verb in ("off", "kill", "wipe", "room", "fail")} | {"full": "fill"}

    def __init__(self, line, number, seed, seeds, work, etcd):
        super().__init__(line, number, seed)
        self.seeds, self.masters = seeds, int(line["machines"])
        self.names = [f"m{i}" for i in range(1, self.masters + 1)]
        self.kind = {name: "all" for name in self.names}
        self.rack = Rack(work / "rack", f"f{os.getpid() % 10000}", etcd, number)
        for i, name in enumerate(self.names, 1):
            self.rack.add(name, 10 + i)
        self.written, self.gone, self.kept, self.count = {}, [], None, 0
        self.clusters = set()

    def machine(self, name):
        return self.rack.machines[name]

    def do_on(self, words):
        for name in self.which(words):
            own = name.rstrip("x")
            self.machine(name).seed(self.seeds.tree(self.kind[own], self.masters, own))
            self.machine(name).on()
        self.since = time.monotonic()

    def do_forget(self, words):
        """etcd's folder is gone, and what says that it served is not: a disk of its own, replaced."""
        for name in self.which(words):
            shutil.rmtree(self.machine(name).folder / "disk" / "etcd")

    def do_seed(self, words):
        for name in self.which(words[1:]):
            self.kind[name] = words[0]

    def do_twin(self, words):
        own = self.machine(words[0])
        twin = self.rack.add(words[0] + "x", own.address)
        (twin.folder / "mac").write_text("52:54:00:79:01:ff")
        run("ip", "-n", twin.netns, "link", "set", "eth0", "address", "52:54:00:79:01:ff")

    def do_dead(self, words):
        for name in self.which(words[2:]):
            (self.machine(name).folder / "disk" / "firstlight" / "declared-dead").write_text(words[0] + "\n")
        self.since = time.monotonic()

    def do_link(self, words):
        ends, faults = words[0].split(">"), dict(word.split("=") for word in words[1:])
        everybody = self.names + ["eye"]
        for source in everybody if ends[0] == "*" else [ends[0]]:
            for target in everybody if ends[1] == "*" else [ends[1]]:
                if source != target and "eye" not in (source, target):
                    self.rack.switch.rule(source, target, **{k: float(v) for k, v in faults.items()})
        self.since = time.monotonic()

    def do_members(self, words):
        """These are the members, and no others."""
        names = self.which(words)
        listed = lambda: {line.split(", ")[2] for line in self.ctl(names, "member", "list").splitlines()}  # noqa: E731
        self.wait(f"members {names}", lambda: listed() == set(names), 60)

    def do_founding(self, words):
        self.wait(f"{words} founding", lambda: any("etcd founding" in self.machine(n).log() for n in self.which(words)))

    def do_joining(self, words):
        self.wait(f"{words} joining", lambda: any("etcd joining" in self.machine(n).log() for n in self.which(words)))

    def do_says(self, words):
        self.keeps(words[0], " ".join(words[1:]), self.machine(words[0]).said)

    def last_said(self):
        return "; ".join(f"{name}: {machine.said()}" for name, machine in self.rack.machines.items())

    def do_run(self, words):
        done = self.machine(words[0]).inside(*words[1:])
        if done.returncode:
            raise Failed(f"{words}: {done.returncode}: {done.stdout}{done.stderr}")

    def do_keep(self, words):
        shutil.copytree(self.machine(words[0]).folder / "disk/firstlight/snapshots", self.rack.folder / "snapshots")

    def do_give(self, words):
        shutil.copytree(self.rack.folder / "snapshots", self.machine(words[0]).folder / "disk/firstlight/snapshots")

    def do_anew(self, words):
        self.clusters.clear()
        self.since = time.monotonic()

    def do_refuses(self, words):
        """refuses NAME COMMAND… ~ WORDS: the command must fail with these words."""
        command, _, pattern = " ".join(words[1:]).partition(" ~ ")
        done = self.machine(words[0]).inside("sh", "-c", command)
        if done.returncode != 1 or not re.search(pattern, done.stderr):
            raise Failed(f"{command}: {done.returncode}, not `{pattern}`: {done.stdout}{done.stderr}")

    def do_snapshot(self, words):
        self.do_run([words[0], "firstlight-etcd-snapshot"])
        self.kept = len(self.written)

    def do_restore(self, words):
        """From the snapshot that was taken: what was written since is gone, and the cluster is another."""
        self.kept = len(self.written) if self.kept is None else self.kept
        self.do_run([words[0], "sh", "-c", "firstlight-etcd-restore /var/lib/firstlight/snapshots/etcd-*.db"])
        self.clusters.clear()
        self.gone = list(self.written)[self.kept:]
        self.written = dict(list(self.written.items())[:self.kept])
        self.since = time.monotonic()

    def ctl(self, names, *arguments):
        kinds = {self.kind[n.rstrip("x")] for n in names}
        state = self.seeds.state("other" if kinds == {"other"} else "all", self.masters)
        code, said = self.rack.etcdctl(state, *arguments, masters=names)
        if code:
            raise Failed(f"etcdctl {arguments} at {names}: {code}")
        return said

    def do_ready(self, words):
        names = self.which(words)
        self.wait(f"{names} ready", lambda: all(self.machine(n).born() for n in names))
        self.wait(f"{names} serve", lambda: self.serves(names), 60)
        self.ready_after = time.monotonic() - self.since
        ids = {json.loads(self.ctl([n], "endpoint", "status", "-w", "json"))[0]["Status"]["header"]["cluster_id"] for n in names}
        self.clusters |= {(self.kind[names[0].rstrip("x")] == "other", i) for i in ids}
        members = [line.split(", ") for line in self.ctl(names, "member", "list").splitlines()]
        if any(m[1] != "started" or m[5] != "false" for m in members) or not {n.rstrip('x') for n in names} <= {m[2] for m in members}:
            raise Failed(f"members: {members}")
        for key, value in self.written.items():
            for name in names:
                if (found := self.ctl([name], "get", key, "--print-value-only").strip()) != value:
                    raise Failed(f"{name} reads {found!r} at {key}, {value!r} was written")
        for key in self.gone:
            if found := self.ctl(names, "get", key, "--print-value-only").strip():
                raise Failed(f"{key} is there, with {found}, which was written after the snapshot")
        self.count += 1
        self.written[f"trial/{self.count}"] = f"{self.number}-{self.count}"
        self.ctl(names, "put", f"trial/{self.count}", f"{self.number}-{self.count}")

    def serves(self, names):
        try:
            for name in names:
                self.ctl([name], "endpoint", "health")
        except Failed:
            return False
        return True

    def check(self):
        if len(self.clusters) > len({other for other, _ in self.clusters}):
            raise Failed(f"more than one cluster was ready: {self.clusters}")
        self.no_secret()

    def consoles(self):
        return {name: machine.log() for name, machine in self.rack.machines.items()}

    def keep(self, folder):
        super().keep(folder)
        for name, machine in self.rack.machines.items():
            subprocess.run(["cp", "-r", machine.folder / "disk" / "firstlight", folder / name], check=False)

    def close(self):
        self.rack.close()
