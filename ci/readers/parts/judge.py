#!/usr/bin/python3
"""Judges several systems, as many at once as there are processors, and prints a table: system × assertion.

usage: parts/judge.py SEEDS WORK ROW…     ROW is TITLE|LAYER:LAYER…|PROFILE|RENDERER|WITHOUT|HARMLESS;
                                          SEEDS is what `seeds` made

A cell says how often an assertion was tried, or how often it failed. Below: what differed. WORK keeps everything.
"""

import concurrent.futures
import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

PARTS = Path(__file__).resolve().parent
COLUMNS = ("schema", "convert", "found", "clean", "settled", "files", "user", "name", "keys", "network", "again", "cuts", "http-net", "http", "http-static", "http-cut")


def judge(seeds, work, row):
    title, layers, profile, renderer, without, harmless = row.split("|", 5)
    name = profile.replace(".", "-")
    said = {
        "title": title, "layers": layers.split(":"), "renderer": renderer, "without": without.split(),
        "harmless": [harmless] if harmless else [],
        "seeds": {shape: f"{seeds}/out/nodes/{name}-{shape}" for shape in ("static", "dual", "dhcp")},
    }
    if os.environ.get("TRIALS"):
        said["trials"] = os.environ["TRIALS"].split(",")
    file = work / f"{title}.json"
    file.write_text(json.dumps(said))
    kept, log = work / f"{title}.results", work / f"{title}.log"
    with open(kept, "w") as out, open(log, "w") as errors:
        # whatever ends this program ends its machines
        command = ["setpriv", "--pdeathsig", "KILL", "unshare", "-mnpuf", "--kill-child", "--propagation", "private"]
        done = subprocess.run([*command, "/usr/bin/python3", PARTS / "system.py", file], stdin=subprocess.DEVNULL, stdout=out, stderr=errors)
    lines = [tuple(line.split("\t", 3)) for line in kept.read_text().splitlines()]
    if done.returncode:
        lines.append((title, "", "FAIL", f"{PARTS.name}/system.py: {log.read_text()[-1500:]}"))
    return title, lines


def table(results):
    columns = [c for c in COLUMNS if any(line[1] == c for _, lines in results for line in lines)]
    width = max(len(title) for title, _ in results)
    print(" ".join([f"{'':{width}}", *(f"{c:>{max(8, len(c))}}" for c in columns), f"{'seconds':>8}"]))
    for title, lines in results:
        good, bad = Counter(), Counter()
        for _, assertion, verdict, *_ in lines:
            (good if verdict == "ok" else bad)[assertion] += 1
        cells = [f"{'FAIL ' + str(bad[c]) if bad[c] else (good[c] or '-'):>{max(8, len(c))}}" for c in columns]
        print(" ".join([f"{title:{width}}", *cells, f"{dict((l[1], l[2]) for l in lines).get('seconds', '?'):>8}"]))


def main(seeds, work, rows):
    with concurrent.futures.ThreadPoolExecutor(int(os.environ.get("JOBS", os.cpu_count() or 1))) as pool:
        results = list(pool.map(lambda row: judge(seeds, work, row), rows))
    table(results)
    failures = [line for _, lines in results for line in lines if line[2] == "FAIL"]
    for title, assertion, _, *what in failures:
        print(f"{title}: {assertion}: {what[0][:900]}")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])
