# SPDX-License-Identifier: GPL-3.0-or-later
"""post and restore."""

import fcntl
import os
import time

from bench import PATIENCE
from watched import TIMED, Client, closes


def test_first_and_last(b):
    b.ok("pre")
    b.ok("pre", "--lease", "a")
    b.ok("post", says="stays open for lease a")
    assert len(b.lifts()) == 1
    b.ok("post", "--lease", "a", says="closed")
    b.closed()


def test_post_without_a_window(b):
    b.ok("post")
    b.closed()
    b.ok("post", "--lease", "a")


def test_post_sweeps_leftovers(b):
    b.set_live({"lifts": {"0123456789ab": {"until": 1 << 40}}})
    b.ok("post", says="removed a leftover: set geopause_0123456789ab")
    b.closed()
    b.set_live({"lifts": {"0123456789ab": {"until": 1 << 40}}})
    b.behave(sweep="not-done")
    b.ok("post", status=3, says="geopause restore")


def test_post_without_a_lease(b):
    b.ok("pre", "--lease", "a")
    before = b.journal()
    b.ok("post", "--lease", "b", says="no lease of this caller")
    b.ok("post", says="stays open for lease a")
    assert b.journal() == before and len(b.lifts()) == 1


def test_anonymous_leases_are_counted(b):
    for _ in range(3):
        b.ok("pre", *TIMED)
    for left in (2, 1):
        b.ok("post", *TIMED, says="stays open")
        assert len(b.journal()["leases"]) == left
    b.ok("post", *TIMED, says="closed")
    b.closed()


def test_post_of_a_dead_owner(b):
    b.ok("pre", "--owner", str(os.getpid()))
    b.ok("post", "--owner", "4194303", says="stays open")
    b.ok("post", "--owner", str(os.getpid()), says="closed")
    b.closed()


def test_post_fails(b):
    for how in ("not-done", "lies"):
        b.ok("pre")
        b.unwatch()
        b.behave(revert=how)
        b.ok("post", status=3, says="may still be open in inet filter until")
        assert b.journal()["state"] == "closing" and len(b.lifts()) == 1
        b.ok("post", status=3, says="geopause restore")
        b.behave()
        b.ok("post", says="closed")
        b.closed()


def test_post_succeeds_at_the_second_try(b):
    b.ok("pre")
    b.behave(revert=["not-done", "done"])
    b.ok("post", says="closed")
    b.closed()
    b.ok("pre")
    b.behave(revert="unknown-done")
    b.ok("post", says="closed")
    b.closed()


def test_drift_is_reported(b):
    b.ok("pre")
    b.unwatch()
    live = b.live()
    for lift in live["lifts"].values():
        lift["part"] = True
    b.set_live(live)
    done = b.ok("post", says="a rule of ours was gone already")
    assert "what others changed was left" in done.err
    b.closed()


def test_post_of_an_expired_window(b):
    b.ok("pre", "--window", "4s")
    b.unwatch()
    time.sleep(4.1)
    b.ok("post", says="closed")
    b.closed()


def test_restore(b):
    b.ok("restore")
    b.ok("pre", "--lease", "a")
    b.ok("pre", "--lease", "b")
    b.set_live({"lifts": dict(b.lifts(), **{"0123456789ab": {"until": 1 << 40}})})
    b.ok("restore", says="(restore)")
    b.closed()
    b.ok("restore")


def test_restore_without_a_policy(b):
    b.ok("pre")
    os.unlink(b.path("policy.json"))
    b.ok("restore", says="restoring without it")
    b.closed()


def test_restore_when_only_the_sweep_works(b):
    b.ok("pre")
    b.behave(revert=["not-done", "not-done", "not-done", "done"])
    b.ok("restore")
    b.closed()


def test_restore_fails(b):
    b.ok("pre")
    b.unwatch()
    b.behave(revert="not-done", sweep="not-done")
    b.ok("restore", status=3, says="may still be open")
    assert b.journals() and b.lifts()
    b.behave(open="fail")
    b.ok("restore", status=3)
    b.ok("post", status=3)
    assert b.journals() and b.lifts()
    b.behave()
    b.ok("restore")
    b.closed()


def test_busy(b):
    """Also for the watchdog, whose client dies meanwhile: it waits longer than we."""
    with Client() as client:
        b.ok("pre", *client.owner)
        with open(os.path.join(b.state, "lock"), "r+", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            lock.truncate(0)
            lock.write("4242\n")
            lock.flush()
            client.die()
            began = time.monotonic()
            processes = [b.start("pre"), b.start("post")]
            for process in processes:
                _, err = process.communicate(timeout=10 + PATIENCE)
                assert process.returncode == 4 and "4242" in err, err
            assert time.monotonic() - began > 9
            time.sleep(0.5)
            b.ok("status", says="lifted", status=3)
        closes(b, "the lock is free after 10 s", PATIENCE)


def test_busy_in_turn(b):
    """Several who have the lock one after the other are waited for longer than one of them."""
    b.ok("pre")
    with open(os.path.join(b.state, "lock"), "r+", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        process = b.start("post")
        for holder in ("4242", "4243", "4244"):
            os.pwrite(lock.fileno(), holder.encode("ascii"), 0)
            time.sleep(5)
    _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, err
    b.closed()


def test_interrupted_while_waiting(b):
    b.ok("pre")
    with open(os.path.join(b.state, "lock"), "r+", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        process = b.start("post")
        time.sleep(0.3)
        process.terminate()
        assert process.wait(PATIENCE) == -15
