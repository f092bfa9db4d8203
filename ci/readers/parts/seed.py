"""What a seed says, read without cloud-init: by PyYAML, base64, gzip and tar."""

import base64
import hashlib
import io
import json
import re
import tarfile
from pathlib import Path

import yaml


def unpacked(user_data):
    """Its digest; path → (mode, content) of every file; path → target of every link; network-config, if there is one."""
    script = yaml.safe_load(user_data.read_text())["bootcmd"][0]
    digest = re.search(r"^seed_digest=([0-9a-f]{64})$", script, re.M)[1]
    archive = base64.b64decode(re.search(r"<<'END OF SEED'\n(.*?)\nEND OF SEED", script, re.S)[1])
    assert hashlib.sha256(archive).hexdigest() == digest, "the archive is not what its digest says"
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        content = {member.name: (member.mode, tar.extractfile(member).read()) for member in tar if member.isfile()}
    composed, links = {}, {}
    for line in content["index"][1].decode().splitlines():
        kind, mode, said, path = line.split(" ", 3)
        if kind == "link":
            links[path] = said
            continue
        packed, data = content[f"tree{path}"]
        assert hashlib.sha256(data).hexdigest() == said and packed == int(mode, 8), f"{path}: archive and index differ"
        composed[path] = (int(mode, 8), data)
    return digest, composed, links, content.get("network-config", (0, None))[1]


class Seed:
    """`folder` is nodes/NAME of a build; beside the build lies `expected.json`, what the description asked for."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.name = self.folder.name
        self.iso, self.files = self.folder / "seed.iso", self.folder / "cloud-init"
        expected = json.loads((self.folder.parent.parent.parent / "expected.json").read_text())
        self.user, self.keys = expected["user"], expected["keys"]
        self.network = expected["hosts"][self.name]
        self.mac = self.network["mac"]
        self.instance = yaml.safe_load((self.files / "meta-data").read_text())["instance-id"]
        self.digest, self.composed, self.links, self.network_config = unpacked(self.files / "user-data")
