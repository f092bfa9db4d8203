#!/usr/bin/env python3
"""oci.py OUT.tar REPOSITORY:TAG TREE CONFIG ARCH - make an OCI image archive from a folder, the same bytes every time

The archive is what a registry would hand out for one platform of a multi-platform image: index.json names one image
index (its digest is the image's digest), which holds one linux/ARCH manifest, which holds one layer.

TREE    folder with the image's files; owners become root, times 0, modes and symbolic links are kept
CONFIG  the OCI image config's "config" object as JSON: {"Entrypoint": [...], "Cmd": [...], "Env": [...], "User": ...}

Prints one line of JSON: {"repository", "tag", "digest", "archive", "sha256", "size"}. Standard library only.
Formats: github.com/opencontainers/image-spec, image-layout.md, image-index.md, manifest.md, config.md.
"""

import gzip
import hashlib
import io
import json
import os
import sys
import tarfile

TYPE = "application/vnd.oci.image."


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def encode(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def layer(tree):
    """The folder as one uncompressed tar: sorted, owned by root, without times."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for folder, folders, files in os.walk(tree):
            folders.sort()
            links = [f for f in folders if os.path.islink(os.path.join(folder, f))]
            for name in sorted(files + folders):
                path = os.path.join(folder, name)
                info = tarfile.TarInfo(os.path.relpath(path, tree))
                info.mode = os.lstat(path).st_mode & 0o7777
                if os.path.islink(path):
                    info.type, info.linkname = tarfile.SYMTYPE, os.readlink(path)
                    tar.addfile(info)
                elif os.path.isdir(path):
                    info.type = tarfile.DIRTYPE
                    tar.addfile(info)
                else:
                    info.size = os.path.getsize(path)
                    with open(path, "rb") as source:
                        tar.addfile(info, source)
            for link in links:
                folders.remove(link)
    return buffer.getvalue()


def main(out, name, tree, config, arch):
    repository, tag = name.rsplit(":", 1)
    blobs = {}

    def blob(kind, data):
        digest = sha256(data)
        blobs["blobs/sha256/" + digest] = data
        return {"mediaType": TYPE + kind, "digest": "sha256:" + digest, "size": len(data)}

    raw = layer(tree)
    platform = {"architecture": arch, "os": "linux"}
    packed = blob("layer.v1.tar+gzip", gzip.compress(raw, 6, mtime=0))
    image = blob("config.v1+json", encode({
        **platform, "created": "1970-01-01T00:00:00Z", "config": json.loads(config),
        "rootfs": {"type": "layers", "diff_ids": ["sha256:" + sha256(raw)]},
        "history": [{"created": "1970-01-01T00:00:00Z", "created_by": "firstlight lab"}]}))
    manifest = blob("manifest.v1+json", encode({
        "schemaVersion": 2, "mediaType": TYPE + "manifest.v1+json", "config": image, "layers": [packed]}))
    index = blob("index.v1+json", encode({
        "schemaVersion": 2, "mediaType": TYPE + "index.v1+json", "manifests": [{**manifest, "platform": platform}]}))
    layout = {
        "oci-layout": encode({"imageLayoutVersion": "1.0.0"}),
        "index.json": encode({"schemaVersion": 2, "mediaType": TYPE + "index.v1+json", "manifests": [
            {**index, "annotations": {"io.containerd.image.name": name, "org.opencontainers.image.ref.name": tag}}]}),
        **dict(sorted(blobs.items()))}

    with tarfile.open(out + ".new", "w", format=tarfile.USTAR_FORMAT) as tar:
        for path, data in layout.items():
            info = tarfile.TarInfo(path)
            info.size, info.mode = len(data), 0o644
            tar.addfile(info, io.BytesIO(data))
    os.replace(out + ".new", out)
    with open(out, "rb") as archive:
        digest = hashlib.sha256(archive.read()).hexdigest()
    print(json.dumps({"repository": repository, "tag": tag, "digest": index["digest"],
                      "archive": os.path.basename(out), "sha256": digest, "size": os.path.getsize(out)}))


if __name__ == "__main__":
    if len(sys.argv) != 6:
        sys.exit(__doc__)
    main(*sys.argv[1:])
