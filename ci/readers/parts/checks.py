"""What must hold of a machine, as functions that yield what does not. A boot's part of them runs before its power goes."""

import json
import os
import re
import stat
import hashlib

from network import READERS, differences, networkd

# what cloud-init may write on a later boot: its own notes. The rest of a disk stays as it is.
TREES = ("boot", "etc", "home", "opt", "root", "srv", "usr/local", "var/lib", "var/spool")
ITS_OWN = ("var/lib/cloud", "var/lib/dpkg", "var/lib/apt")


# what renderers write, and what is made of it
NETWORK = r"^etc/(netplan|network/interfaces\.d|systemd/network|sysconfig/network-scripts|NetworkManager/system-connections|udev/rules\.d|resolv\.conf)"
# what this machine cannot do: bring a network up, and validate by jsonschema in Python 2
CANNOT = (r"Running \['netplan', 'apply'\] resulted", "python-jsonschema is not present")


def snapshot(machine):
    """Path → kind, mode, owner, content of everything on the disk that is not cloud-init's own."""
    found = {}

    def note(path):
        status = path.lstat()
        if stat.S_ISLNK(status.st_mode):
            content = os.readlink(path)
        elif stat.S_ISREG(status.st_mode):
            # 0.7.9 adds its comment to resolv.conf each time that it renders
            data = re.sub(rb"^;.*\n", b"", path.read_bytes(), flags=re.M) if path.name == "resolv.conf" else path.read_bytes()
            content = hashlib.sha256(data).hexdigest()
        else:
            content = ""
        found[str(path.relative_to(machine.root))] = f"{status.st_mode:o} {status.st_uid}:{status.st_gid} {content}"

    for tree in TREES:
        for folder, folders, names in os.walk(machine.root / tree):
            inside = os.path.relpath(folder, machine.root)
            folders[:] = [f for f in folders if f"{inside}/{f}" not in ITS_OWN]
            for name in [*folders, *names]:
                note(machine.root / inside / name)
    return found


def marks(machine):
    """cloud-init's notes of what ran, and when: a module that runs again renews its note."""
    return {
        str(path.relative_to(machine.root)): path.stat().st_mtime_ns
        for pattern in ("instances/*/sem/*", "sem/*")
        for path in machine.at("var/lib/cloud").glob(pattern)
    }


def enabled(boot):
    if boot.enabled is False:
        yield f"the generator leaves cloud-init off: {boot.keyfiles['ds-identify.log'][-600:]}"


def found(boot, source):
    """The data source that cloud-init names in its result."""
    try:
        said = json.loads(boot.keyfiles["result.json"])["v1"]["datasource"] or ""
    except (ValueError, KeyError):
        yield f"no result.json: {boot.words()}"
        return
    if not re.search(source, said):
        yield f"datasource {said!r}, not {source!r}"


def failed(boot):
    for stage, code in boot.stages.items():
        if code:
            yield f"{stage} exits {code}: {boot.words()}"


def clean(boot, harmless):
    """No stage fails, and nothing warns."""
    yield from failed(boot)
    lines = [line for line in boot.log.splitlines() if re.search(r"\[(WARNING|ERROR|CRITICAL|DEPRECATED)\]|Traceback", line)]
    # not all of them reach the log, or have a level there
    lines += [line for line in boot.output.splitlines() if re.search(r"Traceback|DEPRECAT|(WARNING|ERROR)\]|Cloud config schema|Invalid", line)]
    for line in lines:
        if not any(re.search(each, line) for each in (*CANNOT, *harmless)):
            yield line[:400]
    try:
        errors = json.loads(boot.keyfiles["result.json"])["v1"]["errors"]
    except (ValueError, KeyError):
        errors = []
    if [e for e in errors if not any(re.search(each, str(e)) for each in harmless)]:
        yield f"result.json: {errors}"


def handed_over(boot, machine, seed, said, foothold=True):
    if boot.settled != 0 or f"firstlight: hand-over {said} ({seed.name} of " not in boot.settling:
        yield f"settle {boot.settled}: {boot.settling[-600:]}; {boot.units[-600:]}"
    if foothold and not boot.by_foothold:
        yield f"the foothold did not start it: {boot.units[-600:]} {boot.words()}"
    if machine.read("/var/lib/firstlight/settled").strip() != seed.digest:
        yield "the seed is not settled"


def files(machine, seed):
    """Every composed file with its bytes, mode and owner."""
    for path, (mode, data) in seed.composed.items():
        at = machine.at(path)
        if not at.is_file():
            yield f"{path} is missing"
            continue
        status = at.lstat()
        if at.read_bytes() != data:
            yield f"{path} has other bytes"
        if (stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid) != (mode, 0, 0):
            yield f"{path} is {stat.S_IMODE(status.st_mode):04o} {status.st_uid}:{status.st_gid}, not {mode:04o} 0:0"
    for path, target in seed.links.items():
        if not machine.at(path).is_symlink() or os.readlink(machine.at(path)) != target:
            yield f"{path} does not lead to {target}"
    for path in ("var/lib/firstlight", "var/lib/cloud/seed/nocloud"):
        if not machine.at(path).is_dir() or stat.S_IMODE(machine.at(path).stat().st_mode) & 0o077:
            yield f"{path} is open to others"


