# SPDX-License-Identifier: GPL-3.0-or-later
"""How often a table is read, with which lock, and what is noticed of those who take none."""
import ctypes
import errno
import fcntl
import os
from contextlib import contextmanager

from beds import LOCK, require
from scene import RULES6, Scene, at_the_replacement, start

IN_OPEN = 0x20


def reads_of(scene, verb):
    """The families whose table it read, without what its watchdog reads."""
    log = scene.program.state + ".reads"
    call = start(scene, verb, "--lease", "a", wrap=at_the_replacement(scene, READS_LOG=log))
    require(call.wait(timeout=20) == 0, "%s: exit %s" % (verb, call.returncode))
    with open(log, encoding="ascii") as f:
        reads = [line.split() for line in f]
    os.unlink(log)
    return sorted(family for pid, family in reads if int(pid) == call.pid)


def read_once(args):
    """What was read, and written, with the lock is still there when it is looked at."""
    with Scene(args) as scene:
        for verb in ("pre", "post"):
            reads = reads_of(scene, verb)
            require(reads == ["IPv4", "IPv6"], "%s has read %s" % (verb, reads))
        scene.unchanged("after post")


@contextmanager
def lock_is_not_opened(when):
    libc = ctypes.CDLL(None)
    fd = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
    require(fd >= 0 and libc.inotify_add_watch(fd, LOCK.encode(), IN_OPEN) > 0, "inotify")
    try:
        yield
        require(os.read(fd, 4096) == b"", "the lock was opened " + when)
    except BlockingIOError:
        pass
    finally:
        os.close(fd)


def looks_without_lock(args):
    """Whoever only looks neither waits for iptables' lock nor takes it."""
    with Scene(args) as scene:
        for call in (("plan",), ("pre", "--dry-run"), ("discover",), ("check",), ("status",)):
            with lock_is_not_opened("by " + " ".join(call)):
                scene.expect(0, *call)
        scene.expect(0, "pre", "--lease", "a")
        with lock_is_not_opened("by status in a window"):
            scene.expect(0, "status")
        scene.expect(0, "post", "--lease", "a")


def lock_is_free():
    fd = os.open(LOCK, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    except BlockingIOError:
        return False
    finally:
        os.close(fd)


def lock_is_given_back(args):
    """Whatever becomes of a call; neither its watchdog has it, nor a command that it runs."""
    with Scene(args) as scene:
        failing = at_the_replacement(scene, REPLACE_FAIL6=errno.ENOMEM)
        for status, verb, wrap in ((1, "pre", failing), (0, "pre", ()), (0, "post", ())):
            scene.expect(status, verb, "--lease", "a", wrap=wrap)
            require(lock_is_free(), "%s, exit %d: the lock is held" % (verb, status))
        scene.expect(0, "run", "--", "flock", "-n", LOCK, "true")


def unlocked_rule_of_another_length(args):
    """Replaced after the table was read, by somebody who takes no lock: it is not written over."""
    rules6 = RULES6.replace("COMMIT", "-A INPUT -p tcp -m tcp --dport 9 -j DROP\nCOMMIT")
    with Scene(args, rules6=rules6) as scene:
        wrap = at_the_replacement(scene, REPLACE_RUN="XTABLES_LOCKFILE=/dev/null ip6tables-legacy "
                                  "-R INPUT 2 -s 2001:db8::/32 -j DROP")
        scene.expect(0, "pre", "--lease", "a", wrap=wrap)
        require("-A INPUT -s 2001:db8::/32 -j DROP" in scene.bed.saved(), scene.bed.saved())
        scene.matrix(True, "lifted")
        scene.expect(0, "post", "--lease", "a")
        scene.bed.must(["ip6tables-legacy", "-R", "INPUT", "2", "-p", "tcp", "--dport", "9",
                        "-j", "DROP"])
        # -R has set counters to 0 itself.
        scene.before.require_same_rules(scene.bed.state(), "after post")


def unlocked_flush(args):
    """Right after the change, by somebody who takes no lock: the lift is not taken for there."""
    with Scene(args) as scene:
        wrap = at_the_replacement(scene, COUNTERS_RUN="XTABLES_LOCKFILE=/dev/null "
                                  "iptables-legacy -F GEO")
        scene.expect(6, "pre", "--lease", "a", wrap=wrap, says=["verification failed"])
        require(not scene.marks() and "-A GEO" not in scene.bed.saved(), scene.bed.saved())


CASES = (read_once, looks_without_lock, lock_is_given_back, unlocked_rule_of_another_length,
         unlocked_flush)
