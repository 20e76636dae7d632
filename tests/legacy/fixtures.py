#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""
The rulesets of iptables-nft, with iptables-legacy: fixtures.py --program PATH STEM...

What stands beside STEM.rules is said in ../netns/matrix.py. "legacy" in STEM.json: what is otherwise
here, of targets, discover, never, left, refused and exit.
"""
import json
import os
import re
import sys

from beds import LegacyBed, LegacyProgram, matrix_read, require, result_text, run_stems
from real import text_of


class Case:
    def __init__(self, stem):
        self.stem, self.name = stem, os.path.basename(stem)
        self.probe, self.lifted = matrix_read(stem + ".probe"), matrix_read(stem + ".lifted")
        notes = json.loads(text_of(stem + ".json") or "{}")
        self.notes = {**notes, **notes.get("legacy", {})}
        self.nothing = "NOLIFT" in self.name

    def ports(self, limited=True):
        return [port for port in next(iter(self.probe.values()))
                if limited or port not in self.notes.get("limited", [])]


def require_cells(program, case, want, when, limited=False):
    ports = case.ports(limited)
    program.require_cells({who: {port: row[port] for port in ports} for who, row in want.items()},
                          when, ports)


def discovered(program, case):
    """A policy file, or None."""
    done = program.run("discover")
    status = 5 if case.nothing else case.notes.get("discover", done.returncode)
    require(done.returncode == status and status in (0, 5), "discover: " + result_text(done))
    for name in case.notes.get("never", []):
        require(name not in done.stdout, "discover takes %s for a geo-block: %s"
                % (name, result_text(done)))
    for why in case.notes.get("left", []):
        require(re.search("^left alone .*" + why, done.stderr, re.M),
                "discover does not say that and why it left alone /%s/: %s"
                % (why, result_text(done)))
    return program.write_policy(done.stdout, "discovered.json") if status == 0 else None


def window(program, case, before, how, policy):
    program.expect(0, "plan", policy=policy)
    program.expect(0, "pre", policy=policy)
    require_cells(program, case, case.lifted, how + ", lifted")
    program.expect(0, "post", policy=policy)
    before.require_same(program.bed.state(), how + ", after post")
    program.require_no_journal(how)
    require_cells(program, case, case.probe, how + ", after post")


def refused(program, case, before, policy):
    done = program.expect(case.notes.get("exit", 1), "pre", policy=policy)
    for said in (case.notes["refused"], "nothing was changed$"):
        require(re.search(said, done.stderr), "refused without saying /%s/: %s"
                % (said, result_text(done)))
    before.require_same(program.bed.state(), "refused")
    require_cells(program, case, case.probe, "refused")


def assert_fixture(program, case):
    program.bed.load_legacy(*(text_of(case.stem + end) for end in (".rules", ".rules6", ".ipset")))
    require_cells(program, case, case.probe, "before", limited=True)
    before = program.bed.state()
    found = discovered(program, case)
    targets = case.notes.get("targets")
    if targets:
        policy = program.policy(*({"name": "target-%d" % number, **target}
                                  for number, target in enumerate(targets)))
        if "refused" in case.notes:
            refused(program, case, before, policy)
            return
        window(program, case, before, "the administrator's policy", policy)
    if found:
        window(program, case, before, "discovered policy", found)
        window(program, case, before, "without a policy", None)
        return
    program.expect(5, "pre")
    before.require_same(program.bed.state(), "pre without a policy")


def judged(stem, args):
    case = Case(stem)
    with LegacyBed(container=case.notes.get("container", False)) as bed, \
            LegacyProgram(args.program, bed) as program:
        assert_fixture(program, case)


if __name__ == "__main__":
    sys.exit(run_stems(judged, __doc__))
