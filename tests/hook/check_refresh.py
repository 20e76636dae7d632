# SPDX-License-Identifier: GPL-3.0-or-later
"""Refreshes of the ruleset in a window, and heartbeats that move the kernel's expiry on."""

import json
import os
import signal
import time

from bench import PATIENCE, POLICY, wait_until
from watched import (HEARTBEAT, TIMED, Client, closes, ends, fds_of, lifted, lifted_again,
                     opening, seen, stays_open)


# --- refreshes of the ruleset ---

def test_refresh(b):
    with Client() as client:
        b.ok("pre", *client.owner)
        before = b.lifts()
        b.refresh()
        lifted_again(b, "refresh")
        assert list(before) != list(b.lifts()), "the old one is gone"
        done = b.ok("post", *client.owner, says="closed")
        assert "others changed" not in done.err, done.err
        b.closed()
        ends(b)


def test_refresh_of_a_part(b):
    b.ok("pre", "--lease", "a")
    with b.changing(generations=1) as live:
        for lift in live["lifts"].values():
            lift["part"] = True
    changes = ["apply", "revert", "apply"]
    wait_until(lambda: [v for v in b.verbs() if v != "overlap"] == changes)
    wait_until(lambda: lifted(b))
    b.ok("post", "--lease", "a", says="closed")
    b.closed()


def test_refresh_in_many_transactions(b):
    """Again and again for half a second: lifted again at most a few times."""
    b.ok("pre", "--lease", "a")
    for _ in range(10):
        with b.changing(generations=1):
            pass
        time.sleep(0.03)
    b.refresh()
    lifted_again(b, "refresh")
    assert b.verbs().count("apply") == 2, b.calls()


def test_other_changes_are_left_alone(b):
    b.ok("pre", "--lease", "a")
    time.sleep(0.2)
    for _ in range(5):
        with b.changing(generations=1):
            pass
        time.sleep(0.1)
    assert b.verbs().count("apply") == 1, b.calls()


def test_refresh_brings_a_block(b):
    """Nothing blocked; now something does."""
    b.behave(plan="none")
    with Client() as client:
        b.ok("pre", *client.owner, says="nothing blocks")
        b.behave()
        with b.changing(generations=1):
            pass
        lifted_again(b, "a block came")
        client.die()
        closes(b, "owner ended")


def test_refresh_of_what_was_discovered(b):
    """There is no policy: what is a geo-block now is lifted, not what was one before."""
    assert not os.path.exists("/etc/geopause/policy.json"), "this machine has a policy"
    b.behave(discover=[{"set": "GEOIP_CC_input_10"}])
    with Client() as client:
        b.ok("pre", *client.owner, policy=False, says="opened")
        b.behave(discover=[])
        b.refresh()
        time.sleep(0.5)
        assert not b.lifts() and b.journal()["state"] == "open"
        b.behave(discover=[{"set": "GEOIP_CC_input_20"}])
        with b.changing(generations=1):
            pass
        lifted_again(b, "another block came")
        client.die()
        closes(b, "owner ended")


def test_generation_cannot_be_read(b):
    b.behave(generation="fail")
    with Client() as client:
        b.ok("pre", *client.owner)
        stays_open(b)
        client.die()
        closes(b, "owner ended")


def test_refresh_that_cannot_be_looked_at(b):
    """What is not seen may be gone: it is looked at again, and not only after a heartbeat."""
    with Client() as client:
        b.ok("pre", *client.owner)
        seen(b)
        time.sleep(0.3)
        b.behave(inspect=["unknown", "live"])
        b.refresh()
        lifted_again(b, "it could not be seen", PATIENCE / 2)
        client.die()
        closes(b, "owner ended")


def test_refresh_that_stops(b):
    b.policy(dict(POLICY, on_refresh="stop"))
    with Client() as client:
        b.ok("pre", *client.owner)
        with b.changing(generations=1):
            pass
        stays_open(b)
        b.refresh()
        closes(b, "refresh, on_refresh stop")
        assert b.verbs().count("apply") == 1
        b.ok("post", *client.owner)
        b.closed()


def test_too_many_refreshes(b):
    """Whoever reloads again and again may want something: the fifth in a minute ends the window."""
    with Client() as client:
        b.ok("pre", *client.owner)
        for i in range(4):
            b.refresh()
            lifted_again(b, f"refresh {i + 1}")
        b.refresh()
        closes(b, "refresh 5")
        assert b.verbs().count("apply") == 5, b.calls()


def test_refresh_in_which_the_target_is_missing(b):
    """The table is flushed first and comes later: it is lifted again when it is there."""
    with Client() as client:
        b.ok("pre", *client.owner)
        b.behave(plan="misfit")
        b.refresh()
        time.sleep(1.3)
        assert not b.lifts() and b.journal()["state"] == "open" and seen(b)
        b.ok("status", says="open")
        b.behave()
        lifted_again(b, "the target is back", PATIENCE)
        client.die()
        closes(b, "owner ended")


