# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever dies or disappears, the watchdog closes."""

import contextlib
import fcntl
import json
import os
import signal
import subprocess
import time

from bench import PATIENCE, POLICY, wait_until
from check_alert import prepare, told
from check_commands import SYSTEM_LOG
from statefiles import remove_directory
from watched import (HEARTBEAT, SOON, Client, closes, ends, is_closed, lease_owners, lifted,
                     lifted_again, seen, stays_open, watches)


# --- watchdogs that die ---

def test_killed_watchdog_is_said(b):
    b.ok("pre")
    pid = seen(b)
    assert json.loads(b.ok("status", "--json").out)["watchdog"] == {"state": "alive", "pid": pid}
    b.unwatch()
    b.ok("status", says="the watchdog is dead")
    assert json.loads(b.ok("status", "--json").out)["watchdog"] == {"state": "dead", "pid": pid}
    said = f"the watchdog (process {pid}) was killed before the window was closed"
    done = b.ok("post", says="closed")
    assert said in done.err, done.err
    assert json.loads(b.ok("status", "--json").out)["state"] == "closed"
    assert said not in b.ok("post").err + b.ok("restore").err, "once"


def test_pre_replaces_a_killed_watchdog(b):
    with Client() as first, Client() as second:
        b.ok("pre", *first.owner)
        b.unwatch()
        b.ok("pre", *second.owner, says="was killed; starting another")
        seen(b)
        second.die()
        wait_until(lambda: lease_owners(b) == [first.pid], SOON)
        first.die()
        closes(b, "owner ended, new watchdog")


def test_post_replaces_a_killed_watchdog(b):
    with Client() as first, Client() as second:
        b.ok("pre", *first.owner)
        b.ok("pre", *second.owner)
        b.unwatch()
        done = b.ok("post", *second.owner, says="stays open for")
        assert "was killed; starting another" in done.err, done.err
        seen(b)
        first.die()
        closes(b, "owner ended, new watchdog")


def test_post_cannot_replace_it(b):
    """The window of the other closes under its client, which is told at least."""
    with Client() as first, Client() as second:
        b.ok("pre", *first.owner)
        b.ok("pre", *second.owner)
        b.unwatch()
        b.behave(open=["ok", "fail"])
        b.ok("post", *second.owner, says=" s, also under a client that lives")
        assert len(b.lifts()) == 1 and not b.watchdogs()


def test_owner_dies_before_the_new_watchdog(b):
    with Client() as first, Client() as second:
        b.ok("pre", *first.owner)
        b.unwatch()
        first.die()
        b.ok("pre", *second.owner, says="its owner has ended")
        seen(b)
        second.die()
        closes(b, "owner ended, new watchdog")


def test_none_can_be_started(b):
    """The backend cannot be opened a second time: the lease is a timed one then."""
    b.behave(open=["ok", "fail"])
    with Client() as client:
        b.ok("pre", *client.owner, says="there is no watchdog")
        assert [c.split()[-1] for c in b.calls()] == ["60", "600"], b.calls()
        journal = b.journal()
        assert journal["heartbeat_s"] == 0, journal
        wait_until(lambda: not b.watchdogs(), SOON)
        b.behave()
        status = json.loads(b.ok("status", "--json").out)
        assert status["leases"][0]["left_s"] <= 600, status
        assert status["watchdog"] == {"state": "absent", "pid": 0}, status
        done = b.ok("post", *client.owner, says="closed")
        assert "killed" not in done.err, done.err
        b.closed()


# --- hooks that die or fail ---

def test_pre_is_killed(b):
    """In the middle of its work; what it leaves is cleaned up by nobody but the watchdog."""
    for how in ({"apply": "kill-before"}, {"apply": "kill-after"},
                {"inspect": ["kill-before", "live"]}, {"plan": ["kill-before", "ok"]}):
        b.behave(**how)
        done = b.run("pre", "--lease", "a")
        assert done.returncode == -signal.SIGKILL, done.err
        closes(b, f"pre killed, {how}")


