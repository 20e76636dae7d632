#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs every test_* of the modules beside it, each with a bench of its own.

    run.py --geopause EXE --fake-exec MODULE --fake-other-abi MODULE [NAME...]

A test fails by an exception; there is no skip. Exit status 1 if any failed, or if none ran.
"""

import argparse
import importlib
import os
import signal
import sys
import traceback

sys.dont_write_bytecode = True

from bench import Bench

HERE = os.path.dirname(os.path.abspath(__file__))


def modules(wanted):
    names = sorted(name[:-3] for name in os.listdir(HERE)
                   if name.startswith("check_") and name.endswith(".py"))
    return [importlib.import_module(n) for n in names if wanted in (None, n[len("check_"):])]


def run_test(test, parts):
    """What went wrong, in the test or after it; whatever it is, the others still run."""
    bench = Bench(parts)
    bench.parts = parts
    wrong = ""
    for step in (lambda: test(bench), bench.clean):
        try:
            step()
        except Exception:
            wrong += traceback.format_exc()
    return wrong


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--geopause", required=True)
    parser.add_argument("--fake-exec", required=True)
    parser.add_argument("--fake-other-abi", required=True)
    parser.add_argument("--module", help="only the tests of check_MODULE.py")
    parser.add_argument("names", nargs="*")
    parts = parser.parse_args()
    # A shell ignores it for what it starts in the background; tests send it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    ran = failed = 0
    for module in modules(parts.module):
        for name in [n for n in dir(module) if n.startswith("test_")]:
            if parts.names and not any(wanted in name for wanted in parts.names):
                continue
            ran += 1
            wrong = run_test(getattr(module, name), parts)
            failed += bool(wrong)
            print(f"FAIL  {name}\n{wrong}" if wrong else f"ok    {name}", flush=True)
    print(f"{ran} tests, {failed} failed")
    return 1 if failed or not ran else 0


if __name__ == "__main__":
    sys.exit(main())