def user(machine, seed):
    """The account for people, and no other: by key, with sudo, without a password."""
    people = [line.split(":") for line in machine.read("/etc/passwd").splitlines() if 1000 <= int(line.split(":")[2]) < 60000]
    if [(p[0], p[4].split(",")[0], p[6]) for p in people] != [(seed.user, "Operator", "/bin/bash")]:
        yield f"accounts {people}"
        return
    secret = re.search(rf"^{seed.user}:([^:]*):", machine.read("/etc/shadow"), re.M)
    if not secret or not secret[1].startswith(("!", "*")):
        yield "the account is not locked for passwords"
    home = people[0][5].lstrip("/")
    keys = machine.at(f"{home}/.ssh/authorized_keys")
    if not keys.is_file() or [k for k in keys.read_text().splitlines() if k and not k.startswith("#")] != seed.keys:
        yield "other authorized_keys"
    else:
        status = keys.stat()
        if (stat.S_IMODE(status.st_mode), status.st_uid) != (0o600, int(people[0][2])):
            yield f"authorized_keys is {status.st_mode:o} of {status.st_uid}"
    done = machine.run("visudo", "-c")
    if done.returncode:
        yield f"sudoers: {done.stdout}"
    done = machine.run("sudo", "-l", "-U", seed.user)
    if "NOPASSWD: ALL" not in done.stdout:
        yield f"sudo: {done.stdout[-300:]}"
    if machine.at("root/.ssh/authorized_keys").exists() and seed.keys[0] in machine.read("/root/.ssh/authorized_keys").splitlines():
        yield "root may log in"
    config = "\n".join(machine.read(str(p.relative_to(machine.root))) for p in [machine.at("etc/ssh/sshd_config"), *sorted(machine.at("etc/ssh/sshd_config.d").glob("*"))])
    if re.findall(r"^\s*PasswordAuthentication\s+(\w+)", config, re.M)[:1] not in (["no"], []):
        yield "sshd takes passwords"


def host(boot, machine, seed, hosts_before):
    if boot.host != seed.name or machine.read("/etc/hostname") != f"{seed.name}\n":
        yield f"host name {boot.host!r}, /etc/hostname {machine.read('/etc/hostname')!r}"
    if machine.read("/etc/hosts") != hosts_before:
        yield f"/etc/hosts was changed: {machine.read('/etc/hosts')!r}"
    if re.search(r"^hostnamectl", boot.units, re.M):
        yield f"asked hostnamectl: {boot.units}"


def host_keys(machine):
    keys = sorted(machine.at("etc/ssh").glob("ssh_host_*_key"))
    if not {"ssh_host_ed25519_key", "ssh_host_ecdsa_key", "ssh_host_rsa_key"} <= {k.name for k in keys}:
        yield f"host keys {[k.name for k in keys]}"
    for key in keys:
        if stat.S_IMODE(key.stat().st_mode) & 0o037 or not key.stat().st_size:
            yield f"{key.name} is {key.stat().st_mode:o}, {key.stat().st_size} bytes"


def network(boot, machine, seed, renderer):
    """What the renderer wrote, and what netplan makes of it for networkd."""
    yield from differences(READERS[renderer](machine.root), seed.network, renderer)
    if boot.cards.get(seed.mac) != seed.network["name"]:
        yield f"the card is {boot.cards}, not {seed.network['name']}"
    others = [r for r in READERS if r != renderer and READERS[r](machine.root)]
    if others:
        yield f"{others} wrote too"
    if renderer == "netplan" and machine.at("usr/sbin/netplan").exists():
        done = machine.run("netplan", "generate")
        if done.returncode:
            yield f"netplan generate: {done.stdout}"
        yield from (f"netplan: {each}" for each in differences(networkd(machine.root, "run/systemd/network/10-netplan-*.network"), seed.network, "netplan"))


def asks_dhcp(machine, boot, seed, renderer):
    """Where network-config did not come along: whatever the card is called, DHCP is asked for the planned address."""
    found = READERS[renderer](machine.root)
    # for NetworkManager two stages each write a connection for the card, of different names
    several = renderer == "network-manager"
    dhcp = all("4" in each["dhcp"] and not each["address"] for each in found)
    if not found or (len(found) > 1 and not several) or not dhcp or seed.mac not in boot.cards:
        yield f"{found}, {boot.cards}"


def apply_eni(machine, seed):
    """ifupdown sets the address for real, in the machine's network namespace."""
    done = machine.run("ifup", "-a")
    said = machine.run("ip", "-o", "address", "show", "dev", seed.network["name"]).stdout
    routes = machine.run("ip", "route").stdout + machine.run("ip", "-6", "route").stdout
    missing = [a for a in seed.network["address"] if f" {a} " not in said]
    missing += [g for g in seed.network["gateway"] if not re.search(rf"^default via {re.escape(g)} dev {seed.network['name']}", routes, re.M)]
    if missing or done.returncode:
        yield f"ifup -a exits {done.returncode}, without {missing}: {done.stdout}{said}{routes}"


def same(before, after):
    for path in sorted(set(before) | set(after)):
        if before.get(path) != after.get(path):
            yield f"{path}: {before.get(path, 'absent')} became {after.get(path, 'absent')}"


def kept(machine, seed, before, after):
    """The instance is the one it was, and nothing of it ran again."""
    instances = sorted(p.name for p in machine.at("var/lib/cloud/instances").iterdir())
    if instances != [seed.instance]:
        yield f"instances {instances}"
    again = [path for path in after if path in before and after[path] != before[path]] + [path for path in after if path not in before]
    if again:
        yield f"ran again: {[p.rsplit('/', 1)[-1] for p in again]}"
