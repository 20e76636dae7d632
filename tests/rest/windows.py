# SPDX-License-Identifier: GPL-3.0-or-later
"""Several targets in one window, and every way in which a window ends by itself."""
import contextlib
import fcntl
import json
import signal
import time

from bed import FAILED, UNVERIFIED, require, requires, until
from boot import another_boot

EXTENDABLE = ("cloudflare-waf", "mikrotik-list")
EXPIRING = EXTENDABLE + ("fortigate",)
PARALLEL = ("vultr", "opnsense-rule", "pfsense", "linode")
LATENCY_S = 0.2


def seconds_of(function):
    begin = time.monotonic()
    function()
    return time.monotonic() - begin


def case_parallel(bed):
    """Opening and closing cost the slowest, not the sum; the best of three, for a busy host."""
    targets = bed.serve(*PARALLEL)
    for target in targets:
        target.model.delay_s = LATENCY_S
        for rest in target.models:
            rest.delay_s = LATENCY_S
    alone = {}
    for bed.targets in [[t] for t in targets] + [targets]:
        bed.policy()
        tries = [(seconds_of(bed.pre), seconds_of(bed.post)) for _ in range(3)]
        alone[len(bed.targets), bed.targets[0].name] = [min(t) for t in zip(*tries)]
    together = alone.pop((len(targets), targets[0].name))
    for name, together_s, alone_s in zip(("pre", "post"), together, zip(*alone.values())):
        require(together_s < 1.3 * max(alone_s), "%s takes %.2f s, alone they take %s" % (
            name, together_s, ["%.2f" % s for s in alone_s]))


def case_all_or_nothing(bed):
    """What another target's failure has left open is taken back."""
    targets = bed.serve("vultr", "linode", "opnsense-rule")
    before = [t.model.snapshot() for t in targets]
    linode = targets[1].model
    linode.faults = dict.fromkeys(
        range(1, 50), lambda model: "401" if model.is_write(model.requests[-1]) else None)
    requires(bed.pre(status=FAILED)[1], "linode")
    require(targets[0].model.writes() and targets[2].model.writes(), "nothing was taken back")
    bed.require_closed(*before)


def case_provider_expiry(bed):
    """The provider closes by itself, though nothing of geopause is left; restore makes it exact."""
    for recipe in EXPIRING:
        target = bed.serve(recipe)
        before, closed = target.model.snapshot(), target.matrix()
        bed.pre()
        bed.kill_all()
        require(target.matrix() != closed, "it was not lifted")
        target.model.ahead_s = 3600
        require(target.matrix() == closed, "an hour later it is still open")
        with another_boot():
            bed.run("restore")
        bed.require_closed(before)
        bed.unserve()


def case_extend(bed):
    """A second client's longer lease moves the provider's expiry, where the recipe can."""
    for recipe in EXTENDABLE:
        target = bed.serve(recipe)
        before, closed = target.model.snapshot(), target.matrix()
        bed.policy(window="2m")
        bed.pre()
        bed.run("pre", "--lease", "second", "--owner", "none", "--window", "20m")
        target.model.ahead_s = 600
        require(target.matrix() != closed, "%s: it closes before the second lease ends" % recipe)
        target.model.ahead_s = 0
        bed.post()
        bed.run("post", "--lease", "second", "--owner", "none")
        bed.require_closed(before)
        bed.unserve()


def case_not_extended(bed):
    """Where it cannot, the second client is told, and the first one's window stays as it was."""
    target = bed.serve("fortigate")
    before = target.model.snapshot()
    bed.policy(window="2m")
    bed.pre()
    lifted = target.model.snapshot()
    _, text = bed.run("pre", "--lease", "second", "--owner", "none", "--window", "20m",
                      status=FAILED)
    requires(text, "fortigate", "deadline", "the window stays open for lease test")
    require(target.model.snapshot() == lifted, "the first window has changed")
    bed.post()
    bed.require_closed(before)


def case_boot(bed):
    """The window of a host that was reset is closed after the boot, from the journal alone."""
    targets = bed.serve("linode", "digitalocean", "azure-nsg")
    before = [t.model.snapshot() for t in targets]
    bed.pre()
    bed.kill_all()
    bed.lose("window-")
    bed.targets = []
    bed.write("policy.json", json.dumps({"version": 1, "targets": [targets[0].document]}))
    bed.targets = targets
    with another_boot():
        bed.run("restore")
    bed.require_closed(*before)


