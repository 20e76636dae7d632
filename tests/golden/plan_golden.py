#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""
What `geopause plan` says, word for word: one directory a case.

    plan_golden.py [--update] PROGRAM DIRECTORY

    ruleset.nft     loaded into a network namespace of the case's own
    policy.json     the policy; without it there is none
    arguments       more arguments of `plan`, on one line; optional
    expected        exit status, stdout and stderr; transaction ids and handles are numbered

The ruleset must be the same afterwards, to the letter. Needs root and nft.
"""
import os
import re
import subprocess
import sys
import tempfile


def run(*argv, **more):
    return subprocess.run(argv, capture_output=True, text=True, check=False, **more)


def normal(text):
    """Ids are random and handles depend on the kernel: each becomes a number in order of appearance."""
    seen = {}

    def number(match):
        kind, value = match.group(1), match.group(2)
        return "%s%s" % (kind, seen.setdefault((kind.strip(), value), len(seen) + 1))

    return re.sub(r"(geopause_|handle |__chain)([0-9a-f]{12}|[0-9]+)", number, text)


def plan(program, case, namespace):
    with tempfile.TemporaryDirectory() as state:
        inside = ["ip", "netns", "exec", namespace]
        policy = os.path.join(case, "policy.json")
        argv = inside + [program, "plan", "--state", os.path.join(state, "state")]
        if os.path.exists(policy):
            # The check-out's permissions may let others write.
            private = os.path.join(state, "policy.json")
            with open(policy, encoding="ascii") as source, open(private, "w", encoding="ascii") as to:
                to.write(source.read())
            os.chmod(private, 0o600)
            argv += ["--policy", private]
        arguments = os.path.join(case, "arguments")
        if os.path.exists(arguments):
            with open(arguments, encoding="ascii") as f:
                argv += f.read().split()
        before = run(*inside, "nft", "-a", "list", "ruleset").stdout
        done = run(*argv)
        after = run(*inside, "nft", "-a", "list", "ruleset").stdout
        text = "status %d\n--- stdout\n%s--- stderr\n%s" % (
            done.returncode, done.stdout, done.stderr.replace(state, "STATE"))
        return normal(text), before == after


def check(program, case, update):
    namespace = "gpplan%d" % os.getpid()
    if run("ip", "netns", "add", namespace).returncode:
        return "cannot make a network namespace"
    try:
        loaded = run("ip", "netns", "exec", namespace, "nft", "-f", os.path.join(case, "ruleset.nft"))
        if loaded.returncode:
            return "nft: " + loaded.stderr
        text, same = plan(program, case, namespace)
    finally:
        run("ip", "netns", "del", namespace)
    if not same:
        return "plan changed the ruleset"
    path = os.path.join(case, "expected")
    if update:
        with open(path, "w", encoding="ascii") as f:
            f.write(text)
    with open(path, encoding="ascii") as f:
        expected = f.read()
    return None if text == expected else "expected:\n%s\ngot:\n%s" % (expected, text)


def main():
    update = "--update" in sys.argv
    program, directory = [a for a in sys.argv[1:] if a != "--update"]
    cases = sorted(d for d in os.listdir(directory) if os.path.isdir(os.path.join(directory, d)))
    failed = 0
    for name in cases:
        why = check(os.path.abspath(program), os.path.join(directory, name), update)
        print("%s %s" % ("FAILED" if why else "ok", name))
        if why:
            print(why)
            failed += 1
    print("%d passed, %d failed" % (len(cases) - failed, failed))
    return 1 if failed or not cases else 0


sys.exit(main())
