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

from bed import FIREWALLS, LIBC, Bed, Wrong, have_a_lock_of_our_own, leave_systemd_alone

BATCH = 40
PR_SET_PDEATHSIG = 1


class Trial:
    """At a point, (name of a system call, which of them). run(bed) may return a generator, too."""
    point = None

    def __str__(self):
        raise NotImplementedError

    def run(self, bed):
        raise NotImplementedError

    def steps(self, bed):
        yield from self.run(bed) or ()


class Running:
    def __init__(self, trial, bed):
        self.trial, self.bed, self.steps = trial, bed, trial.steps(bed)
        self.until = 0

    def step(self, failures):
        """Goes on with it. Returns whether it wants to be called again, at self.until."""
        self.bed.enter()
        try:
            self.until = next(self.steps)
            return True
        except StopIteration:
            pass
        except Wrong as wrong:
            failures.append("FAILED %s: %s" % (self.trial, wrong))
        except Exception:  # pylint: disable=broad-exception-caught
            failures.append("FAILED %s: %s" % (self.trial, traceback.format_exc()))
        self.close()
        return False

    def close(self):
        self.bed.enter()
        self.bed.close()


def run_batch(program, trials):
    """Returns the failures."""
    failures, running = [], []
    try:
        for trial in trials:
            running.append(Running(trial, Bed(program)))
            if not running[-1].step(failures):
                running.pop()
        for one in sorted(running, key=lambda one: one.until):
            again = True
            while again:
                time.sleep(max(0, one.until - time.monotonic()))
                again = one.step(failures)
            running.remove(one)
    finally:
        for one in running:  # interrupted
            one.close()
    return failures


def run(pool, workers, program, trials):
    """The exit status."""
    batch = max(1, min(BATCH, len(trials) // workers))
    # Neighbours differ, so that no batch gets all that take long.
    n = max(1, len(trials) // batch)
    jobs = [(run_batch, program, trials[i::n]) for i in range(n)]
    failed = 0
    for failures in pool.map(do, jobs):
        for failure in failures:
            print(failure, flush=True)
        failed += len(failures)
    print("%d passed, %d failed" % (len(trials) - failed, failed))
    return 1 if failed or not trials else 0


def points(program, what, points_of):
    """Returns (what, points)."""
    bed = Bed(program)
    try:
        return what, points_of(bed, what)
    finally:
        bed.close()


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
    leave_systemd_alone()
    if Bed.firewall.expiry_s == Bed.firewall.max_window_s:
        work = tempfile.mkdtemp(prefix="geopause-faults-lock-")
        have_a_lock_of_our_own(work)
        atexit.register(shutil.rmtree, work)


def arguments(doc):
    parser = argparse.ArgumentParser(description=doc.strip().split("\n", 1)[0])
    parser.add_argument("--program", required=True)
    parser.add_argument("--firewall", default="nftables", choices=FIREWALLS)
    parser.add_argument("--every", type=int, default=1, help="only each so-manieth point")
    parser.add_argument("--only", default="", help="only trials with this in their name")
    parser.add_argument("--spare", default="", metavar="NAME,...", help="system calls that are not "
                        "met, as a sanitizer dies when they fail")
    parser.add_argument("--list", action="store_true", help="only name them")
    args = parser.parse_args()
    Bed.firewall = FIREWALLS[args.firewall]()
    args.spare = args.spare.split(",")
    if os.environ.get("GEOPAUSE_LONG_TESTS"):
        args.every = 1
    args.program = os.path.abspath(args.program)
    if os.geteuid():
        sys.exit("root is needed for network namespaces")
    return args


def main(doc, subjects, make_trials):
    """subjects: (what, points_of); make_trials(what, points)"""
    args = arguments(doc)
    workers = 2 * (os.cpu_count() or 1)  # they wait more than they work
    with concurrent.futures.ProcessPoolExecutor(
            workers, multiprocessing.get_context("fork"), begin_worker) as pool:
        jobs = [(points, args.program, *subject) for subject in subjects
                if getattr(subject[0], "name", "") not in Bed.firewall.without]
        # By the workers, too: the program reads the processes above it.
        trials = [t for traced in pool.map(do, jobs) for t in make_trials(*traced)]
        trials = [t for t in trials if args.only in str(t) and t.point[0] not in args.spare]
        trials = trials[::args.every]
        if not args.list:
            return run(pool, workers, args.program, trials)
    print("\n".join(map(str, trials)))
    return 0
