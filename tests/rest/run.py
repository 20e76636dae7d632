#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""REST targets: the real program and the installed recipes against models of the providers.

Usage: run.py --program GEOPAUSE [--record FILE] [CASE[:RECIPE]...]

Needs root, util-linux, iproute2 and openssl. See bed.py.
"""
import argparse
import os
import subprocess
import sys

import ambiguous
import campaign
import connections
import edits
import identity
import mixed
import moto_wafv2
import overrides
import plans
import recipes
import secrecy
import sessions
import steps
import taking_back
import transport
import waits
import windows
from bed import Bed, Failure, Skipped
from model import MODELS
from model.record import Record
from model.server import Handler

BY_RECIPE = {name: case for module in (recipes, plans, connections, secrecy, overrides, ambiguous,
                                       campaign)
             for name, case in module.BY_RECIPE.items()}
MODULES = (recipes, edits, overrides, windows, mixed, waits, taking_back, steps, transport, secrecy,
           sessions, identity, moto_wafv2)
CASES = {name: case for module in MODULES for name, case in module.CASES.items()}

SKIPPED = 77  # exit status: nothing was done


def prepare_namespaces():
    for command in (["mount", "--make-rprivate", "/"], ["ip", "link", "set", "lo", "up"],
                    ["ip", "address", "add", "169.254.169.254/32", "dev", "lo"]):
        subprocess.run(command, check=True)
    # The machine's systemd would be asked for a scope for each watchdog.
    if os.path.isdir("/run/systemd"):
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/run/systemd"], check=True)


def all_cases():
    return ["%s:%s" % (case, recipe) for case in BY_RECIPE for recipe in MODELS] + list(CASES)


def run_case(program, name):
    case, _, recipe = name.partition(":")
    with Bed(program) as bed:
        if recipe:
            BY_RECIPE[case](bed, recipe)
        else:
            CASES[case](bed)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--program", required=True)
    parser.add_argument("--record", metavar="FILE",
                        help="requests and replies are written there, for vendor/check.mjs")
    parser.add_argument("--inside", action="store_true", help="of the namespaces already")
    parser.add_argument("cases", nargs="*")
    args = parser.parse_args()
    if not args.inside:
        os.execvp("unshare", ["unshare", "--net", "--mount", sys.executable, __file__,
                              "--inside"] + sys.argv[1:])
    prepare_namespaces()
    program = os.path.abspath(args.program)
    if args.record:
        Handler.record = Record(args.record)
    failed = skipped = 0
    cases = args.cases or all_cases()
    for name in cases:
        try:
            run_case(program, name)
            print("ok", name, flush=True)
        except Failure as e:
            failed += 1
            print("FAILED %s: %s" % (name, e), flush=True)
        except Skipped as e:
            skipped += 1
            print("skipped %s: %s" % (name, e), flush=True)
    return 1 if failed else SKIPPED if skipped == len(cases) else 0


if __name__ == "__main__":
    sys.exit(main())
