# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs that do not keep to the protocol, in each operation: what is said, how long it takes, and
what is left of them.
"""
import contextlib
import os
import subprocess
import sys
import time

from bed import FAILED, OPEN, kill_watchdog, require, requires, until, watchdogs

DEADLINE = 2  # seconds
# Of a program that is killed at its deadline: what geopause may do beside, on a busy machine.
SLACK = 20


def killed(pid):
    """Ended, and no zombie."""
    try:
        with open("/proc/%d/stat" % pid, encoding="ascii") as file:
            return file.read().rsplit(")", 1)[1].split()[0] in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return True


def left_of(b):
    """Processes of the target's program."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/cmdline" % pid, encoding="utf-8", errors="replace") as file:
                if b.scripted in file.read():
                    found.append(int(pid))
        except OSError:  # it has ended meanwhile
            pass
    return [pid for pid in found if not killed(pid)]


def require_none_left(b):
    """Soon: what is killed takes a moment to die, and a watchdog may ask the program meanwhile."""
    until(lambda: not left_of(b), "no process of the program is left")


def timed(run, **more):
    begin = time.monotonic()
    text = run(**more)
    return text, time.monotonic() - begin


def case_hangs(b):
    """It ignores every signal, and tries to get away: the deadline holds, in each operation."""
    b.policy(b.target("a", deadline=DEADLINE))
    for operation, status, said in (("plan", FAILED, "nothing was changed"),
                                    ("apply", FAILED, "nothing is open")):
        b.behave(a={operation: "leave"})
        text, took = timed(b.pre, status=status)
        requires(text, "had not ended after %d s" % DEADLINE, said)
        require(took < DEADLINE + SLACK, "it took %d s" % took)
        require_none_left(b)
        b.behave()
        b.require_closed()
    # What was lifted and cannot be looked at may be open.
    b.behave(a={"inspect": "leave"})
    requires(b.pre(status=OPEN), r"may still be open in a \(")
    require_none_left(b)
    b.behave()
    b.run("restore")
    b.require_closed()


def case_hangs_at_the_end(b):
    """A revert that hangs is not tried again at once: everybody waits for the lock."""
    b.policy(b.target("a", deadline=6))
    b.pre()
    kill_watchdog(b)
    b.behave(a={"revert": "leave"})
    b.forget_calls()
    requires(b.post(status=OPEN), r"may still be open in a \(", "had not ended after 6 s")
    require(b.calls() == ["a revert"], b.calls())
    require_none_left(b)
    b.behave()
    b.run("restore")
    b.require_closed()


def case_hanging_extend(b):
    b.policy(b.target("a", deadline=DEADLINE))
    b.run("pre", "--lease", "x", "--owner", "none", "--window", "60s")
    b.behave(a={"extend": "leave"})
    requires(b.run("pre", "--lease", "y", "--owner", "none", "--window", "5m", status=FAILED),
             "had not ended", "the window stays open for lease x")
    require(b.is_live("a"), "it was closed")
    require_none_left(b)
    b.behave()
    b.run("post", "--lease", "x")
    b.require_closed()


def case_leaves_a_child(b):
    """One that keeps the pipes open: its end is not waited for, in no operation."""
    b.policy(b.target("a"))
    b.behave(a=dict.fromkeys(("plan", "apply", "inspect", "extend", "revert"), "child"))
    begin = time.monotonic()
    b.pre()
    b.post()
    b.require_closed()
    require(time.monotonic() - begin < 25, "it waited for the child")
    with open(b.path("children"), encoding="ascii") as file:
        for pid in map(int, file):
            if not killed(pid):
                os.kill(pid, 9)


def case_asks_at_the_terminal(b):
    """As ssh does for a password: there is none, so that it fails at once instead of waiting."""
    b.policy(b.target("a"))
    b.behave(a={"apply": "ask"})
    # With a terminal of its own, as for a person who tries it.
    script = ("import os, pty, subprocess, sys; "
              "status = pty.spawn(sys.argv[1:]); sys.exit(os.waitstatus_to_exitcode(status))")
    done = subprocess.run([sys.executable, "-c", script] + b.argv("pre", "--owner", "none"),
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)
    require(done.returncode == FAILED, "exit %d\n%s" % (done.returncode, done.stdout))
    requires(done.stdout, "No such device or address: ./dev/tty", "nothing is open")
    b.require_closed()


