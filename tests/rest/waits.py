# SPDX-License-Identifier: GPL-3.0-or-later
"""Providers that accept a change and are done with it seconds later: nobody is locked out
meanwhile, and nothing is believed open while it is closed, or closed while it is open."""
import contextlib
import fcntl
import json
import threading

from bed import DONE, OPEN, UNVERIFIED, require, requires, until
from boot import another_boot

TAKES_S = 4
# An object of our own, one with a commit, and somebody else's rule.
SLOW = ("hetzner", "pfsense", "gcp-armor")


def lock_is_free(bed):
    with open(bed.path("state", "lock"), "a", encoding="ascii") as lock, \
            contextlib.suppress(BlockingIOError):
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False


def start(bed, command, lease):
    return bed.start(command, "--lease", lease, "--owner", "none")


def end(process, *statuses):
    text = "".join(process.communicate(timeout=60))
    require(process.returncode in statuses, "exit %d, not %s\n%s" % (
        process.returncode, statuses, text))
    return text


def at_it(target):
    return bool(target.model.later)


def until_waiting(bed, target):
    """The provider is at it, and whoever has asked it waits for that without the lock."""
    until(lambda: at_it(target), "an operation")
    until(lambda: lock_is_free(bed), "the lock")
    require(at_it(target), "the lock was held until the provider was done")


def serve_slow(bed, recipe, takes_s=TAKES_S, deadline="20s", **policy):
    target = bed.serve(recipe)
    target.document["deadline"] = deadline
    bed.policy(**policy)
    target.model.takes_s = takes_s
    target.forget()
    return target


def writes_of(target):
    return len(target.model.writes())


def kill_after_write(bed, target, number):
    """When the number-th write is carried out, and not answered. Returns what is set then."""
    dead = threading.Event()

    def look(_number, when):
        if when == "after" and writes_of(target) == number and not dead.is_set():
            bed.kill_all()
            dead.set()
    target.model.on_request = look
    return dead


def holders(bed):
    return [lease.get("name") for lease in json.loads(bed.run("status", "--json")[1])["leases"]]


def is_open(target, closed):
    return target.matrix() != closed


def overlap(bed, recipe):
    target = serve_slow(bed, recipe, challenges=["http-01"])
    before, closed = target.model.snapshot(), target.matrix()
    first = start(bed, "pre", "first")
    until_waiting(bed, target)
    second = start(bed, "pre", "second")
    until(lambda: holders(bed) == ["first", "second"], "the second lease")
    require(at_it(target), "the second has joined only when the first was done")
    for pre in (first, second):
        end(pre, DONE)
        require(is_open(target, closed), "pre says that it is open, and it is not")
    bed.run("post", "--lease", "first", "--owner", "none")
    post = start(bed, "post", "second")
    until_waiting(bed, target)
    requires(bed.run("status", status=(DONE, OPEN))[1], "closing", "under way")
    third = start(bed, "pre", "third")
    end(post, DONE)
    end(third, DONE)
    require(is_open(target, closed), "the third pre says that it is open, and it is not")
    bed.run("post", "--lease", "third", "--owner", "none")
    bed.require_closed(before)


def case_overlap(bed):
    """Others join while it opens; and who comes while it closes waits, and opens it again."""
    for recipe in SLOW:
        overlap(bed, recipe)
        bed.unserve()


def kill_while_waiting(bed, recipe, command, boot):
    target = serve_slow(bed, recipe, challenges=["http-01"])
    before = target.model.snapshot()
    if command == "post":
        target.model.takes_s = 0
        bed.pre()
        target.model.takes_s = TAKES_S
    process = start(bed, command, "test")
    until_waiting(bed, target)
    bed.kill_all()
    process.communicate()
    require(at_it(target), "it was killed too late")
    with boot():
        bed.run("restore")
    require(not at_it(target), "restore has not waited for the provider")
    bed.require_closed(before)
    bed.unserve()


def case_killed_while_waiting(bed):
    """restore goes on where pre or post was killed: what is under way is not closed."""
    for recipe in SLOW:
        kill_while_waiting(bed, recipe, "pre", contextlib.nullcontext)
    kill_while_waiting(bed, "gcp-armor", "pre", another_boot)
    kill_while_waiting(bed, "gcp-armor", "post", contextlib.nullcontext)
    kill_while_waiting(bed, "hetzner", "post", another_boot)


def case_owner_dies_while_waiting(bed):
    """The watchdog closes what the provider has not opened yet."""
    target = serve_slow(bed, "gcp-armor")
    before = target.model.snapshot()
    owner = bed.sleeper()
    pre = bed.start("pre", "--owner", str(owner.pid))
    until_waiting(bed, target)
    owner.kill()
    owner.wait()
    requires(end(pre, UNVERIFIED), "closed before", "nothing is open")
    bed.wait_for_watchdog()
    bed.require_closed(before)


def case_restored_while_waiting(bed):
    """pre does not say that what somebody has closed meanwhile is open."""
    target = serve_slow(bed, "azure-nsg")
    before = target.model.snapshot()
    pre = start(bed, "pre", "test")
    until_waiting(bed, target)
    bed.run("restore")
    requires(end(pre, UNVERIFIED), "azure-nsg|closed before", "nothing is open")
    bed.require_closed(before)


def fail_hetzner(state):
    for action in state["actions"].values():
        action["status"] = "error"


def fail_azure_nsg(state):
    for rule in state["rules"]:
        if rule["properties"]["provisioningState"] == "Updating":
            rule["properties"]["provisioningState"] = "Failed"


def fail_azure_appgw_waf(state):
    state["properties"]["provisioningState"] = "Failed"


def fail_gcp_armor(state):
    for operation in state["operations"].values():
        operation.update(status="DONE", error={"errors": []})


FAILS = {"hetzner": fail_hetzner, "azure-nsg": fail_azure_nsg,
         "azure-appgw-waf": fail_azure_appgw_waf, "gcp-armor": fail_gcp_armor}


def fail_next(model, fail):
    """What the next write begins, but nothing after that."""
    after = model.after

    def failing(requests, _function):
        writes = len(model.writes())
        model.after = lambda n, function: \
            failing(n, function) if len(model.writes()) == writes else after(n, function)
        after(requests, lambda: fail(model.state))
    model.after = failing


def case_accepted_and_failed(bed):
    """What the provider has accepted and then not done is taken back."""
    for recipe, fail in FAILS.items():
        target = serve_slow(bed, recipe, takes_s=0)
        before = target.model.snapshot()
        fail_next(target.model, fail)
        requires(bed.pre(status=UNVERIFIED)[1], recipe, "says that it failed", "nothing is open")
        if recipe == "azure-appgw-waf":
            before["properties"]["provisioningState"] = "Succeeded"
        bed.require_closed(before)
        bed.unserve()


def case_not_done_in_time(bed):
    """After the deadline it is not known: neither open nor, while the provider is at it, closed."""
    for recipe in ("hetzner", "azure-nsg", "gcp-armor"):
        target = serve_slow(bed, recipe, takes_s=6, deadline="2s")
        before = target.model.snapshot()
        status, text = bed.pre(status=(OPEN, UNVERIFIED))
        requires(text, recipe, "before the deadline|the deadline is over")
        until(lambda: target.model.snapshot() and not at_it(target), "the provider")
        target.model.takes_s = 0
        if status == OPEN:
            bed.run("restore")
        bed.require_closed(before)
        bed.unserve()


CASES = {name[5:].replace("_", "-"): function for name, function in globals().items()
         if name.startswith("case_")}
