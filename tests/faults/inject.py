#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""
Each system call of pre (opening and joining), post, restore and the watchdog fails once.

    inject.py --program build/geopause [--firewall NAME] [--every N] [--only TEXT] [--list]

strace makes the i-th call of each name fail, with each error of ERRORS that makes sense for it.
Then

- pre that exits with 0 has lifted, is seen to by status and by a packet, and is watched, or has
  said that it is not; what pre that exits with another status but 3 has done is undone
- post and restore that exit with 0 have made the ruleset identical, and left no journal and no
  process; so have those that exit with another status but 3
- after a 3, `restore` heals all; and for every status but 0 stderr names the error
- a watchdog that has begun lives on, and closes after its client's death

--every N takes each Nth of them, for a quick look. Needs root, nft, ip and strace; see bed.py.
"""
import errno
import json
import os
import sys

import campaign
from bed import Missed, Wrong, wait_until
from tracing import SUBJECTS, VERBS, Start, points_of, prepare_verb, read, run_verb, trace_of

ERRORS = {
    "openat mkdir": "EIO ENOSPC EINTR ENOMEM EPERM",
    "renameat unlinkat": "EIO ENOSPC EPERM",
    "write pwrite64 ftruncate": "EIO ENOSPC EINTR",
    "read pread64": "EIO EINTR",
    "close dup2": "EIO EINTR",
    "access newfstatat readlink getdents64 lseek fcntl chdir": "EIO ENOMEM",
    "sendto": "ENOBUFS EINTR ENOMEM EPERM",
    "recvmsg recvfrom": "ENOBUFS EINTR ENOMEM",
    "socket bind getsockname setsockopt getsockopt": "ENOBUFS ENOMEM EPERM",
    "flock": "EIO EINTR ENOMEM",
    "poll": "EINTR ENOMEM",
    "getrandom": "EIO EINTR",
    "wait4": "EINTR",
    "clone clone3 pipe2 signalfd4 pidfd_open": "ENOMEM EPERM",
    "mmap munmap mprotect": "ENOMEM",
    "capget capset prctl kill setsid": "EPERM",
}
APPLICABLE = {name: errors.split() for names, errors in ERRORS.items() for name in names.split()}
ALL = ("EIO", "ENOSPC", "ENOBUFS", "EINTR", "ENOMEM", "EPERM")
# They cannot fail, as we call them; but brk(2), which says so in its own way, and whose caller
# then uses mmap(2).
SPARED = ("execve", "exit_group", "getpid", "getppid", "getuid", "geteuid", "umask", "arch_prctl",
          "rt_sigaction", "rt_sigprocmask", "rt_sigpending", "rt_sigtimedwait", "set_tid_address",
          "set_robust_list", "rseq", "prlimit64", "restart_syscall", "brk",
          "waitid", "futex")
HEALED_S = 15  # a watchdog tries again after a second
LOADER = 127  # ld.so(8) could not start it


def has_failed(bed):
    return "(INJECTED)" in read(trace_of(bed))


def must_be_closed_soon(bed):
    if not wait_until(lambda: not bed.processes(), HEALED_S):
        raise Wrong("a process is left, it is not closed: " + bed.status().stdout)
    bed.must_be_closed()


def must_be_closed_but_for_the_journal(bed):
    """It could not be removed: it says "closing", does no harm, and the next one removes it."""
    if not wait_until(lambda: not bed.processes(), HEALED_S):
        raise Wrong("a process is left: " + bed.status().stdout)
    if not bed.is_identical():
        raise Wrong("it differs: %s%s" % (bed.listing(), bed.lifted()))
    bed.must("restore")
    bed.must_be_closed()


def must_close_behind_the_client(bed):
    bed.end_clients()
    must_be_closed_soon(bed)


def is_lifted(bed, status, ports):
    return (status["state"] == "open" and all(lift["live"] == "lifted" for lift in status["lifts"])
            and all(bed.is_open(port) for port in ports))


def must_be_lifted(bed, ports, seconds=0):
    """Returns whether somebody watches."""
    def lifted():
        nonlocal status
        status = json.loads(bed.geopause(["status", "--json"]).stdout)
        return is_lifted(bed, status, ports)
    status = None
    if not wait_until(lifted, seconds):
        raise Wrong("it is not lifted: %s\n%s" % (status, bed.listing()))
    return status["watchdog"]["state"] == "alive"


def after_pre(bed, status, stderr, joining):
    if status == 0:
        if must_be_lifted(bed, (80, 443) if joining else (80,)):
            return must_close_behind_the_client(bed)
        if "no watchdog" not in stderr:
            raise Wrong("nobody watches, and nobody said so: %s" % stderr)
        for client in range(2):
            bed.must("post", *bed.owner(client))
        return must_be_closed_soon(bed)
    if not joining:
        return must_be_closed_soon(bed)
    must_be_lifted(bed, (80,))
    if bed.is_ajar(443):
        raise Wrong("exit %d, and port 443 stays open: %s" % (status, stderr))
    return must_close_behind_the_client(bed)


class Fault(campaign.Trial):
    def __init__(self, what, point, error):
        self.what, self.point, self.error = what, point, error

    def __str__(self):
        return "%s, %s number %d: %s" % (self.what.name, *self.point, self.error)

    def points_now(self, bed):
        return points_of(bed, self.what)

    def inject(self):
        return "%s:error=%s:when=%d" % (self.point[0], self.error, self.point[1])


class VerbFault(Fault):
    def run(self, bed):
        prepare_verb(bed, self.what)
        done = run_verb(bed, self.what, trace_of(bed), self.inject())
        if not has_failed(bed):
            raise Missed("there was no such call")
        if done.returncode not in (0, 1, 3, 4, 5, 6, LOADER):
            raise Wrong("exit %d, %s" % (done.returncode, done.stderr))
        if done.returncode and not self.is_explained(done):
            raise Wrong("exit %d, and stderr does not say why: %s" % (done.returncode, done.stderr))
        try:
            self.look(bed, done)
        except Wrong as wrong:
            raise Wrong("after exit %d, %s\n%s" % (done.returncode, done.stderr, wrong)) from wrong

    def is_explained(self, done):
        """
        The loader has words of its own, for itself and for the backend; LeakSanitizer, where it is
        compiled in, has read its options in vain, and so looked at a process that is traced.
        """
        if done.returncode == LOADER or "loading it failed" in done.stderr:
            return True
        if self.point[0] == "write" and "exited with status 1" in done.stderr:
            return True  # a program whose request was cut short
        if "LeakSanitizer does not work under ptrace" in done.stderr:
            return True
        return os.strerror(getattr(errno, self.error)) in done.stderr

    def look(self, bed, done):
        if done.returncode == 3:
            bed.must("restore")
            must_be_closed_soon(bed)
        elif done.returncode == LOADER and self.what.name != "pre":
            must_close_behind_the_client(bed)
        elif self.what.name.startswith("pre"):
            after_pre(bed, done.returncode, done.stderr, self.what.name != "pre")
        else:
            must_be_closed_soon(bed)


class WatchdogFault(Fault):
    def run(self, bed):
        phase = self.what(bed)
        phase.begin(trace_of(bed), self.inject())
        phase.attached.go()
        status, stderr = phase.finish_pre()
        failed = wait_until(lambda: has_failed(bed), HEALED_S)
        phase.attached.ended(HEALED_S if phase.closing else 0.3)  # it may do more
        phase.attached.detach()
        if not failed:
            raise Missed("there was no such call")
        if status:
            raise Wrong("pre: exit %d, %s" % (status, stderr))
        if phase.closing and self.point[0] == "unlinkat":
            return must_be_closed_but_for_the_journal(bed)
        if phase.closing:
            return must_be_closed_soon(bed)
        if must_be_lifted(bed, (80,), HEALED_S):
            return must_close_behind_the_client(bed)
        if "no watchdog" not in stderr:
            raise Wrong("the watchdog has died: %s" % stderr)
        bed.must("post", *bed.owner(0))
        return must_be_closed_soon(bed)



def make_trials(what, points):
    kind = VerbFault if what in VERBS else WatchdogFault
    points = [point for point in points if point != ("mmap", 1)]  # the loader dies by SIGSEGV
    # Linux frees a descriptor whatever close(2) says. Injected it stays open, and pipes with it:
    # whoever waits for their end there, waits for what cannot be.
    has_pipes = what is Start or campaign.Bed.firewall.has_children
    spared = SPARED + (("close",) if has_pipes else ())
    return [kind(what, point, error) for point in points if point[0] not in spared
            for error in APPLICABLE.get(point[0], ALL)]


if __name__ == "__main__":
    sys.exit(campaign.main(__doc__, SUBJECTS, make_trials))
