#!/usr/bin/python3
"""Judges one reader of seeds: a system with its cloud-init, on machines made up of the layers LAYER…

usage: unshare -mnpuf --propagation private parts/system.py SYSTEM.json

SYSTEM.json: {"title", "layers": [top…], "renderer", "seeds": {"static": FOLDER, "dual": …, "dhcp": …},
"without": [assertions and sources that this reader does not have], "harmless": [regular expressions of what it is known to
say], "trials": [names] or absent for all}. Machines live in a tmpfs beside it. Prints `TITLE<TAB>ASSERTION<TAB>ok`, or
`…<TAB>FAIL<TAB>what differs`, for each.
"""

import json
import os
import re
import shutil
import sys
import time
from pathlib import Path

import checks
import convert
import damage
import served
from machine import Machine, mount
from seed import Seed

SOURCES = (
    ("static", "iso"), ("static", "folder"), ("dual", "iso"), ("dhcp", "folder"),
    ("dhcp", "http-net"), ("dhcp", "http"), ("static", "http-static"),
)
SEED_FOLDER = "var/lib/cloud/seed/nocloud"


class System:
    def __init__(self, said, here):
        self.title, self.layers, self.renderer = said["title"], said["layers"], said["renderer"]
        self.seeds = {shape: Seed(folder) for shape, folder in said["seeds"].items()}
        self.only, self.without = said.get("trials"), said.get("without", [])
        # regular expressions of problems that this reader is known to have
        self.harmless = said.get("harmless", [])
        self.here = here
        self.here.mkdir()
        mount("-t", "tmpfs", "-o", "mode=0700", "tmpfs", self.here)
        self.number = 0

    def say(self, assertion, problems):
        problems = [p for p in dict.fromkeys(problems) if not any(re.search(each, p) for each in self.harmless)]
        if assertion in self.without:
            return
        if not problems:
            print(self.title, assertion, "ok", sep="\t", flush=True)
        for problem in problems[:8]:
            print(self.title, assertion, "FAIL", re.sub(r"[\n\t]+", " | ", problem), sep="\t", flush=True)

    def machine(self, layers=None):
        self.number += 1
        return Machine(layers or self.layers, self.here / str(self.number), self)

    # trials

    def first_boot(self, shape, source):
        """A first boot from `source`; gives the machine and what its disk holds afterwards."""
        seed, machine = self.seeds[shape], self.machine()
        how, problems = {}, {}
        hosts = machine.read("/etc/hosts")
        where = f"{shape} {source}"
        without_network = source in ("http-net", "http")
        with served.maybe(source, seed.files) as cmdline:
            if source == "folder":
                shutil.copytree(seed.files, machine.at(SEED_FOLDER))
                machine.at(SEED_FOLDER).chmod(0o700)
            if source == "iso":
                how["iso"] = seed.iso

            def inspect(machine, boot):
                judge = checks.asks_dhcp(machine, boot, seed, self.renderer) if without_network else checks.network(boot, machine, seed, self.renderer)
                problems["network"] = list(judge)
                problems["user"] = list(checks.user(machine, seed))
                if self.renderer == "eni" and shape != "dhcp" and machine.at("usr/sbin/ifup").exists() and machine.at("usr/lib/ifupdown").exists():
                    problems["network"] += checks.apply_eni(machine, seed)

            boot = machine.boot(seed.mac, cmdline=cmdline, early=source == "folder", inspect=inspect, **how)
        expected = {"folder": r"NoCloud.*seed=.*/seed/nocloud", "iso": r"NoCloud.*seed=.*/dev/loop"}.get(source, r"NoCloudNet.*seed=.*http:")
        problems["found"] = [*checks.enabled(boot), *checks.found(boot, expected)]
        problems["clean"] = checks.clean(boot, self.harmless)
        problems["settled"] = checks.handed_over(boot, machine, seed, "settled")
        problems["files"] = checks.files(machine, seed)
        problems["name"] = checks.host(boot, machine, seed, hosts)
        problems["keys"] = checks.host_keys(machine)
        for assertion, what in problems.items():
            if assertion not in self.without:  # of one by HTTP too
                self.say(source if source.startswith("http") else assertion, [f"{where}: {assertion}: {each}" for each in what])
        return machine, seed

    def later_boot(self, assertion, where, machine, seed, before, marks, stages=4, network=True, whole=True, instance=True, **how):
        """A boot that must change nothing. Without `marks` every module may run again, and must end where it was; without
        `network` that may become what the seed folder says, if it asks DHCP still. Of a cache that is not `whole` cloud-init
        may complain or stop, but only once. Without `instance` it may find no seed at all."""
        problems = []

        def inspect(machine, boot):
            problems.extend(checks.user(machine, seed))
            if not network:
                problems.extend(checks.asks_dhcp(machine, boot, seed, self.renderer))

        boot = machine.boot(seed.mac, stages=stages, inspect=inspect, **how)
        problems += [*checks.enabled(boot), *checks.handed_over(boot, machine, seed, "checked", foothold=instance)]
        if whole:
            problems += checks.clean(boot, self.harmless)
        if network and boot.cards.get(seed.mac) != seed.network["name"]:
            problems.append(f"the card is {boot.cards}")
        after = checks.snapshot(machine)
        if not network:
            before, after = ({k: v for k, v in each.items() if not re.search(checks.NETWORK, k)} for each in (before, after))
        if marks is None:
            # the same rule a second time, below a comment with the time
            rules = "etc/sudoers.d/90-cloud-init-users"
            before = {**before, rules: after.get(rules)}
        else:
            problems += checks.kept(machine, seed, marks, checks.marks(machine))
        problems += checks.same(before, after)
        if not whole and any(boot.stages.values()):
            boot = machine.boot(seed.mac, stages=stages, **how)
            problems += [f"the boot after it: {each}" for each in checks.failed(boot)]
        self.say(assertion, [f"{where}: {each}" for each in problems])

    def cuts(self, machine, seed, before):
        """Each file of cloud-init's cache in turn is empty, or its link is gone, and the seed is detached."""
        ways = damage.ways(machine.at("var/lib/cloud"))
        layers = machine.freeze()
        for name, way in ways.items():
            copy = self.machine(layers)
            way(copy.at("var/lib/cloud"))
            marks = None if name == "nothing" else checks.marks(copy)
            self.later_boot("cuts", name, copy, seed, before, marks, stages=2 if marks else 4, whole=False)
            copy.remove()

    def judge(self):
        begin = time.monotonic()
        wanted = lambda trial: not self.only or trial in self.only
        seed = self.seeds["static"]
        if wanted("schema"):
            machine = self.machine()
            if convert.command(machine, "schema")[0]:
                self.say("schema", convert.schema(machine, self.seeds.values()))
            if convert.command(machine, "net-convert")[0]:
                for shape, each in self.seeds.items():
                    self.say("convert", [f"{shape}: {p}" for p in convert.renderers(machine, each)])
            machine.remove()
        for shape, source in SOURCES:
            if source in self.without or not wanted(f"{shape} {source}"):
                continue
            machine, seed = self.first_boot(shape, source)
            before, marks = checks.snapshot(machine), checks.marks(machine)
            if source.startswith("http"):
                how = {"cmdline": served.CMDLINE[source], "network": source == "http-static"}
                self.later_boot(source, f"{source}, gone", machine, seed, before, marks, **how)
                # a static address goes then: cloud-init falls back to DHCP, and the node waits for its address and says so
                if source != "http-static" and "http-cut" not in self.without:
                    for pickle in machine.at("var/lib/cloud/instances").glob("*/obj.pkl"):
                        os.truncate(pickle, 0)
                    self.later_boot("http-cut", source, machine, seed, before, None, whole=False, instance=False, **how)
            elif source == "iso":
                self.later_boot("again", f"{shape} {source}, still there", machine, seed, before, marks, iso=seed.iso)
                self.later_boot("again", f"{shape} {source}, gone", machine, seed, before, marks)
            if (shape, source) == ("static", "iso") and wanted("cuts"):
                self.cuts(machine, seed, before)
                shutil.rmtree(machine.folder)
            else:
                machine.remove()
        print(self.title, "seconds", f"{time.monotonic() - begin:.0f} ({sum(os.times()[:4]):.0f})", sep="\t", flush=True)


if __name__ == "__main__":
    if os.getpid() != 1:
        sys.exit("system.py: run it by `unshare --mount --net --pid --uts --fork`")
    mount("-t", "proc", "proc", "/proc")
    System(json.loads(Path(sys.argv[1]).read_text()), Path(sys.argv[1]).with_suffix("")).judge()
