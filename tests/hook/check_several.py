# SPDX-License-Identifier: GPL-3.0-or-later
"""Two backends in one window: all or nothing, in reverse order; and lifts that outlive a boot."""

import glob
import json
import os
import re
import shutil

from bench import BOTH, EXEC, POLICY, fnv1a, wait_until


def behave_exec(b, **how):
    with open(b.path("fake-exec.json"), "w", encoding="ascii") as f:
        json.dump(how, f)


def exec_lifts(b):
    try:
        with open(b.path("live-exec.json"), encoding="ascii") as f:
            return json.load(f).get("lifts", {})
    except FileNotFoundError:
        return {}


def closed(b):
    b.closed()
    assert not exec_lifts(b) and not lasting(b), (exec_lifts(b), lasting(b))


def lasting(b):
    return glob.glob(b.state + "/lasting/window-*.json")


def rewrite_lasting(b, change):
    path, = lasting(b)
    with open(path, "rb") as f:
        header, body = f.read().split(b"\n", 1)
    document = json.loads(body)
    change(document)
    body = json.dumps(document).encode("ascii")
    with open(path, "wb") as f:
        f.write(header.rsplit(b" ", 2)[0] + b" %d %016x\n" % (len(body), fnv1a(body)) + body)


def reboot(b):
    """The machine goes down hard in the middle: nothing of the kernel's is left, nor of /run."""
    b.unwatch()
    b.set_live({})
    os.unlink(b.journal_path())
    rewrite_lasting(b, lambda document: document.update(boot="0" * 36))


def test_two_backends(b):
    b.use_module()
    b.ok("pre", says="opened: tcp 80, tcp 443 for input, router")
    lifts = b.journal()["lifts"]
    assert [lift["backend"] for lift in lifts] == ["nftables", "exec"]
    assert len(b.lifts()) == len(exec_lifts(b)) == 1 and lasting(b)
    b.ok("status", says="exec: tcp 80, tcp 443 in router (/bin/true): lifted")
    b.ok("post")
    closed(b)
    changes = [tuple(call.split()[:2]) for call in b.calls() if call.split()[0] in ("apply", "revert")]
    assert changes == [
        ("apply", lifts[0]["txn"]), ("apply", lifts[1]["txn"]),
        ("revert", lifts[1]["txn"]), ("revert", lifts[0]["txn"])], b.calls()


def test_the_second_fails(b):
    b.use_module()
    for how in ("not-done", "unknown-not", "unknown-part"):
        behave_exec(b, apply=how)
        b.forget_calls()
        b.ok("pre", status=1, says="all was rolled back, nothing is open")
        closed(b)
        reverts = [c.split()[1] for c in b.calls() if c.startswith("revert")]
        applies = [c.split()[1] for c in b.calls() if c.startswith("apply")]
        assert reverts == applies[::-1], "each that may be there is taken back, the last one first"


def test_the_second_is_not_lifted(b):
    b.use_module()
    behave_exec(b, inspect=["not-lifted", "live"])
    b.ok("pre", status=6, says="all was rolled back, nothing is open")
    closed(b)
    behave_exec(b, plan="refuse")
    b.ok("pre", status=1, says="nothing was changed")
    closed(b)


def test_the_second_cannot_be_taken_back(b):
    b.use_module()
    b.ok("pre")
    behave_exec(b, revert="not-done")
    b.ok("post", status=3, says="may still be open in router (/bin/true); run")
    assert lasting(b) and exec_lifts(b) and not b.lifts(), "the first is closed, whatever becomes of the second"
    behave_exec(b)
    b.ok("restore")
    closed(b)


def test_killed_between_two_backends(b):
    b.use_module()
    behave_exec(b, apply="kill-before")
    assert b.run("pre").returncode == -9
    b.ok("restore")
    closed(b)


def test_a_reboot_in_the_window(b):
    b.use_module()
    for verb in ("restore", "pre"):
        b.ok("pre")
        reboot(b)
        assert exec_lifts(b), "what is not in the kernel is still open"
        b.ok("status", status=3, says="router")
        b.ok(verb, says="taken back")
        if verb == "pre":
            assert len(exec_lifts(b)) == 1, "a window of its own"
            b.ok("post")
        closed(b)


def test_after_a_reboot_it_cannot_be_taken_back(b):
    b.use_module()
    b.ok("pre")
    reboot(b)
    behave_exec(b, revert="not-done")
    b.ok("restore", status=3)
    assert lasting(b), "kept for the next try"
    b.ok("pre", status=3)
    behave_exec(b)
    b.ok("restore")
    closed(b)


def test_another_machine(b):
    """A cloned image must not act on the router of the machine that it was cloned from."""
    b.use_module()
    b.ok("pre")
    reboot(b)
    rewrite_lasting(b, lambda document: document.update(machine="another"))
    b.ok("restore", says="another machine")
    assert lasting(b) and exec_lifts(b)


