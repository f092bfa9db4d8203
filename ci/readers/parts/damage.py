"""What a power cut does to cloud-init's cache, /var/lib/cloud, one way at a time."""

import os
import shutil


def names_in(cloud):
    """Every file of the cache with content. The seed folder is not its cache: that is written by us, and synced."""
    return sorted(
        str(path.relative_to(cloud)) for path in cloud.rglob("*")
        if path.is_file() and not path.is_symlink() and path.stat().st_size and path.relative_to(cloud).parts[0] != "seed"
    )


def truncate(cloud, names):
    for name in names:
        os.truncate(cloud / name, 0)


def dangle(cloud):
    (cloud / "instance").unlink()
    (cloud / "instance").symlink_to("/var/lib/cloud/instances/gone")


def forget(cloud):
    """All but the seed folder: every module runs again."""
    for path in cloud.iterdir():
        if path.is_symlink():
            path.unlink()
        elif path.name != "seed":
            shutil.rmtree(path)


def ways(cloud):
    """Name → what it does to a cache."""
    names = names_in(cloud)
    # one note that a module has run stands for all: they are looked for, not read
    notes = [name for name in names if "sem" in name.split("/")]
    found = {f"empty {name}": (lambda at, name=name: truncate(at, [name])) for name in names if name not in notes[1:]}
    found["empty data/*"] = lambda at: truncate(at, [n for n in names if n.startswith("data/")])
    found["empty *"] = lambda at: truncate(at, names)
    found["no instance"] = lambda at: (at / "instance").unlink()
    found["dangling instance"] = dangle
    found["no data"] = lambda at: shutil.rmtree(at / "data")
    found["nothing"] = forget
    return found
