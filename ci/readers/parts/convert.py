"""A cloud-init's own judgement of a seed without booting: its schema, and each of its renderers by `net-convert`."""

import shutil

from network import READERS, differences


def command(machine, name):
    """`cloud-init NAME`, or where that is younger `cloud-init devel NAME`; None where there is none."""
    for words in (["cloud-init", name], ["cloud-init", "devel", name]):
        done = machine.run(*words, "--help")
        if done.returncode == 0:
            return words, done.stdout
    return None, ""


def schema(machine, seeds):
    words, usage = command(machine, "schema")
    for seed in seeds:
        shutil.copytree(seed.files, machine.at("srv/seed"), dirs_exist_ok=True)
        done = machine.run(*words, "--config-file", "/srv/seed/user-data")
        if done.returncode or "Valid" not in done.stdout or "eprecat" in done.stdout:
            yield f"{seed.name}: {done.stdout[-500:]}"
        if "network-config" in usage:
            done = machine.run(*words, "--schema-type", "network-config", "--config-file", "/srv/seed/network-config")
            if done.returncode or "eprecat" in done.stdout:
                yield f"{seed.name}, network-config: {done.stdout[-500:]}"


def renderers(machine, seed):
    words, usage = command(machine, "net-convert")
    shutil.copytree(seed.files, machine.at("srv/seed"), dirs_exist_ok=True)
    for renderer in READERS:
        if renderer not in usage:
            continue
        distro = "rhel" if renderer in ("sysconfig", "network-manager") else "debian"
        out = f"/srv/{renderer}-{seed.name}"
        done = machine.run(
            *words, "-p", "/srv/seed/network-config", "-k", "yaml", "-d", out, "-D", distro, "-O", renderer, "-m", f"eth0,{seed.mac}",
        )
        if done.returncode:
            yield f"{renderer}: {done.stdout[-500:]}"
            continue
        # netplan's own library, which 23.4 and later use, writes into the machine whatever folder is named
        found = READERS[renderer](machine.at(out)) or READERS[renderer](machine.root)
        yield from (f"{renderer}: {each}" for each in differences(found, seed.network, renderer))
        machine.at("etc/netplan/50-cloud-init.yaml").unlink(missing_ok=True)
