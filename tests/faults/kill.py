#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""
SIGKILL at every system call of pre (opening and joining), post, restore and the watchdog.

    kill.py --program build/geopause [--firewall NAME] [--every N] [--only TEXT] [--list]

strace kills at the i-th call of each name, as often as the name occurs in a run that is let alone;
a point at which nothing dies is a failure, if it is still there. Each point has several futures:

nobody    nobody comes by, and the client ends: the watchdog, if there is one, makes the ruleset
          identical (handles included), removes the journal and ends
kernel    the watchdog is killed, too: the kernel has closed the window after a heartbeat, as a
          packet finds out; then `restore` makes all of it identical. What no kernel closes, an
          exec or REST target's lift, `status` calls open
boot      as kernel, but in another boot, and at once
restore   `restore` at once
others    `pre` and `post` of others

--every N takes each Nth of them, for a quick look. Needs root, nft, ip and strace; see bed.py.
"""
import sys
import time

import campaign
from bed import DEAD_S, WINDOW_S, Missed, Wrong, wait_until
from boot import another_boot
from tracing import (DEADLINE_S, SUBJECTS, VERBS, Start, points_of, prepare_verb, read, run_verb,
                     trace_of)

# Before there is a process of ours, and after all is done.
SPARED = ("execve", "exit_group")
OPEN = 3  # exit status: something may still be open
SLACK_S = 0.3  # of the kernel's timers, and ours


def nobody(bed):
    bed.end_clients()
    if not wait_until(lambda: not bed.processes(), DEAD_S):
        raise Wrong("it is not closed %g s after the client's death: %s" % (
            DEAD_S, bed.status().stdout))
    bed.must_be_closed()


def must_tell(bed, status):
    """What no kernel closes; and where the journal is gone it is not even looked at."""
    lifted = bed.lifted() and not status.stdout.startswith("open:")
    unseen = bed.firewall.outside and "whose journal is gone" in status.stdout
    if status.returncode != (OPEN if lifted or unseen else 0):
        raise Wrong("status: exit %d, %s%s" % (status.returncode, status.stdout, status.stderr))


def kernel(bed, seconds=0):
    seconds = seconds or bed.firewall.expiry_s
    bed.end_processes()
    yield time.monotonic() + seconds + SLACK_S
    if bed.firewall.has_rules and bed.is_passed():
        raise Wrong("the kernel has not closed it after %d s: %s" % (seconds, bed.listing()))
    must_tell(bed, bed.status())
    bed.must("restore")
    bed.must_be_closed()


def boot(bed):
    bed.end_processes()
    with another_boot():
        restore(bed)


def restore(bed):
    bed.must("restore")
    bed.must_be_closed()


def others(bed):
    """After these, nobody holds it any more."""
    holders = [bed.owner(0), bed.owner(1), ["--lease", "test"], ["--lease", "another"]]
    bed.must("pre", *holders[-1])
    for holder in holders:
        bed.must("post", *holder)
    bed.must_be_closed()


FUTURES = (nobody, kernel, restore, others, boot)
WITHOUT_WATCHDOG = (kernel, restore, others, boot)


class Kill(campaign.Trial):
    def __init__(self, what, point, future):
        self.what, self.point, self.future = what, point, future

    def __str__(self):
        return "%s, %s number %d, then %s" % (self.what.name, *self.point, self.future.__name__)

    def points_now(self, bed):
        return points_of(bed, self.what)

    def inject(self):
        return "%s:signal=KILL:when=%d" % self.point


class KillVerb(Kill):
    def run(self, bed):
        prepare_verb(bed, self.what)
        done = run_verb(bed, self.what, inject=self.inject())
        if done.returncode != -9:
            raise Missed("it did not die: exit %d" % done.returncode)
        return self.future(bed)


class KillWatchdog(Kill):
    def run(self, bed):
        phase, path = self.what(bed), trace_of(bed)
        phase.begin(path, self.inject())
        phase.attached.go()
        status, stderr = phase.finish_pre()
        phase.attached.ended(DEADLINE_S)
        phase.attached.detach()
        if "+++ killed by SIGKILL +++" not in read(path):
            raise Missed("it did not die")
        if status:
            raise Wrong("pre: exit %d, %s" % (status, stderr))
        self.look(bed)
        if self.future is kernel:
            return kernel(bed, WINDOW_S if "no watchdog" in stderr else 0)
        return self.future(bed)

    def look(self, bed):
        """
        A dead watchdog is told; one that died in its start has never been there, perhaps. A child
        of its may have its lock until it executes its program.
        """
        told = ("dead", "absent") if self.what is Start else ("dead",)
        status = ""

        def is_told():
            nonlocal status
            status = bed.status().stdout
            return not bed.journal() or any("the watchdog is " + word in status for word in told)

        if not wait_until(is_told, 1):
            raise Wrong("status does not tell: " + status)


def make_trials(what, points):
    kind, futures = (KillVerb, FUTURES) if what in VERBS else (KillWatchdog, WITHOUT_WATCHDOG)
    if not campaign.Bed.firewall.outside:
        # The rules of the kernel's own die with the boot.
        futures = [future for future in futures if future is not boot]
    return [kind(what, point, future) for point in points if point[0] not in SPARED
            for future in futures]


if __name__ == "__main__":
    sys.exit(campaign.main(__doc__, SUBJECTS, make_trials))
