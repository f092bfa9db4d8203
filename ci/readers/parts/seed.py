"""What a seed says, read without cloud-init: by PyYAML, base64, gzip and tar."""

import base64
import hashlib
import io
import json
import re
import tarfile
from pathlib import Path

import yaml


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
        script = yaml.safe_load((self.files / "user-data").read_text())["bootcmd"][0]
        self.digest = re.search(r"^seed_digest=([0-9a-f]{64})$", script, re.M)[1]
        archive = base64.b64decode(re.search(r"<<'END OF SEED'\n(.*?)\nEND OF SEED", script, re.S)[1])
        assert hashlib.sha256(archive).hexdigest() == self.digest, "the archive is not what its digest says"
        self._open(archive)

    def _open(self, archive):
        """`composed`: path → (mode, content) of every file, `links`: path → target."""
        self.composed, self.links = {}, {}
        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            content = {member.name: (member.mode, tar.extractfile(member).read()) for member in tar if member.isfile()}
        for line in content["index"][1].decode().splitlines():
            kind, mode, said, path = line.split(" ", 3)
            if kind == "link":
                self.links[path] = said
                continue
            packed, data = content[f"tree{path}"]
            assert hashlib.sha256(data).hexdigest() == said and packed == int(mode, 8), f"{path}: archive and index differ"
            self.composed[path] = (int(mode, 8), data)
        self.network_config = content.get("network-config", (0, None))[1]