DEAF = """#!/bin/sh
exec <&-
case $1 in
plan)    echo '{"steps": [{"where": "w", "rule": "r"}]}' ;;
apply)   : >%(live)s ;;
inspect) if [ -e %(live)s ]; then echo '{"state": "lifted"}'
         else echo '{"state": "not-lifted"}'; fi ;;
revert)  rm -f %(live)s ;;
esac
"""


def case_does_not_listen(b):
    """It closes its stdin, whatever is in the request: that is its own business."""
    program = b.path("deaf")
    with open(program, "w", encoding="ascii") as file:
        file.write(DEAF % {"live": b.path("deaf.x.live")})
    os.chmod(program, 0o755)
    # More than a pipe takes.
    b.policy(dict(b.target("deaf", config={"x": ["y" * 1000] * 200}), command=[program]))
    b.pre()
    require(b.is_live("deaf"), "it is not lifted")
    b.post()
    b.require_closed()


def case_other_answers_later(b):
    """What it says changes between two calls: only what inspect says in the end counts."""
    b.policy(b.target("a"))
    b.behave(a={"apply": "extra-key", "inspect": ["not-done", "done"]})
    b.pre()
    b.post()
    b.require_closed()
    for how, status, said in (
            ({"inspect": ["drifted", "done"]}, 6, "nothing is open"),
            ({"apply": "lies", "inspect": ["bad-state", "done"]}, 6, "nothing is open"),
            ({"revert": ["garbage", "not-done", "done"], "apply": "not-done"}, FAILED,
             "nothing is open")):
        # It looks for the last time, and would take an answer.
        until(lambda: not watchdogs(b), "the end of the watchdog")
        b.forget_calls()
        b.behave(a=how)
        requires(b.pre(status=status), said)
        b.behave()
        b.require_closed()


def case_replaced_in_the_window(b):
    """By something that is no program, that cannot be started, or that others may write."""
    b.policy(b.target("a"))
    away = b.path("away")
    for replace, pattern in (
            (lambda: os.mkdir(b.scripted), "not a regular file|Is a directory|regular file"),
            (lambda: make(b.scripted, "#!/nowhere/sh\n", 0o755), "the interpreter"),
            (lambda: make(b.scripted, "", 0o644), "execut|Permission denied"),
            (lambda: make(b.scripted, "#!/bin/sh\n", 0o777), "others than its owner can write"),
            (lambda: make(b.scripted, "#!/bin/sh\nexit 0\n", 0o755), "the answer of .* is empty")):
        b.pre()
        os.rename(b.scripted, away)
        replace()
        requires(b.post(status=OPEN), pattern, r"may still be open in a \(")
        require(b.is_live("a"), "it was closed")
        subprocess.run(["rm", "-rf", b.scripted], check=True)
        os.rename(away, b.scripted)
        b.run("restore")
        b.require_closed()


def make(path, text, mode):
    with open(path, "w", encoding="ascii") as file:
        file.write(text)
    os.chmod(path, mode)


def case_nothing_is_left_of_them(b):
    """A watchdog that has called failing programs many times has no child, and no more descriptors."""
    b.policy(b.target("a", deadline=DEADLINE))
    b.run("pre", "--owner", "none", "--window", "5s")
    dog, = watchdogs(b)
    until(lambda: is_waiting(dog), "the watchdog's first look")
    before = descriptors(dog)
    hows = ["not-done", "killed", "child", "garbage", "much", "hang"]
    b.behave(a={"revert": hows + ["not-done"], "inspect": "lifted"})
    b.forget_calls()
    until(lambda: len(b.calls("revert")) >= len(hows) + 2, "the watchdog tries again")
    until(lambda: descriptors(dog) == before, "the descriptors %s" % before)
    children = subprocess.run(["ps", "--ppid", str(dog), "-o", "stat=,args="], text=True,
                              capture_output=True, check=False).stdout
    require("Z" not in children.split(), children)
    b.behave()
    until(lambda: not watchdogs(b), "the watchdog closes it")
    b.require_closed()


def is_waiting(pid):
    """It has begun, and waits for something to happen."""
    with open("/proc/%d/wchan" % pid, encoding="ascii") as file:
        return "poll" in file.read()


def descriptors(pid):
    """Those that last: what a call uses is gone after it."""
    found = []
    for _ in range(2):
        there = set()
        for fd in os.listdir("/proc/%d/fd" % pid):
            with contextlib.suppress(FileNotFoundError):  # closed meanwhile
                there.add(os.readlink("/proc/%d/fd/%s" % (pid, fd)))
        found.append(there)
    return {x for x in found[0] & found[1] if not x.startswith("pipe:") and "pidfd" not in x}
