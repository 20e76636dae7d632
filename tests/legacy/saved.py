#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""
What iptables-legacy-save writes in the middle of a window, as netfilter-persistent does at
shutdown, and somebody loads when the window's time is over: as closed as before it, and the next
restore makes it exact. Of each shape in shapes.py, and of rulesets of real tools:
saved.py --program PATH [--group GROUP] [SHAPE | STEM]...
"""
import argparse
import os
import re
import sys

from beds import LegacyBed, LegacyProgram, deny_matrix, matrix_read, require, run_cases
from real import text_of
from shapes import GROUPS, SHAPES, matrix_before

# Written into the save, instead of waiting until it is so.
ENDS, OVER = re.compile(r"--datestop \S+"), "--datestop 2001-01-01T00:00:00"
LIFT = re.compile(r"^\[.*--datestop ", re.M)


def save(bed):
    return [(tool, bed.must([tool + "-legacy-save", "-c"])) for tool in ("iptables", "ip6tables")]


def load(bed, saved):
    for tool, text in saved:
        bed.must([tool + "-legacy-restore", "-c"], input=ENDS.sub(OVER, text))


def saved_and_loaded(program, policy, cells):
    """cells(lifted, when) requires what is open to be right; whether a lift was saved."""
    bed = program.bed
    cells(False, "before")  # a rule that fills a set has done so afterwards
    before = bed.state()
    program.expect(0, "pre", policy=policy)
    cells(True, "lifted")
    saved = save(bed)
    program.expect(0, "post", policy=policy)
    before.require_same(bed.state(), "after post")
    program.require_no_journal("after post")
    lifts = any(LIFT.search(text) for _, text in saved)
    load(bed, saved)
    cells(False, "saved in the window, loaded when it is over")
    program.expect(0, "restore", policy=policy)
    before.require_same(bed.state(), "loaded and swept")
    return lifts


def of_shape(name):
    shape = SHAPES[name]

    def check(args):
        with LegacyBed(container=shape.container) as bed, \
                LegacyProgram(args.program, bed) as program:
            bed.load_legacy(shape.rules, shape.rules6)
            more = {"challenges": shape.challenges} if shape.challenges else {}
            policy = program.policy(program.target(shape.selector, shape.table, **shape.target),
                                    **more)

            def cells(lifted, when):
                program.require_cells(
                    deny_matrix(shape.ports, shape.blocked, shape.lifts, shape.banned) if lifted
                    else matrix_before(shape), when, shape.ports)
            lifts = saved_and_loaded(program, policy, cells)
            require(lifts or not shape.lifts, "nothing of ours was saved")
    return check


def of_stem(stem):
    probe, lifted = matrix_read(stem + ".probe"), matrix_read(stem + ".lifted")
    ports = list(next(iter(probe.values())))

    def check(args):
        wan = "red0" if os.path.basename(stem).startswith("ipfire") else "eth0"
        with LegacyBed(wan=wan) as bed, LegacyProgram(args.program, bed) as program:
            bed.load_legacy(text_of(stem + ".rules"), text_of(stem + ".rules6"),
                            text_of(stem + ".ipset"))

            def cells(is_open, when):
                program.require_cells(lifted if is_open else probe, when, ports)
            require(saved_and_loaded(program, None, cells), "nothing of ours was saved")
    return check


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--program", required=True)
    parser.add_argument("--group", choices=GROUPS)
    parser.add_argument("cases", nargs="*", metavar="SHAPE | STEM")
    args = parser.parse_args()
    if args.group:
        args.cases += [name for name, shape in GROUPS[args.group].items() if not shape.refused]
    return run_cases({name: of_shape(name) if name in SHAPES else of_stem(name)
                      for name in args.cases}, args)


if __name__ == "__main__":
    sys.exit(main())
