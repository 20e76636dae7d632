#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A program for exec targets that does what behave.json beside it says.

behave.json: {TARGET: {OPERATION: HOW or [HOW, ...]}}, one entry a call, the last one repeated; a
HOW is one of the keys of HOWS, "done" where there is none. calls has a line a call, "TARGET
OPERATION"; TARGET.TXN.live is there while the target is lifted; TARGET.asked is the last request.
"""
import contextlib
import json
import os
import signal
import subprocess
import sys
import time

TXN = []
HERE = os.path.dirname(os.path.abspath(__file__))


def at(name):
    return os.path.join(HERE, name)


def read(name, otherwise):
    try:
        with open(at(name), encoding="utf-8") as file:
            return json.load(file)
    except FileNotFoundError:
        return otherwise


def how_of(target, operation):
    how = read("behave.json", {}).get(target, {}).get(operation, "done")
    if not isinstance(how, list):
        return how
    with open(at("calls"), encoding="ascii") as file:
        n = file.read().splitlines().count("%s %s" % (target, operation))
    return how[min(n, len(how)) - 1]


def do(target, operation):
    """The change itself; the answer."""
    live = at("%s.%s.live" % (target, TXN[0]))
    if operation == "plan":
        if target == "idle":
            return {"steps": [], "notes": ["nothing here"]}
        return {"steps": [{"where": "box " + target, "rule": "deny \u00e4", "before": "a\nb",
                           "after": "c", "reason": "it is the block"}],
                "notes": ["a note of " + target], "record": {"by": "plan"}}
    if operation == "apply":
        with open(live, "w", encoding="ascii"):
            pass
        return {"record": {"by": "apply", "target": target}, "notes": ["was applied"]}
    if operation == "inspect":
        return {"state": "lifted" if os.path.exists(live) else "not-lifted"}
    if operation == "revert" and os.path.exists(live):
        os.unlink(live)
    return None


def unknown_done(target, operation):
    do(target, operation)
    sys.exit(2)


def hang(_target, _operation):
    print("it waits", file=sys.stderr, flush=True)
    time.sleep(600)


def hang_done(target, operation):
    do(target, operation)
    time.sleep(600)


def killed(_target, _operation):
    os.kill(os.getpid(), signal.SIGSEGV)


def fail(status):
    def end(target, operation):
        print("first line", file=sys.stderr)
        print("%s says no to %s" % (target, operation), file=sys.stderr)
        sys.exit(status)
    return end


def say(text, done=True):
    def end(target, operation):
        if done:
            do(target, operation)
        print(text)
        sys.exit(0)
    return end


def flush(target, operation):
    """Somebody takes the table of the other target away meanwhile."""
    do(target, operation)
    subprocess.run(["nft", "delete", "table", "inet", "filter"], check=True)


def slow(_target, _operation):
    """Goes on as usual."""
    time.sleep(5)


def child(_target, _operation):
    """Leaves one behind that keeps stdin, stdout and stderr open, in another process group."""
    with subprocess.Popen(["setsid", "sleep", "30"]) as one, \
            open(at("children"), "a", encoding="ascii") as file:
        file.write("%d\n" % one.pid)
        one.returncode = 0  # not waited for


def leave(_target, _operation):
    """Tries to leave its process group for another's, and never ends."""
    for signum in range(1, signal.NSIG):
        if signum not in (signal.SIGKILL, signal.SIGSTOP) and not 32 <= signum < 34:
            signal.signal(signum, signal.SIG_IGN)
    with subprocess.Popen(["sleep", "600"], preexec_fn=os.setpgrp) as one:
        with contextlib.suppress(PermissionError):
            os.setpgid(0, one.pid)
        time.sleep(600)


def ask(_target, _operation):
    """As ssh asks for a password."""
    os.read(os.open("/dev/tty", os.O_RDWR), 1)


def much(_target, _operation):
    while True:
        os.write(1, b"x" * 65536)


HOWS = {
    "unknown-done": unknown_done, "unknown-not": fail(2), "not-done": fail(1), "three": fail(3),
    "odd": fail(77), "hang": hang, "hang-done": hang_done, "killed": killed, "much": much,
    "flush": flush, "slow": slow, "child": child, "leave": leave, "ask": ask, "garbage": say("this is not JSON"), "array": say("[]"), "extra-key": say('{"extra": 1}'),
    "empty": say(""), "bad-state": say('{"state": "ajar"}'), "drifted": say('{"state": "drifted"}'),
    "lifted": say('{"state": "lifted"}'), "no-state": say("{}"), "step-type": say('{"steps": [{"where": 1, "rule": "x"}]}'),
    "step-key": say('{"steps": [{"where": "w", "rule": "x", "rules": "y"}]}'),
    "lies": say("", done=False), "garbage-not": say("this is not JSON", done=False), "left": say('{"state": "lifted", "left_s": 77}'),
    "deep": say('{"steps": [], "record": %s%s}' % ("[" * 40, "]" * 40)),
    "large": say('{"steps": [], "record": "%s"}' % ("x" * 70000)),
}


def descriptors():
    """Their numbers, and what they are."""
    found = {}
    for fd in range(64):
        try:
            found[fd] = os.readlink("/proc/self/fd/%d" % fd)
        except OSError:
            pass
    return found


def rights():
    """The effective capabilities, as proc(5) has them."""
    with open("/proc/self/status", encoding="ascii") as file:
        return next(x.split()[1] for x in file if x.startswith("CapEff:"))


def main():
    fds = descriptors()
    operation = sys.argv[-1]
    asked = json.load(sys.stdin)
    target = asked["target"]
    TXN.append(asked["txn"])
    with open(at("rights"), "a", encoding="ascii") as file:
        file.write("%s %s\n" % (operation, rights()))
    # Whole or not at all, and before the line in calls: a test may wait for that and read this.
    with open(at(target + ".asked.new"), "w", encoding="ascii") as file:
        json.dump({"argv": sys.argv[1:], "asked": asked, "env": dict(os.environ),
                   "fds": fds}, file)
    os.rename(at(target + ".asked.new"), at(target + ".asked"))
    with open(at("calls"), "a", encoding="ascii") as file:
        file.write("%s %s\n" % (target, operation))
    how = how_of(target, operation)
    if how in HOWS:
        HOWS[how](target, operation)
    answer = do(target, operation)
    if answer is not None:
        json.dump(answer, sys.stdout)


main()
