#!/usr/bin/python3
"""Has several generations of nft, iptables and firewalld read the firewall files of nodes, and prints a table.

usage: FIRSTLIGHT=PROGRAM parts/filters.py WORK ROW…    ROW is TITLE|LAYER:LAYER…|KINDS

WORK/files/CASE/ is what a node has, each content once, WORK/damaged/ what must be refused. A reader runs in namespaces of its
own, as root of its layers with a case's files in their place. Of firewalld what is judged is what it lists: it leaves out
what it does not understand. A cell says how many files were accepted, each with a damaged one refused.
"""

import concurrent.futures
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

from seed import unpacked

RULES = "etc/firstlight/firewall"
OWN = "etc/firewalld"
KINDS = ("nft", "legacy", "nf_tables", "firewalld")
MANY = ", ".join(f"{{ port: {port} }}" for port in range(20000, 20040, 2))
SETTINGS = {  # of the network; addresses of both families or IPv4's
    "bridge": (True, f"provider: bridge, firewall: {{ enabled: true, trusted_subnets: [10.0.0.0/28, 'fd00::/124'], open_ports: [{{ port: 30000-32767, protocol: udp }}, {MANY}] }}"),
    "plain": (False, "provider: bridge, firewall: { enabled: true, ssh: false }"),
    "weave": (False, "provider: weave, weave: { trusted_subnets: [10.0.0.0/24] }, firewall: { enabled: true }"),
    "calico": (False, "provider: calico, firewall: { enabled: true }"),
}


def profiles():
    """NAME → trains."""
    out = subprocess.run([os.environ["FIRSTLIGHT"], "profiles"], check=True, capture_output=True, text=True).stdout
    lines = [re.split(r"  +", line) for line in out.splitlines()[1:]]
    return {line[0]: line[3].split(", ") for line in lines}


def composed(work, profile, train, name):
    """The firewall's files of a master and a worker; none where the provider does not run there."""
    both, network = SETTINGS[name]
    address = lambda last: f"[10.0.0.{last}/24" + (f", 'fd00::{last}/64']" if both else "]")
    host = lambda name, role, last: f"  - {{ name: {name}, role: {role}, address: {address(last)}, mac: '52:54:00:00:00:{last}' }}\n"
    folder = work / "built" / f"{profile}-{name}"
    folder.mkdir(parents=True)
    (folder / "cluster.yml").write_text(
        f"name: demo\nkubernetes: {{ version: '{train}' }}\nartefacts: {{ mirror: 'http://10.0.0.5' }}\n"
        f"defaults: {{ os: {profile}, network: {{ gateway: 10.0.0.1, nameservers: [10.0.0.1] }} }}\n"
        f"hosts:\n{host('m1', 'master', 11)}{host('w1', 'worker', 21)}network: {{ {network} }}\n"
        "addons: { ingress-nginx: { enabled: true }, metrics-server: { enabled: true } }\n")
    program = [os.environ["FIRSTLIGHT"], "-q"]
    done = subprocess.run([*program, "build"], cwd=folder, capture_output=True, text=True)
    if done.returncode:
        if "network.provider" not in done.stderr and "provider:" not in done.stderr:
            sys.exit(f"{profile} {name}: {done.stderr}")
        return
    for node in ("m1", "w1"):
        tree = unpacked(folder / f"out/nodes/{node}/cloud-init/user-data")[1]
        yield {path[1:]: data for path, (_, data) in tree.items() if path.startswith((f"/{RULES}", f"/{OWN}"))}
    # what `ports` prints does not depend on the system
    if (profile, name) == ("debian-12", "bridge"):
        for form, path in (("firewalld", "commands"), ("nft", f"{RULES}/rules.nft")):
            said = subprocess.run([*program, "ports", "--format", form, "--node", "m1"], cwd=folder, check=True, capture_output=True)
            yield {path: said.stdout}


def write(folder, files):
    for path, data in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)


