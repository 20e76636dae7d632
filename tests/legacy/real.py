#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""
Rulesets of real tools, found and lifted without a policy: real.py --program PATH STEM...

Of each STEM: STEM.rules and STEM.rules6 (iptables-legacy-save -c), STEM.ipset, and STEM.probe and
STEM.lifted, who reaches what before and in a window.
"""
import json
import os
import sys

from beds import LegacyBed, LegacyProgram, matrix_read, require, result_text, run_stems


def text_of(path):
    if not os.path.exists(path):
        return ""
    with open(path, encoding="utf-8") as f:
        return f.read()


def assert_real(program, stem):
    bed = program.bed
    bed.load_legacy(text_of(stem + ".rules"), text_of(stem + ".rules6"), text_of(stem + ".ipset"))
    probe, lifted = matrix_read(stem + ".probe"), matrix_read(stem + ".lifted")
    ports = list(next(iter(probe.values())))
    program.require_cells(probe, "before", ports)
    before = bed.state()
    done = program.expect(0, "discover")
    json.loads(done.stdout)
    policy = program.write_policy(done.stdout, "discovered.json")
    for how, options in (("discovered policy", {"policy": policy}), ("without a policy", {})):
        program.expect(0, "pre", **options)
        program.require_cells(lifted, how + ", lifted", ports)
        done = program.expect(0, "status", **options)
        require(done.stdout.startswith("open"), "status: " + result_text(done))
        program.expect(0, "post", **options)
        before.require_same(bed.state(), how + ", after post")
        program.require_no_journal(how)
    program.require_cells(probe, "after", ports)


def judged(stem, args):
    with LegacyBed(wan="red0" if os.path.basename(stem).startswith("ipfire") else "eth0") as bed, \
            LegacyProgram(args.program, bed) as program:
        assert_real(program, stem)


if __name__ == "__main__":
    sys.exit(run_stems(judged, __doc__))