def test_owner_dies_while_the_target_is_missing(b):
    with Client() as client:
        b.ok("pre", *client.owner)
        b.behave(plan="misfit")
        b.refresh()
        time.sleep(0.5)
        client.die()
        closes(b, "owner ended")


def test_lifting_again_fails_for_a_while(b):
    with Client() as client:
        b.ok("pre", *client.owner)
        b.behave(apply=["not-done", "unknown-not", "done"])
        b.refresh()
        lifted_again(b, "apply failed twice", PATIENCE)
        b.ok("post", *client.owner, says="closed")
        b.closed()


# --- heartbeats ---

def extensions(b):
    return [int(c.split()[-1]) for c in b.calls() if c.startswith("extend")]


def test_heartbeat(b):
    """Three times in its length; the expiry is never more than one away."""
    b.policy(HEARTBEAT)
    with Client() as client:
        began = time.monotonic()
        b.ok("pre", *client.owner)
        for _ in range(9):
            time.sleep(0.5)
            status = json.loads(b.ok("status", "--json").out)
            assert status["lifts"][0]["live"] == "lifted" and status["left_s"] <= 3, status
        # Each some time late; that none came too late is in the status.
        assert 2 <= len(extensions(b)) <= time.monotonic() - began, b.calls()
        assert set(extensions(b)) == {3}, b.calls()
        client.die()
        closes(b, "owner ended")


def test_one_of_two_cannot_be_extended(b):
    """The other must not expire for that, while its client lives."""
    b.policy(HEARTBEAT)
    with Client() as client:
        b.ok("pre", *client.owner, "--challenge", "http-01")
        b.ok("pre", *client.owner, "--challenge", "dns-01")
        txns = [lift["txn"] for lift in b.journal()["lifts"]]
        b.forget_calls()
        b.behave(extend=["not-done", "done"] * 50)

        def extended():
            return [call.split()[1] for call in b.calls() if call.startswith("extend")]
        wait_until(lambda: len(extended()) >= 2)
        assert extended()[:2] == txns, (txns, b.calls())
        b.behave()


def test_heartbeat_does_not_outlast_the_lease(b):
    b.policy(HEARTBEAT)
    b.ok("pre", *TIMED, "--window", "5s")
    end = b.journal()["leases"][0]["expires"]
    while b.journals():
        for lift in b.lifts().values():
            assert lift["until"] <= end, (lift, end)
        time.sleep(0.1)
    b.closed()
    assert extensions(b), "it was needed"


def test_a_shorter_heartbeat_joins(b):
    with Client() as first, Client() as second:
        b.ok("pre", *first.owner, "--challenge", "http-01")
        b.policy(HEARTBEAT)
        b.ok("pre", *second.owner)
        time.sleep(3.5)
        status = json.loads(b.ok("status", "--json").out)
        assert [lift["live"] for lift in status["lifts"]] == ["lifted", "lifted"], status


def test_an_extension_fails(b):
    """It is tried again before the next beat, which may be too late."""
    b.policy(dict(POLICY, heartbeat="15s"))
    b.behave(extend=["not-done", "done"])
    b.ok("pre", "--lease", "a")
    wait_until(lambda: len(extensions(b)) == 1)
    wait_until(lambda: len(extensions(b)) == 2, 4)


def test_stopped_beyond_the_expiry(b):
    """As a machine that was suspended: closed by the kernel, and open again for who still lives."""
    b.policy(HEARTBEAT)
    with Client() as client:
        b.ok("pre", *client.owner)
        watchdog = seen(b)
        os.kill(watchdog, signal.SIGSTOP)
        time.sleep(4)
        b.ok("status", says="expired")
        os.kill(watchdog, signal.SIGCONT)
        wait_until(lambda: "lifted" in b.ok("status").out)
        assert b.verbs()[:2] == ["apply", "extend"] and seen(b) == watchdog
        os.kill(watchdog, signal.SIGSTOP)
        client.die()
        time.sleep(4)
        os.kill(watchdog, signal.SIGCONT)
        closes(b, "owner dead, after SIGCONT")


def pipes_of(pid):
    return sum(target.startswith("pipe:") for target in fds_of(pid).values())


def test_stopped_before_its_first_look(b):
    """As above, at once: its first beat is not a third of a heartbeat after it goes on."""
    b.policy(dict(POLICY, heartbeat="9s"))
    with Client() as client:
        with opening(b, *client.owner) as pre:
            watchdog = seen(b)
            wait_until(lambda: pipes_of(watchdog) == 1)  # it has said that it is ready
            os.kill(watchdog, signal.SIGSTOP)
        _, err = pre.communicate(timeout=PATIENCE)
        assert pre.returncode == 0, err
        wait_until(lambda: "expired" in b.ok("status").out)
        os.kill(watchdog, signal.SIGCONT)
        wait_until(lambda: "lifted" in b.ok("status").out, 2.5)
        client.die()
        closes(b, "owner ended")