def files(work):
    """Every distinct set of files, of each kind of file apart."""
    found = {}
    for profile, trains in profiles().items():
        for name in SETTINGS:
            for tree in composed(work, profile, trains[-1], name):
                filters = [{p: d} for p, d in tree.items() if not p.startswith(OWN) and not p.endswith("/firewalld")]
                zone = {p: d for p, d in tree.items() if p.startswith(OWN) or p.endswith("/firewalld")}
                for part in [*filters, *([zone] if zone else [])]:
                    found.setdefault(json.dumps({p: d.decode() for p, d in sorted(part.items())}), (f"{profile}-{name}", part))
    for number, (case, part) in enumerate(found.values()):
        write(work / "files" / f"{number:03}-{case}", part)
    write(work / "damaged/nft", {f"{RULES}/rules.nft": b"table inet firstlight { chain gate { tcp dport 99999 accept } }\n"})
    for version in ("v4", "v6"):
        bad = b"*mangle\n:FIRSTLIGHT - [0:0]\n-A FIRSTLIGHT -p tcp -m multiport --dports 99999 -j RETURN\nCOMMIT\n"
        write(work / "damaged" / version, {f"{RULES}/rules.{version}": bad})
    bad = b'<?xml version="1.0" encoding="utf-8"?>\n<zone><short>firstlight</short><port protocol="tcp" port="99999"/></zone>\n'
    write(work / "damaged/firewalld", {f"{OWN}/zones/firstlight.xml": bad, f"{RULES}/firewalld": b"port 99999/tcp\n"})


class Reader:
    """Programs of one root, in whose place this process's mounts are already."""

    def __init__(self, root, kinds):
        self.root, self.kinds, self.sets = root, kinds, set()
        self.versions = {kind: self.version(kind) for kind in kinds}

    def run(self, *command, text=b""):
        env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(["chroot", self.root, *command], input=text, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=env)
        return done.returncode, done.stdout.decode()

    def offline(self, *options):
        code, said = self.run("firewall-offline-cmd", *options)
        assert code == 0, said.strip()[-600:]
        return said

    def version(self, kind):
        program = {"nft": ["nft"], "firewalld": ["firewall-offline-cmd"]}.get(kind) or self.tables(kind, "iptables")
        return re.search(r"[0-9][0-9.]+[0-9]", self.run(*program, "--version")[1])[0]

    def tables(self, kind, program):
        """As Debian calls it, or upstream before 1.8."""
        if (Path(self.root) / "usr/sbin/xtables-multi").exists():
            return ["xtables-multi", program]
        return [program.replace("tables", "tables-nft" if kind == "nf_tables" else "tables-legacy")]

    def judge(self, kind, case):
        """Raises where a file is not read as it is meant; None where it is not this reader's."""
        rules = case / RULES
        if kind == "nft" and (rules / "rules.nft").exists():
            text = (rules / "rules.nft").read_bytes()
            for ssh in (b"# ssh", b"tcp dport { 22,2222 } accept"):
                self.accepted("nft", "-c", "-f", "-", text=text.replace(b"# ssh", ssh))
        elif kind in ("legacy", "nf_tables") and list(rules.glob("rules.v*")):
            for version, program in (("v4", "iptables"), ("v6", "ip6tables")):
                if (rules / f"rules.{version}").exists():
                    restore = self.tables(kind, f"{program}-restore")
                    text = (rules / f"rules.{version}").read_bytes()
                    for ssh in (b"# ssh", b"-A FIRSTLIGHT -p tcp -m multiport --dports 22,2222 -j RETURN"):
                        self.accepted(*restore, "--test", "--noflush", text=text.replace(b"# ssh", ssh))
        elif kind == "firewalld" and ((case / OWN).exists() or (case / "commands").exists()):
            policies = (case / OWN / "policies").exists()
            if policies and self.release("firewalld") < (0, 9):
                return None
            self.fresh()
            (self.zone if (case / OWN).exists() else self.commands)(case)
        else:
            return None
        return True

    def accepted(self, *command, text):
        code, said = self.run(*command, text=text)
        assert code == 0, f"{' '.join(command)}: {said.strip()[-600:]}"

    def release(self, kind):
        return tuple(int(part) for part in self.versions[kind].split("."))

    def fresh(self):
        """firewalld as it is installed."""
        subprocess.run(["sh", "-ec", f"cd {self.root}; [ -e own ] || cp -a {OWN} own; rm -rf {OWN}; cp -a own {OWN}"], check=True)

    def listed(self):
        text = self.offline("--zone=firstlight", "--list-all")
        listing = lambda what: re.search(rf"^  {what}: ?(.*)$", text, re.M)[1].split()
        found = {f"port {port}" for port in listing("ports")} | {f"protocol {name}" for name in listing("protocols")}
        return found | {f"rich {rule}" for rule in re.findall(r"^\s+(rule .*)$", text, re.M)}

    def zone(self, case):
        subprocess.run(["cp", "-r", f"{case / OWN}/.", f"{self.root}/{OWN}"], check=True)
        if self.release("firewalld") >= (0, 9):
            self.offline("--check-config")
        words = set((case / RULES / "firewalld").read_text().splitlines())
        assert self.listed() == words, f"of {len(words)} words it lists otherwise: {sorted(self.listed() ^ words)[:4]}"
        for ipset in sorted((case / OWN / "ipsets").glob("*.xml")):
            entries = re.findall("<entry>(.*)</entry>", ipset.read_text())
            if (ipset.stem, *entries) not in self.sets: # a reader starts slowly
                assert self.offline(f"--ipset={ipset.stem}", "--get-entries").split() == entries, ipset.stem
                self.sets.add((ipset.stem, *entries))
        direct = case / OWN / "direct.xml"
        if direct.exists():
            rule = re.compile(r'priority="(\d+)" table="(\w+)" ipv="(\w+)" chain="(\w+)">([^<]*)<')
            asked = {f"{ipv} {table} {chain} {priority} {text}" for priority, table, ipv, chain, text in rule.findall(direct.read_text())}
            assert set(self.offline("--direct", "--get-all-rules").splitlines()) == asked
        if (case / OWN / "policies").exists():
            asked = (case / OWN / "policies/firstlight-pods.xml").read_text()
            assert self.offline("--info-policy=firstlight-pods").count("rule family=") == asked.count("<rule ")

    def commands(self, case):
        """Those of `ports`, without a daemon; of one kind at once."""
        zone = []
        for line in (case / "commands").read_text().splitlines():
            if line.startswith("firewall-cmd --permanent "):
                words = shlex.split(line)[2:]
                if words[0] == "--zone=firstlight":
                    zone += words[1:]
                else:
                    self.offline(*words)
        for option in sorted({word.split("=", 1)[0] for word in zone}):
            self.offline("--zone=firstlight", *(word for word in zone if word.startswith(option + "=")))
        said = {word.split("=", 1)[0][6:].removesuffix("-rule") + " " + word.split("=", 1)[1] for word in zone}
        assert self.listed() == said, sorted(self.listed() ^ said)[:4]


