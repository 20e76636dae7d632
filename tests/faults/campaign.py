# SPDX-License-Identifier: GPL-3.0-or-later
"""
Many small trials, each in a Bed of its own, side by side. A trial that fails raises Wrong. One that
waits for something yields the time (time.monotonic()) to come back at: others run meanwhile.
"""
import argparse
import atexit
import concurrent.futures
import multiprocessing
import os
import shutil
import signal
import sys
import tempfile
import time
import traceback

from bed import (FIREWALLS, LIBC, Bed, Missed, Wrong, have_a_lock_of_our_own,
                 have_mounts_of_our_own, leave_systemd_alone)

BATCH = 40
# How many calls there are depends on who is how fast: whether something has to be extended, how
# often a pipe is looked at. So the points are those of several runs, each is tried more than once,
# and then looked for again. One that is still there, and at which nothing happens, is a failure.
TRACES = 3
TRIES = 5
NOT_MET_MAX = 0.02  # of all trials
PR_SET_PDEATHSIG = 1


class Trial:
    """At a point, (name of a system call, which of them). run(bed) may return a generator, too."""
    point = None

    def __str__(self):
        raise NotImplementedError

    def run(self, bed):
        raise NotImplementedError

    def points_now(self, bed):
        """Those among which its point was, as a run that is let alone has them now."""
        raise NotImplementedError

    def steps(self, bed):
        yield from self.run(bed) or ()


def points_now(bed, trial):
    return trial.points_now(bed)


class Outcome:
    def __init__(self):
        self.failures, self.not_met = [], []


class Running:
    def __init__(self, program, trial, outcome):
        self.program, self.trial, self.outcome = program, trial, outcome
        self.tries = TRIES
        self.begin()

    def begin(self):
        self.bed = Bed(self.program)
        self.steps = self.trial.steps(self.bed)
        self.until = 0
        self.tries -= 1

    def fail(self, why):
        self.outcome.failures.append("FAILED %s: %s" % (self.trial, why))

    def step(self):
        """Goes on with it. Returns whether it wants to be called again, at self.until."""
        self.bed.enter()
        try:
            self.until = next(self.steps)
            return True
        except StopIteration:
            pass
        except Missed as missed:
            if self.tries:
                self.close()
                self.begin()
                return True
            self.look_for_the_point(missed)
        except Wrong as wrong:
            self.fail(wrong)
        except Exception:  # pylint: disable=broad-exception-caught
            self.fail(traceback.format_exc())
        self.close()
        return False

    def look_for_the_point(self, missed):
        if self.trial.point in in_bed(self.program, points_now, self.trial):
            self.fail(missed)
        else:
            self.outcome.not_met.append("not met: %s" % self.trial)

    def close(self):
        self.bed.enter()
        self.bed.close()


def run_batch(program, trials):
    outcome, running = Outcome(), []
    try:
        for trial in trials:
            running.append(Running(program, trial, outcome))
            if not running[-1].step():
                running.pop()
        for one in sorted(running, key=lambda one: one.until):
            again = True
            while again:
                time.sleep(max(0, one.until - time.monotonic()))
                again = one.step()
            running.remove(one)
    finally:
        for one in running:  # interrupted
            one.close()
    return outcome


def run(pool, workers, program, trials):
    """The exit status."""
    batch = max(1, min(BATCH, len(trials) // workers))
    # Neighbours differ, so that no batch gets all that take long.
    n = max(1, len(trials) // batch)
    jobs = [(run_batch, program, trials[i::n]) for i in range(n)]
    failed = not_met = 0
    for outcome in pool.map(do, jobs):
        for line in outcome.failures + outcome.not_met:
            print(line, flush=True)
        failed += len(outcome.failures)
        not_met += len(outcome.not_met)
    print("%d passed, %d failed, %d not met" % (len(trials) - failed - not_met, failed, not_met))
    return 1 if failed or not trials or not_met > NOT_MET_MAX * len(trials) else 0


def in_bed(program, function, what):
    """function(bed, what), in another bed."""
    bed = Bed(program)
    try:
        return function(bed, what)
    finally:
        bed.enter()
        bed.close()


def points(program, traces, what, points_of):
    """Returns (what, points): those that are always met, as far as can be seen."""
    first, *others = [in_bed(program, points_of, what) for _ in range(traces)]
    return what, [point for point in first if all(point in other for other in others)]


def do(job):
    """In a worker, which would go on with the next job after an exception."""
    function, *argv = job
    try:
        return function(*argv)
    except KeyboardInterrupt:
        os._exit(1)


def begin_worker():
    """Cleans up as after SIGINT when the main process dies."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGINT)
    have_mounts_of_our_own()
    leave_systemd_alone()
    if Bed.firewall.outside:
        Bed.firewall.outside.prepare()
    if Bed.firewall.machine_lock:
        work = tempfile.mkdtemp(prefix="geopause-faults-lock-")
        have_a_lock_of_our_own(work)
        atexit.register(shutil.rmtree, work)


def arguments(doc):
    parser = argparse.ArgumentParser(description=doc.strip().split("\n", 1)[0])
    parser.add_argument("--program", required=True)
    parser.add_argument("--tools", help="the directory of box and nth_child, if they are not where "
                        "CMake has built them")
    parser.add_argument("--firewall", default="nftables", choices=FIREWALLS)
    parser.add_argument("--every", type=int, default=1, help="only each so-manieth point")
    parser.add_argument("--only", default="", help="only trials with this in their name")
    parser.add_argument("--spare", default="", metavar="NAME,...", help="system calls that are not "
                        "met, as a sanitizer dies when they fail")
    parser.add_argument("--list", action="store_true", help="only name them")
    args = parser.parse_args()
    args.program = os.path.abspath(args.program)
    Bed.firewall = FIREWALLS[args.firewall]()
    Bed.tools = args.tools or os.path.join(os.path.dirname(args.program), "tests", "faults")
    args.spare = args.spare.split(",")
    if os.geteuid():
        sys.exit("root is needed for network namespaces")
    return args


def main(doc, subjects, make_trials, traces=TRACES):
    """subjects: (what, points_of); make_trials(what, points)"""
    args = arguments(doc)
    workers = 2 * (os.cpu_count() or 1)  # they wait more than they work
    with concurrent.futures.ProcessPoolExecutor(
            workers, multiprocessing.get_context("fork"), begin_worker) as pool:
        jobs = [(points, args.program, traces, *subject) for subject in subjects
                if getattr(subject[0], "name", "") not in Bed.firewall.without]
        # By the workers, too: the program reads the processes above it.
        trials = [t for traced in pool.map(do, jobs) for t in make_trials(*traced)]
        trials = [t for t in trials if args.only in str(t) and t.point[0] not in args.spare]
        trials = trials[::args.every]
        if not args.list:
            return run(pool, workers, args.program, trials)
    print("\n".join(map(str, trials)))
    return 0
