#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real process trees in the shapes in which ACME clients call hooks: whose is the lease?

    run.py --climb PROGRAM [NAME...]

The hooks run the climb program, which prints what it finds: lines of JSON with owner.pid,
owner.name, guard.pid, via.pid (0: nobody). program.py does the same with geopause.
"""
import argparse
import json
import os
import re
import subprocess
import sys
import tempfile

from bed import Bed, name_of
from shapes import SHAPES

WAIT = 60  # seconds for a tree


def check(bed, shape, command, expected):
    """Runs it below cron; every line of JSON must say what is expected."""
    done = subprocess.run(bed.below_cron(command), stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=WAIT,
                          check=False, cwd=bed.place, encoding="utf-8", errors="replace")
    lines = re.findall(r"\{.*\}", done.stdout)
    problems = []
    if len(lines) != expected.get("calls", 1):
        problems.append(f"{len(lines)} hooks ran, status {done.returncode}")
    for line in lines:
        found = json.loads(line)
        for who in "owner", "guard", "via":
            want = bed.marked(expected.get(who))
            if found[who]["pid"] != want:
                problems.append(f"{who} is {found[who]}, not {want} ({expected.get(who)})")
        if found["owner"]["pid"] and found["owner"]["name"] != expected.get("name"):
            problems.append(f"the name is {found['owner']['name']}")
    if problems:
        print(f"FAIL {shape}: {'; '.join(problems)}\n{done.stdout}")
    return not problems


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--climb", required=True)
    parser.add_argument("name", nargs="*")
    args = parser.parse_args()
    args.climb = os.path.abspath(args.climb)
    failed = ran = 0
    for shape in SHAPES:
        if args.name and name_of(shape) not in args.name:
            continue
        with tempfile.TemporaryDirectory(prefix="owners-") as place:
            bed = Bed(place, args.climb)
            for command, expected in shape(bed):
                ran += 1
                failed += not check(bed, name_of(shape), command, expected)
    print(f"{ran - failed} of {ran} trees are right")
    return 1 if failed or not ran else 0


if __name__ == "__main__":
    sys.exit(main())