def read(work, row):
    """In the namespaces: one line of JSON for each verdict."""
    title, layers, kinds = row.split("|")
    place = work / "mounts"
    subprocess.run(f"mount -t tmpfs tmpfs {place} && mkdir {place}/up {place}/work {place}/root && "
                   f"mount -t overlay overlay -o lowerdir={layers},upperdir={place}/up,workdir={place}/work {place}/root && "
                   f"mkdir -p {place}/root/proc {place}/root/dev {place}/root/run && mount -t proc proc {place}/root/proc && mount --bind /dev {place}/root/dev", shell=True, check=True)
    reader = Reader(f"{place}/root", kinds.split())
    for kind in reader.kinds:
        say = lambda verdict, what: print(json.dumps([title, kind, verdict, what]), flush=True)
        say("version", reader.versions[kind])
        for case in sorted((work / "files").iterdir()):
            try:
                if reader.judge(kind, case):
                    say("ok", case.name)
            except AssertionError as error:
                say("FAIL", f"{case.name}: {error}")
        for case in sorted((work / "damaged").iterdir()):
            try:
                if reader.judge(kind, case):
                    say("FAIL", f"what is damaged is accepted: {case.name}")
            except AssertionError:
                say("refused", case.name)


def main(work, rows):
    (work / "mounts").mkdir()
    files(work)
    own = ["unshare", "--net", "--mount", "--propagation", "private", sys.executable, __file__, "--inside", work]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        done = list(pool.map(lambda row: subprocess.run([*own, row], capture_output=True, text=True), rows))
    print(f"{'':18}" + "".join(f"{kind:>18}" for kind in KINDS))
    bad = []
    for row, one in zip(rows, done):
        title, _, kinds = row.split("|")
        lines = [json.loads(line) for line in one.stdout.splitlines()]
        bad += [f"{title}: {kind}: {what}" for _, kind, verdict, what in lines if verdict == "FAIL"]
        if one.returncode:
            bad.append(f"{title}: {one.stderr[-1500:]}")
        cells = []
        for kind in KINDS:
            of = lambda word: [what for _, k, verdict, what in lines if (k, verdict) == (kind, word)]
            if kind in kinds.split() and not (of("ok") and of("refused")):
                bad.append(f"{title}: {kind} has read nothing, or refused nothing that is damaged")
            cells.append(f"{len(of('ok'))} by {of('version')[0]}" if of("version") else "-")
        print(f"{title:18}" + "".join(f"{cell:>18}" for cell in cells))
    print("\n".join(bad), end="\n" if bad else "")
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--inside"]:
        read(Path(sys.argv[2]), sys.argv[3])
    elif len(sys.argv) < 3:
        sys.exit(__doc__)
    else:
        main(Path(sys.argv[1]).resolve(), sys.argv[2:])
