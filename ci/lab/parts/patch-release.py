#!/usr/bin/env python3
"""patch-release.py MIRROR OUT VERSION ARCH - a copy of the lab's mirror whose Kubernetes calls itself VERSION

Stands for a patch release, where the lab has one release alone: in every program of Kubernetes, among the releases and in the
images, the version that was compiled in is replaced by one of the same length. Other digests and tags, the same code. What
is not Kubernetes is linked, not copied.
"""

import contextlib
import io
import json
import os
import sys
import tarfile
import tempfile

import oci


def repacked(archive, old, new, out):
    """The members of a tar with the version replaced in what they hold."""
    with tarfile.open(archive) as source, tarfile.open(out, "w:gz", compresslevel=1) as target:
        for member in source:
            data = source.extractfile(member).read().replace(old, new) if member.isfile() else None
            target.addfile(member, data and io.BytesIO(data))


def image(archive, name, old, new, out, arch):
    """The image, made anew; its line for images.json."""
    with tarfile.open(archive) as tar, tempfile.TemporaryDirectory() as tree:
        def blob(digest):
            return tar.extractfile("blobs/" + digest.replace(":", "/"))
        index = json.load(tar.extractfile("index.json"))["manifests"][0]
        manifest = json.load(blob(json.load(blob(index["digest"]))["manifests"][0]["digest"]))
        config = json.load(blob(manifest["config"]["digest"]))["config"]
        with tarfile.open(fileobj=blob(manifest["layers"][0]["digest"])) as layer:
            layer.extractall(tree)
        for folder, _, files in os.walk(tree):
            for path in (os.path.join(folder, file) for file in files):
                if not os.path.islink(path):
                    with open(path, "r+b") as file:
                        data = file.read()
                        if old in data:
                            file.seek(0)
                            file.write(data.replace(old, new))
        with contextlib.redirect_stdout(io.StringIO()) as line:
            oci.main(out, name, tree, json.dumps(config), arch)
        return line.getvalue()


def main(mirror, out, version, arch):
    with open(f"{mirror}/upstream/versions.txt", encoding="utf-8") as lines:
        known = dict(line.split() for line in lines)
    before, known["kubernetes"] = known["kubernetes"], version
    old, new = f"v{before}".encode(), f"v{version}".encode()
    if len(old) != len(new):
        sys.exit(f"patch-release.py: {version} is not as long as {before}")
    for folder in ("upstream", "images"):
        os.makedirs(f"{out}/{folder}")
        for name in os.listdir(f"{mirror}/{folder}"):
            os.link(f"{mirror}/{folder}/{name}", f"{out}/{folder}/{name}")
    for name in (f"kubernetes-node-linux-{arch}.tar.gz", "versions.txt"):
        os.remove(f"{out}/upstream/{name}")
    repacked(f"{mirror}/upstream/kubernetes-node-linux-{arch}.tar.gz", old, new, f"{out}/upstream/kubernetes-node-linux-{arch}.tar.gz")
    with open(f"{out}/upstream/versions.txt", "w", encoding="utf-8") as lines:
        lines.writelines(f"{name} {number}\n" for name, number in known.items())
    os.remove(f"{out}/images/images.json")
    with open(f"{mirror}/images/images.json", encoding="utf-8") as held, open(f"{out}/images/images.json", "w", encoding="utf-8") as lines:
        for line in held:
            one = json.loads(line)
            if one["tag"] == f"v{before}":
                os.remove(f"{out}/images/{one['archive']}")
                base = one["repository"].rsplit("/", 1)[1]
                line = image(f"{mirror}/images/{one['archive']}", f"{one['repository']}:v{version}", old, new, f"{out}/images/{base}-v{version}.tar", arch)
            lines.write(line)


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    main(*sys.argv[1:])
