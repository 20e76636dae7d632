# SPDX-License-Identifier: GPL-3.0-or-later
"""Taking back what failed half-way, what an earlier boot has left, and what was opened in another
network namespace: nobody is locked out while a provider takes its time with it."""
import json
import subprocess

from bed import DONE, FAILED, OPEN, require, requires
from boot import another_boot
from waits import at_it, end, holders, kill_after_write, serve_slow, start, until_waiting

TAKES_S = 2


def serve_failing(bed):
    """One target takes its time, another one refuses."""
    slow, failing = bed.serve("gcp-armor", "linode")
    slow.model.takes_s = TAKES_S
    failing.model.faults = dict.fromkeys(
        range(1, 50),
        lambda model: "401" if model.is_write(model.requests[-1]) else None)
    return slow, [target.model.snapshot() for target in (slow, failing)]


def case_half_failed(bed):
    """What another target's failure has left half open is waited for without the lock, too."""
    slow, before = serve_failing(bed)
    pre = start(bed, "pre", "test")
    until_waiting(bed, slow)
    bed.run("status", status=(DONE, OPEN))
    requires(end(pre, FAILED), "linode", "rolled back, nothing is open")
    bed.require_closed(*before)
    pre = start(bed, "pre", "test")
    until_waiting(bed, slow)
    bed.kill_all()
    pre.communicate()
    require(at_it(slow), "it was killed too late")
    bed.run("restore")
    bed.require_closed(*before)


def case_half_failed_join(bed):
    """The same for who joins: the window stays open for the others."""
    slow, before = serve_failing(bed)
    targets, bed.targets = bed.targets, bed.targets[1:]
    failing = bed.targets[0].model
    faults, failing.faults = failing.faults, {}
    bed.policy()
    end(start(bed, "pre", "first"), DONE)
    opened = failing.snapshot()
    bed.targets = targets
    failing.faults = faults
    bed.policy(challenges=["http-01"])
    # Another target of the same provider.
    other = dict(targets[1].document, name="linode-2")
    bed.write("policy.json", json.dumps({
        "version": 1, "challenges": ["http-01"], "targets": [targets[0].document, other]}))
    pre = start(bed, "pre", "second")
    until_waiting(bed, slow)
    require(holders(bed) == ["first"], "the second is there already")
    requires(end(pre, FAILED), "linode-2", "rolled back; the window stays open for")
    require(failing.snapshot() == opened, "the first's lift is gone")
    failing.faults = {}
    bed.run("restore")
    bed.require_closed(*before)


def restore_of_boot(bed, command, kill):
    target = serve_slow(bed, "gcp-armor", 0)
    before = target.model.snapshot()
    bed.pre()
    bed.kill_all()
    target.model.takes_s = TAKES_S
    with another_boot():
        process = start(bed, command, "test") if command == "pre" else bed.start(command)
        until_waiting(bed, target)
        bed.run("status", status=(DONE, OPEN))
        if kill:
            bed.kill_all()
        process.communicate(timeout=60)
        require(process.returncode == (-9 if kill else DONE), "exit %d" % process.returncode)
        bed.run("restore")
    bed.require_closed(before)
    bed.unserve()


def case_earlier_boot(bed):
    """What was open when the machine went down is waited for without the lock."""
    for command in ("restore", "pre"):
        for kill in (False, True):
            restore_of_boot(bed, command, kill)


def case_from_another_namespace(bed):
    """restore goes into the namespace of a window, and keeps nobody out while it waits there."""
    target = serve_slow(bed, "gcp-armor", 0)
    before = target.model.snapshot()
    bed.pre()
    bed.kill_all()
    target.model.takes_s = TAKES_S
    restore = subprocess.Popen(
        ["unshare", "--net", bed.program, "restore", "--state", bed.path("state")],
        stdin=subprocess.DEVNULL, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    until_waiting(bed, target)
    end(restore, DONE)
    bed.require_closed(before)


def case_killed_before_commit(bed):
    """pre is killed while what it has committed is under way, and restore after it has deleted all
    and before it has committed that: nothing is believed closed because nothing is there."""
    target = serve_slow(bed, "pfsense", TAKES_S)
    before, closed = target.model.snapshot(), target.matrix()
    pre = start(bed, "pre", "test")
    until_waiting(bed, target)
    bed.kill_all()
    pre.communicate()
    target.model.settle()
    target.model.takes_s = 0
    target.forget()
    dead = kill_after_write(bed, target, 2)  # of two rules
    bed.start("restore").communicate(timeout=60)
    require(dead.wait(60), "it was not killed")
    target.model.on_request = None
    require(target.matrix() != closed, "it was killed too late")
    bed.run("restore")
    require(target.matrix() == closed, "what was deleted is still in force")
    bed.require_closed(before)


CASES = {name[5:].replace("_", "-"): function for name, function in globals().items()
         if name.startswith("case_")}