def test_joining_pre_is_killed(b):
    """The window of the others stays, and is theirs alone."""
    for when in ("kill-before", "kill-after"):
        with Client() as client, Client() as dead:
            b.behave()
            b.ok("pre", *client.owner, "--challenge", "http-01")
            # Only the first: the watchdog may lift what was not there any more.
            b.behave(apply=[when, "done"])
            assert b.run("pre", *dead.owner).returncode == -signal.SIGKILL
            dead.die()
            wait_until(lambda: lease_owners(b) == [client.pid], SOON)
            b.ok("post", *client.owner, says="closed")
            b.closed()


def test_post_is_killed(b):
    for when in ("kill-before", "kill-after"):
        b.ok("pre", "--lease", "a")
        b.behave(revert=[when, "done"])
        assert b.run("post", "--lease", "a").returncode == -signal.SIGKILL
        closes(b, f"post killed, {when}")


def test_pre_fails(b):
    for how in ({"plan": "refuse"}, {"plan": "misfit"}, {"apply": "not-done"},
                {"inspect": ["drifted", "live"]}):
        b.behave(**how)
        assert b.run("pre", "--lease", "a").returncode in (1, 5, 6)
        assert is_closed(b)
        ends(b)


def test_closing_fails_for_a_while(b):
    with Client() as client:
        b.ok("pre", *client.owner)
        b.behave(revert="not-done")
        client.die()
        wait_until(lambda: b.journal()["state"] == "closing", SOON)
        time.sleep(1.5)
        assert b.journal()["state"] == "closing" and len(b.lifts()) == 1
        b.ok("status", status=3, says="not seen to be closed")
        b.behave()
        closes(b, "the firewall answers again", PATIENCE)


def test_client_and_pre_are_killed_at_any_time(b):
    """Not at points that we chose, but half a millisecond later each time."""
    for i in range(60):
        with Client() as client:
            process = b.start("pre", *client.owner)
            time.sleep(i * 0.0005)
            process.kill()
            process.communicate()
        wait_until(lambda: is_closed(b), SOON)
        ends(b)


def test_quick_succession(b):
    """The next window comes while the last one's watchdog is about to end."""
    for _ in range(30):
        b.ok("pre", "--lease", "a")
        b.ok("post", "--lease", "a")
    with Client() as client:
        b.ok("pre", *client.owner)
        seen(b)
        client.die()
        closes(b, "owner ended")
    assert "overlap" not in b.calls()


def test_right_after_one_that_failed(b):
    """Its watchdog is just beginning or ending: ours, or that one, watches, and sees the client."""
    first = " ".join(b.argv("pre", "--lease", "a"))
    for whose in (("--lease", "b"), ("--owner", str(os.getpid()))):
        second = " ".join(b.argv("pre", *whose))
        for _ in range(40):
            b.behave(plan=["refuse", "ok"])
            done = subprocess.run(["sh", "-c", f"{first}; {second}"], text=True,
                                  capture_output=True, check=False)
            assert done.returncode == 0 and "watchdog" not in done.stderr, done.stderr
            seen(b)
            b.ok("post", *whose, says="closed")


def test_many_owners(b):
    """More than are watched one by one: the others' deaths are seen with the next beat."""
    b.policy(HEARTBEAT)
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(Client()) for _ in range(70)]
        for client in clients:
            b.ok("pre", *client.owner)
        clients[69].die()
        wait_until(lambda: clients[69].pid not in lease_owners(b))
        for client in clients[:69]:
            client.die()
        closes(b, "70 owners ended")


def test_upgrade_in_the_middle(b):
    """The package is replaced: what the watchdog needs it has loaded before."""
    b.use_module()
    with Client() as client:
        b.ok("pre", *client.owner)
        seen(b)
        for path in (b.module, b.exe):
            os.rename(path, path + ".old")
        b.refresh()
        wait_until(b.lifts, SOON)
        client.die()
        wait_until(lambda: is_closed(b), SOON)
        for path in (b.module, b.exe):
            os.rename(path + ".old", path)
        ends(b)


# --- who hears of it ---

def test_alert_once(b):
    """Told once, not at every try."""
    prepare(b)
    with Client() as client:
        b.ok("pre", *client.owner)
        b.behave(revert="not-done")
        client.die()
        alert = told(b, "watchdog")
        assert alert["status"] == 3, alert
        assert "may still be open in inet filter until" in alert["message"], alert
        time.sleep(1.5)
        assert not os.path.exists(b.path("alert-watchdog.json"))
        b.behave()
        closes(b, "the firewall answers again", PATIENCE)