def test_a_lasting_copy_that_cannot_be_read(b):
    b.use_module()
    b.ok("pre")
    reboot(b)
    with open(lasting(b)[0], "wb") as f:
        f.write(b"nonsense")
    b.ok("restore", status=3, says="cannot be taken back")
    assert lasting(b) and exec_lifts(b)


def test_no_expiry_of_its_own(b):
    """Only the lift of the kernel is moved on by heartbeats; the other lasts as long as the lease."""
    b.use_module()
    b.ok("pre", "--window", "5m", "--lease", "backup")
    calls = [call.split() for call in b.calls() if call.startswith("apply")]
    assert [int(call[-1]) for call in calls] == [60, 300], calls
    b.ok("post", "--lease", "backup")
    closed(b)


def test_joining_what_needs_more_rights(b):
    """The watchdog of an nftables window has given up the rights that an exec target needs."""
    b.use_module()
    only = b.policy(POLICY, "only.json")
    b.ok("pre", "--policy", only, "--lease", "first", policy=False)
    b.ok("pre", "--lease", "second", status=1, says="try again when the window is closed")
    assert len(b.lifts()) == 1 and not exec_lifts(b)
    b.ok("post", "--policy", only, "--lease", "first", policy=False)
    closed(b)
    b.ok("pre", "--lease", "first")
    b.ok("pre", "--policy", only, "--lease", "second", policy=False)
    b.ok("post", "--lease", "first")
    b.ok("post", "--lease", "second")
    closed(b)


def test_joining_where_nothing_was_lifted(b):
    """What the watchdog can do does not depend on what is lifted, but on who has started it."""
    b.use_module()
    only = b.policy(POLICY, "only.json")
    b.behave(plan="none")
    b.ok("pre", "--policy", only, "--lease", "first", policy=False)
    b.ok("pre", "--lease", "second", status=1, says="try again when the window is closed")
    assert not exec_lifts(b)
    b.ok("post", "--policy", only, "--lease", "first", policy=False)
    wait_until(lambda: not b.watchdogs())  # or the next window is its, too
    behave_exec(b, plan="none")
    b.ok("pre", "--lease", "first")
    behave_exec(b)
    b.ok("pre", "--lease", "second")
    assert len(exec_lifts(b)) == 1
    b.ok("post", "--lease", "first")
    b.ok("post", "--lease", "second")
    closed(b)


def test_beats_leave_it_alone(b):
    """A program that takes its time is not asked at each beat, nor at each change of a ruleset."""
    b.use_module()
    b.policy(dict(BOTH, heartbeat="3s"))
    b.ok("pre")
    b.forget_calls()
    behave_exec(b, inspect="unknown", extend="not-done", plan="refuse")
    for _ in range(3):
        b.refresh()
        wait_until(lambda: len(b.lifts()) == 1)
    wait_until(lambda: any(call.startswith("extend") for call in b.calls()))
    behave_exec(b)
    assert len(exec_lifts(b)) == 1, "and it is still there"
    b.ok("post")
    closed(b)


def ports_wished(b):
    return [wish["ports"] for wish in b.journal()["wishes"]]


def test_killed_while_joining(b):
    """What was not lifted for sure is taken back, and never lifted again for nobody."""
    for how in ("kill-before", "kill-after"):
        b.ok("pre", "--challenge", "http-01", "--lease", "first")
        b.behave(apply=how)
        assert b.run("pre", "--challenge", "dns-01", "--lease", "second").returncode == -9
        wait_until(lambda: len(b.journal()["lifts"]) == 1)
        assert ports_wished(b) == ["tcp 80"], ports_wished(b)
        assert len(b.lifts()) == 1, "what was begun is open"
        b.behave()
        b.forget_calls()
        b.refresh()
        wait_until(lambda: len(b.lifts()) == 1)
        applied = [call for call in b.calls() if call.startswith("apply")]
        # As a word: a transaction's id may have these digits in it.
        assert applied and not re.search(r"\b53\b", " ".join(applied)), applied
        b.ok("restore")
        closed(b)


def test_joining_without_more_to_lift(b):
    """Nothing is left begun by a call that has ended well."""
    b.ok("pre", "--challenge", "http-01", "--lease", "first")
    b.behave(plan="none")
    b.ok("pre", "--challenge", "dns-01", "--lease", "second")
    wish, = b.journal()["wishes"]
    assert "begun" not in wish and "tcp 53" in wish["ports"], wish
    b.behave()
    b.ok("post", "--lease", "second")
    b.ok("post", "--lease", "first")
    closed(b)


def test_a_journal_without_marks_of_what_is_applied(b):
    """An older version's: everything in it was applied."""
    b.ok("pre", "--lease", "first")
    b.unwatch()

    def older(document):
        for lift in document["lifts"]:
            del lift["applied"]

    b.rewrite(older)
    b.forget_calls()
    b.ok("pre", "--lease", "second")
    assert "revert" not in b.verbs() and "apply" not in b.verbs(), b.calls()
    b.ok("restore")
    closed(b)
