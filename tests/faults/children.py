#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""
The programs that geopause runs, at every system call from their birth on.

    children.py --program build/geopause --firewall NAME [--every N] [--only TEXT] [--list]

NAME: exec, nftables+exec, iptables-legacy. Children are numbered in the order of their birth, for
pre (opening and joining), post, restore, and for a watchdog whose client dies; the watchdog, itself
a child of pre, is kill.py's. A firewall without programs has none. Of each, and each of its calls:

dies     the child is killed there: geopause goes by what it sees, as in inject.py
fails    the call fails, before the child has become another program: in the same way
orphan   geopause is killed there: the child does not outlive it, and never lifts later; then
         `restore`, or nobody comes by, as in kill.py

And lock: pre is killed while somebody holds iptables' lock, for which it, or its child, waits.

--every N takes each Nth of them, for a quick look. Needs root, nft, ip and strace; see bed.py.
"""
import errno
import fcntl
import itertools
import os
import signal
import sys
import time

import campaign
from bed import DEAD_S, XTABLES_LOCK, Missed, Wrong, state_of, wait_until
from inject import after_pre, must_be_closed_soon
from kill import nobody, restore
from tracing import (DEADLINE_S, VERBS, Attached, NthChild, OwnerDies, argv_of, count, has_open,
                     popen, prepare_verb, read, read_names, start_verb, trace_of)

FAILS = {"prctl": ("EPERM",), "chdir": ("EACCES",), "fcntl": ("EMFILE",), "dup3": ("EIO",),
         "execve": ("EACCES", "ENOMEM", "ETXTBSY")}
SETTLED_S = 0.5  # in which what was let go of, wrongly, would have lifted


class Verb:
    """That runs; its nth child is left stopped. child: its pid, 0 if it is not born."""

    def __init__(self, bed, verb, n):
        prepare_verb(bed, verb)
        self.process, child = start_verb(bed, argv_of(bed, verb), n + (verb.name == "pre"))
        self.pid = self.process.pid
        self.child = child.pid()

    def end(self):
        """(exit status, stderr)"""
        _, stderr = self.process.communicate(timeout=2 * DEADLINE_S)
        return self.process.returncode, stderr

    def kill(self):
        """Not heard: the child may have its stderr, too."""
        self.process.kill()
        self.process.wait()
        self.process.stderr.close()


class Watchdog:
    """The same of a watchdog."""

    def __init__(self, bed, phase, n):
        it = phase(bed)
        it.open()
        self.pid = bed.watchdog()
        child = NthChild(bed, self.pid, n)
        it.happen()
        self.child = child.pid()

    def end(self):
        if not wait_until(lambda: not state_of(self.pid), DEADLINE_S):
            raise Wrong("the watchdog does not end")
        return 0, ""

    def kill(self):
        os.kill(self.pid, signal.SIGKILL)
        self.end()


class Child:
    """The nth of its parent's: of a verb's, or of a watchdog's in a phase of its life."""

    def __init__(self, parent, n):
        self.parent, self.n = parent, n
        self.name = "child %d of %s" % (n, parent.name)
        self.of_verb = parent in VERBS

    def begin(self, bed):
        return (Verb if self.of_verb else Watchdog)(bed, self.parent, self.n)


class Lock:
    name = "lock"


def in_order(names):
    """Signals are set one after the other, without anything between: the first and the last."""
    triples = zip(count(names), [None] + names, names[1:] + [None])
    return [point for point, before, after in triples
            if point[0] != "rt_sigaction" or not point[0] == before == after]


def child_points(bed, child):
    it = child.begin(bed)
    if not it.child:
        it.end()
        return []
    attached = Attached(it.child, trace_of(bed))
    attached.go()
    it.end()
    attached.ended(DEADLINE_S)
    attached.detach()
    return in_order(read_names(trace_of(bed)))


def points_of(bed, parent):
    """Of all its children: (name, which of them, the child's number)"""
    if parent is Lock:
        return [("flock", 1, 0)] if bed.firewall.machine_lock else []
    points = []
    for n in itertools.count(1):
        found = campaign.in_bed(bed.program, child_points, Child(parent, n))
        if not found:
            return points
        points += [(*point, n) for point in found]


class Trial(campaign.Trial):
    def __init__(self, child, point):
        self.child, self.point = child, point[:2]

    def points_now(self, bed):
        return child_points(bed, self.child)

    def begin(self, bed, inject):
        it = self.child.begin(bed)
        if not it.child:
            raise Missed("there was no such child")
        attached = Attached(it.child, trace_of(bed), "%s:%s:when=%d" % (self.point[0], inject,
                                                                        self.point[1]))
        attached.go()
        return it, attached


