#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Exec targets with the real program, in a private network namespace; needs root.

Usage: run.py --program GEOPAUSE CASE...
"""
import argparse
import os
import sys

import check_examples
import check_hostile
import check_lost
import check_one
import check_several
from bed import Bed, Failure

MODULES = [check_one, check_several, check_lost, check_hostile, check_examples]
CASES = {name[5:].replace("_", "-"): getattr(module, name) for module in MODULES
         for name in dir(module) if name.startswith("case_")}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--program", required=True)
    parser.add_argument("--inside", action="store_true", help="of the namespace already")
    parser.add_argument("cases", nargs="*")
    args = parser.parse_args()
    if not args.inside:
        os.execvp("unshare", ["unshare", "--net", sys.executable, __file__, "--inside"] +
                  sys.argv[1:])
    failed = 0
    for name in args.cases or CASES:
        try:
            with Bed(os.path.abspath(args.program)) as b:
                CASES[name](b)
            print("ok", name, flush=True)
        except Failure as e:
            failed += 1
            print("FAILED %s: %s" % (name, e), flush=True)
    return 1 if failed else 0


sys.exit(main())
