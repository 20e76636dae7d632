#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every row of "What happens when ..." in geopause-windows(7) names tests that exist.

    rows.py MANUAL.scd BUILD-DIRECTORY

After a row stand comments, `; tested by: NAME`: a test of ctest, or the beginning of a few
("netns.refresh"), or "hook test_NAME" of tests/hook.
"""
import glob
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))


def ctest_names(build):
    listed = subprocess.run(["ctest", "--test-dir", build, "-N"], capture_output=True, text=True,
                            check=True).stdout
    return re.findall(r"Test +#\d+: (\S+)", listed)


def hook_names():
    names = []
    for path in glob.glob(os.path.join(HERE, "..", "hook", "check_*.py")):
        with open(path, encoding="utf-8") as f:
            names += re.findall(r"^def (test_\w+)", f.read(), re.M)
    return names


def rows(manual):
    """[(row, [tests])]"""
    found = []
    with open(manual, encoding="utf-8") as f:
        for line in f:
            if line.startswith("*..."):
                found.append((line.strip("*\n"), []))
            if line.startswith("; tested by: "):
                found[-1][1].append(line[len("; tested by: "):].strip())
    return found


def exists(test, ctest, hook):
    if test.startswith("hook "):
        return test[len("hook "):] in hook
    return any(name == test or name.startswith(test + ".") for name in ctest)


def main():
    manual, build = sys.argv[1:]
    ctest, hook = ctest_names(build), hook_names()
    wrong = []
    for row, tests in rows(manual):
        if not tests:
            wrong.append("no test: " + row)
        wrong += ["no such test: %s (%s)" % (t, row) for t in tests if not exists(t, ctest, hook)]
    print("\n".join(wrong) or "%d rows" % len(rows(manual)))
    return 1 if wrong or not rows(manual) else 0


if __name__ == "__main__":
    sys.exit(main())
