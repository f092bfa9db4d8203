#!/usr/bin/env python3
"""catalogue.py OVERLAYS MIRROR OUT TRAIN ARCH - derive the lab's catalogue from the product's

The TRAIN of OVERLAYS, its components and the package lists of the lab's systems, with versions and digests replaced by
those of the files in MIRROR (upstream/, images/), which are for ARCH, written to OUT in the same layout. Everything else (files, settings,
ports, licences) stays as the product has it. A component whose files or images the mirror lacks is left out of the
train, and named on stderr; a file that the lab's archive of a release lacks is left out of the component's `files`.
"""

import hashlib
import json
import os
import sys
import tarfile

import yaml

ARCHITECTURES = ("amd64", "arm64")


class Loader(yaml.SafeLoader):
    """YAML 1.2's booleans: for PyYAML, which reads 1.1, the key `on` would be `true`."""


Loader.yaml_implicit_resolvers = {
    letter: [r for r in resolvers if r[0] != "tag:yaml.org,2002:bool" or letter in "tTfF"]
    for letter, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()}


def read(*path):
    with open(os.path.join(*path), encoding="utf-8") as text:
        return yaml.load(text, Loader)  # a SafeLoader


def write(value, *path):
    os.makedirs(os.path.dirname(os.path.join(*path)), exist_ok=True)
    with open(os.path.join(*path), "w", encoding="utf-8") as text:
        text.write("# Made by ci/lab/parts/catalogue.py for the boot lab: not upstream's artefacts.\n")
        yaml.safe_dump(value, text, sort_keys=False)


def digest(path):
    with open(path, "rb") as data:
        return "sha256:" + hashlib.sha256(data.read()).hexdigest()


def versions(mirror):
    """Component to the version that the lab has of it."""
    found = {}
    for name in ("upstream", "images"):
        with open(os.path.join(mirror, name, "versions.txt"), encoding="utf-8") as lines:
            found.update(line.split() for line in lines)
    kubernetes = found.pop("kubernetes")
    kinds = ("kubernetes-node", "kubelet", "kubectl", "kubeadm", "control-plane", "kube-proxy")
    return kubernetes, {**found, **dict.fromkeys(kinds, kubernetes)}


def fill(text, version, arch):
    return text.replace("{version}", version).replace("{arch}", arch)


def release(spec, version, mirror, arch):
    """The component's release with the lab's file; False when the mirror has none."""
    path = os.path.join(mirror, "upstream", os.path.basename(fill(spec["url"], version, arch)))
    if not os.path.exists(path):
        return False
    if spec["unpack"] == "tar-gz":
        with tarfile.open(path) as tar:
            held = {os.path.normpath(name) for name in tar.getnames()}
        spec["files"] = {k: v for k, v in spec["files"].items() if os.path.normpath(fill(k, version, arch)) in held}
    spec["digests"] = {version: {**dict.fromkeys(ARCHITECTURES), arch: digest(path)}}
    return True


def images(specs, version, held, arch):
    """The component's images with the lab's digests; False when the mirror lacks one."""
    for spec in specs.values():
        name = spec["repository"] + ":" + fill(spec["tag"], version, arch)
        if name not in held:
            return False
        spec["digests"] = {version: held[name]}
    return True


def packages(overlays, mirror, out, arch):
    with open(os.path.join(mirror, "upstream", "packages.txt"), encoding="utf-8") as lines:
        held = {(system, name): rest for system, name, *rest in map(str.split, lines)}
    for system in sorted({system for system, _ in held}):
        spec = read(overlays, "packages", system + ".yml")
        for name, package in spec["packages"].items():
            if (system, name) not in held:
                sys.exit(f"catalogue.py: the mirror lacks the package {name} of {system}: run ci/lab/parts/packages")
            version, file, pool = held[system, name]
            package["version"] = version
            package["files"][arch] = {"path": pool, "digest": digest(os.path.join(mirror, "upstream", file))}
        write(spec, out, "packages", system + ".yml")


def main(overlays, mirror, out, name_of_train, arch):
    kubernetes, known = versions(mirror)
    with open(os.path.join(mirror, "images", "images.json"), encoding="utf-8") as lines:
        held = {f"{i['repository']}:{i['tag']}": i["digest"] for i in map(json.loads, lines)}
    train = read(overlays, "trains", name_of_train + ".yml")
    train["kubernetes"] = kubernetes
    chosen, left_out = {}, []
    for name, upstream in train["components"].items():
        version = known.get(name, upstream)
        component = read(overlays, name, "component.yml")
        if release(component["release"], version, mirror, arch) if component.get("release") else True:
            if images(component.get("images", {}), version, held, arch):
                chosen[name] = version
                write(component, out, name, "component.yml")
                continue
        left_out.append(name)
    train["components"] = chosen
    write(train, out, "trains", name_of_train + ".yml")
    packages(overlays, mirror, out, arch)
    if left_out:
        print(f"lab: not in any registry, left out of the lab's train: {', '.join(left_out)}", file=sys.stderr)


if __name__ == "__main__":
    if len(sys.argv) != 6 or sys.argv[5] not in ARCHITECTURES:
        sys.exit(__doc__)
    main(*sys.argv[1:])
