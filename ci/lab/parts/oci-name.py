#!/usr/bin/env python3
"""oci-name.py ARCHIVE.tar - print what an OCI image archive holds, in the form of oci.py's line

{"repository", "tag", "digest", "archive", "sha256", "size"}. The name is the annotation io.containerd.image.name of
index.json's one entry (or, failing that, org.opencontainers.image.ref.name when it is a full name); the digest is that
entry's. Anything else is an error: such an archive has no registry digest to pin.
"""

import hashlib
import json
import os
import sys
import tarfile


def main(path):
    with tarfile.open(path) as tar:
        try:
            index = json.load(tar.extractfile("index.json"))
        except KeyError:
            sys.exit(f"{path}: no index.json: not an OCI archive (docker save archives have no registry digest)")
    entries = index["manifests"]
    if len(entries) != 1:
        sys.exit(f"{path}: index.json has {len(entries)} entries, wanted one")
    notes = entries[0].get("annotations", {})
    name = notes.get("io.containerd.image.name") or notes.get("org.opencontainers.image.ref.name", "")
    repository, colon, tag = name.rpartition(":")
    if not colon or "/" not in repository:
        sys.exit(f"{path}: its name `{name}` is no REPOSITORY:TAG")
    with open(path, "rb") as archive:
        digest = hashlib.sha256(archive.read()).hexdigest()
    print(json.dumps({"repository": repository, "tag": tag, "digest": entries[0]["digest"],
                      "archive": os.path.basename(path), "sha256": digest, "size": os.path.getsize(path)}))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
