#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can happen to a lift in iptables-legacy's tables: cases.py --program PATH CASE..."""
import argparse
import os
import sys

import case_obstacles
import case_others
import case_reads
import case_tools
import case_variants
import case_windows
from beds import run_cases

CASES = {f.__name__.replace("_", "-"): f
         for module in (case_windows, case_others, case_tools, case_obstacles, case_reads,
                        case_variants)
         for f in module.CASES}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--program", required=True)
    parser.add_argument("--interpose", required=True, help="where interpose.c was built")
    parser.add_argument("--no-nf-tables", required=True, type=os.path.abspath,
                        help="where no_nf_tables.c was built")
    parser.add_argument("cases", nargs="*", metavar="CASE", help=", ".join(CASES))
    args = parser.parse_args()
    args.cases = args.cases or list(CASES)
    args.interpose = os.path.abspath(args.interpose)
    return run_cases(CASES, args)


if __name__ == "__main__":
    sys.exit(main())