class Fault(Trial):
    """Something is wrong with the child; geopause lives."""
    def __init__(self, child, point, what):
        super().__init__(child, point)
        self.what = what

    def __str__(self):
        return "%s, %s number %d: %s" % (self.child.name, *self.point, self.what)

    def run(self, bed):
        dies = self.what == "dies"
        it, attached = self.begin(bed, "signal=KILL" if dies else "error=" + self.what)
        status, stderr = it.end()
        attached.ended(DEADLINE_S)
        attached.detach()
        if ("+++ killed by SIGKILL" if dies else "(INJECTED)") not in read(trace_of(bed)):
            raise Missed("it did not come to that")
        if not self.child.of_verb:
            return must_be_closed_soon(bed)
        if status not in (0, 1, 3, 6):
            raise Wrong("exit %d, %s" % (status, stderr))
        why = "killed by signal 9" if dies else os.strerror(getattr(errno, self.what))
        if status and why not in stderr:
            raise Wrong("exit %d, and stderr does not say why: %s" % (status, stderr))
        return self.look(bed, status, stderr)

    def look(self, bed, status, stderr):
        name = self.child.parent.name
        if status == 3:
            bed.must("restore")
        elif name.startswith("pre"):
            return after_pre(bed, status, stderr, name != "pre")
        return must_be_closed_soon(bed)


class Orphan(Trial):
    """geopause is killed while the child, stopped, has just come to its point."""
    def __init__(self, child, point, future):
        super().__init__(child, point)
        self.future = future

    def __str__(self):
        return "%s, %s number %d: orphan, then %s" % (self.child.name, *self.point,
                                                      self.future.__name__)

    def run(self, bed):
        it, attached = self.begin(bed, "signal=STOP")
        came = wait_until(lambda: read(trace_of(bed)).count("stopped by SIGSTOP") > 1 or
                          not state_of(it.child), DEADLINE_S)
        it.kill()
        attached.detach()
        if not came or not read(trace_of(bed)).count("stopped by SIGSTOP") > 1:
            raise Missed("it did not come to that")
        if state_of(it.child):
            os.kill(it.child, signal.SIGCONT)
        if not wait_until(lambda: state_of(it.child) in ("", "Z"), DEAD_S):
            raise Wrong("the child outlives geopause")
        return self.future(bed)


class HeldLock(campaign.Trial):
    """Nobody lifts later: neither who was killed, nor whom it has started to wait."""
    point = ("flock", 1)

    def __init__(self, future):
        self.future = future

    def __str__(self):
        return "pre waits for iptables' lock: killed, then %s" % self.future.__name__

    def run(self, bed):
        status = self.kill_while_it_waits(bed)
        if status != -signal.SIGKILL:
            raise Wrong("pre has not waited for the lock: exit %d" % status)
        end = time.monotonic() + SETTLED_S
        while time.monotonic() < end:
            if bed.is_open():
                raise Wrong("somebody has lifted after pre was killed: %s" % bed.listing())
        self.future(bed)

    @staticmethod
    def kill_while_it_waits(bed):
        with open(XTABLES_LOCK, "r", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            pre = popen(bed, ["pre", "--challenge", "http-01", *bed.owner(0)])
            if not wait_until(lambda: any(has_open(pid, XTABLES_LOCK) for pid in bed.processes()),
                              DEADLINE_S):
                raise Wrong("pre does not ask for the lock")
            time.sleep(SETTLED_S)
            pre.kill()
            pre.communicate()
        return pre.returncode


def trials_of(child, points):
    named = [point[:2] for point in points]
    born = named.index(("execve", 1)) if ("execve", 1) in named else -1
    for i, point in enumerate(points):
        yield Fault(child, point, "dies")
        for error in FAILS.get(point[0], ()) if i <= born else ():
            yield Fault(child, point, error)
        if point[0] == "exit_group":
            continue  # it does not stop there any more
        for future in (restore, nobody) if child.of_verb else (restore,):
            yield Orphan(child, point, future)


def make_trials(parent, points):
    if parent is Lock:
        return [HeldLock(future) for future in (restore, nobody) if points]
    return [trial for n, its in itertools.groupby(points, lambda point: point[2])
            for trial in trials_of(Child(parent, n), list(its))]


SUBJECTS = [(parent, points_of) for parent in (*VERBS, OwnerDies, Lock)]

if __name__ == "__main__":
    sys.exit(campaign.main(__doc__, SUBJECTS, make_trials, traces=1))