def case_watchdog(bed):
    """A client that dies: the watchdog closes."""
    target = bed.serve("vultr")
    before = target.model.snapshot()
    owner = bed.sleeper()
    bed.run("pre", "--owner", str(owner.pid))
    require(target.model.snapshot() != before, "it was not lifted")
    owner.kill()
    owner.wait()
    until(lambda: target.model.snapshot() == before, "the watchdog")
    until(lambda: not bed.left(), "the end of the window")


def case_post_is_the_end(bed):
    """The watchdog asks no provider for what post has closed, nor holds the lock for it."""
    target = bed.serve("vultr")
    bed.pre()
    bed.wait_for_first_look()
    bed.post()
    asked = target.count()
    bed.wait_for_watchdog()
    require(target.count() == asked, "after post: %s" % [
        str(request) for request in target.model.requests[asked:]])


def case_journal_lost(bed):
    """Nobody else has closed it: the watchdog does, though the journal is gone, or all of it is."""
    target = bed.serve("vultr")
    before = target.model.snapshot()
    for prefixes in (("window-",), ("window-", "lasting/", "watchdog-")):
        bed.pre()
        bed.wait_for_first_look()
        bed.lose(*prefixes)
        until(lambda: target.model.snapshot() == before, "the watchdog closes")
        bed.wait_for_watchdog()
        bed.lose("lasting/")
    bed.require_closed(before)


def try_lock(lock):
    with contextlib.suppress(BlockingIOError):
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False


def start_settling(bed, target):
    """pre, which waits for the provider, and goes on doing so while somebody else has the lock."""
    target.forget()
    target.model.takes = 10 ** 6
    pre = bed.start("pre", "--lease", "test", "--owner", "none")
    until(target.model.writes, "a write")
    with open(bed.path("state", "lock"), "a", encoding="ascii") as lock:
        until(lambda: try_lock(lock), "the lock")
        asked = target.count()
        until(lambda: target.count() > asked, "pre, which waits without the lock")
    return pre


def case_settle(bed):
    """What a provider takes its time for is waited for, and nobody is locked out meanwhile."""
    target = bed.serve("digitalocean")
    before, closed = target.model.snapshot(), target.matrix()
    pre = start_settling(bed, target)
    requires(bed.run("status")[1], "lifted")
    bed.settle()
    text = "".join(pre.communicate(timeout=60))
    require(pre.returncode == 0, text)
    require(target.matrix() == target.lifted(closed), "not lifted")
    target.model.takes = 1
    bed.post()
    bed.require_closed(before)


def case_settle_in_vain(bed):
    """The provider fails, or pre is interrupted: what was opened is closed, and that is said."""
    target = bed.serve("digitalocean")
    before = target.model.snapshot()
    target.model.fails = True
    requires(bed.pre(status=UNVERIFIED)[1], "digitalocean", "says that it failed",
             "nothing is open")
    bed.require_closed(before)
    target.model.fails = False
    pre = start_settling(bed, target)
    pre.send_signal(signal.SIGTERM)
    bed.settle()
    requires("".join(pre.communicate(timeout=60)), "interrupted", "nothing is open")
    bed.require_closed(before)


def case_not_in_force(bed):
    """What a provider has written down and was never told to apply is not open."""
    target = bed.serve("opnsense-rule")
    target.document["deadline"] = "3s"
    bed.policy()
    before = target.model.snapshot()
    target.spoil(4, "hang")  # the second rule; no time is left to apply it
    requires(bed.pre(status=FAILED)[1], "opnsense-rule", "nothing is open")
    bed.require_closed(before)


def case_never_done(bed):
    """What a provider has given up is not waited for until the deadline."""
    target = bed.serve("azure-nsg")
    before = target.model.snapshot()
    for target.model.end in ("Failed", "Canceled"):
        text = bed.pre(status=UNVERIFIED)[1]
        requires(text, "azure-nsg", "nothing is open")
        require("unknown" not in text, text)
        bed.require_closed(before)


CASES = {name[5:].replace("_", "-"): function for name, function in globals().items()
         if name.startswith("case_")}