def test_watchdog_in_the_system_log(b):
    """Nobody reads a watchdog's stderr: what it does is in the system log."""
    b.policy(dict(POLICY, on_refresh="stop"))
    os.makedirs(b.path("dev"))
    pre = " ".join(b.argv("pre", "-q", "--lease", "a"))
    script = f"{pre}; while ls {b.state} | grep -q watchdog; do sleep 0.05; done"
    process = subprocess.Popen(
        ["unshare", "-m", "python3", "-c", SYSTEM_LOG, b.path("dev"), "sh", "-c", script],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_until(lambda: lifted(b))
    b.refresh()
    out, err = process.communicate(timeout=PATIENCE)
    assert "the firewall was changed under window" in out and "the window ends" in out, (out, err)
    assert "(refresh)" in out, out
    closes(b, "on_refresh stop")


# --- the files under it ---

def test_state_directory_is_deleted(b):
    b.ok("pre", "--lease", "a")
    seen(b)
    remove_directory(b)
    closes(b, "no state directory")


def test_journal_is_deleted(b):
    """Before the watchdog has seen it, and afterwards."""
    for seconds in (0, 0.3):
        b.ok("pre", "--lease", "a")
        time.sleep(seconds)
        os.unlink(b.journal_path())
        closes(b, "no journal")


def test_journal_becomes_garbage(b):
    for garbage in (b"", b"nonsense", b"geopause-journal 2 0 cbf29ce484222325\n"):
        b.ok("pre", "--lease", "a")
        path = b.journal_path()
        with open(path + ".new", "wb") as f:
            f.write(garbage)
        os.rename(path + ".new", path)
        closes(b, "garbage")
    assert len(b.aside()) == 3, b.aside()
    assert "sweep" in b.verbs()


def test_journal_cannot_be_read_for_a_while(b):
    """None that is gone: what it names stays open for its owner, and is closed when it can be."""
    with Client() as client:
        b.ok("pre", *client.owner)
        watches(b, 1)
        os.chmod(b.journal_path(), 0)  # root without CAP_DAC_OVERRIDE
        with b.changing(generations=1):
            pass
        stays_open(b)
        os.chmod(b.journal_path(), 0o600)
        stays_open(b, 1.2)
        os.chmod(b.journal_path(), 0)
        with b.changing(generations=1):
            pass
        time.sleep(0.2)
        client.die()
        time.sleep(0.2)
        os.chmod(b.journal_path(), 0o600)
        closes(b, "the journal can be read again")


def test_its_own_file_is_deleted(b):
    """As by somebody who cleans up: two watchdogs are as good as one."""
    with Client() as first, Client() as second:
        b.ok("pre", *first.owner)
        name = [n for n in os.listdir(b.state) if n.startswith("watchdog-")][0]
        os.unlink(os.path.join(b.state, name))
        b.ok("pre", *second.owner)
        first.die()
        wait_until(lambda: lease_owners(b) == [second.pid], SOON)
        stays_open(b)
        second.die()
        closes(b, "owner ended, two watchdogs")
    assert "overlap" not in b.calls()


def test_somebody_holds_the_lock(b):
    with Client() as client:
        b.ok("pre", *client.owner)
        with open(os.path.join(b.state, "lock"), "r+", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            client.die()
            time.sleep(2)
            assert len(b.lifts()) == 1
        closes(b, "the lock is free")


def test_one_for_each_namespace(b):
    with Client() as here, Client() as there:
        b.ok("pre", *here.owner)
        elsewhere = ["unshare", "--net"] + b.argv("pre", *there.owner)
        done = subprocess.run(elsewhere, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, done.stderr
        assert len(b.watchdogs()) == 2 and len(b.lifts()) == 2 and len(b.journals()) == 2
        there.die()
        wait_until(lambda: len(b.journals()) == 1 and len(b.watchdogs()) == 1, SOON)
        stays_open(b)
        here.die()
        closes(b, "owner ended")
