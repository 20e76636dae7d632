# SPDX-License-Identifier: GPL-3.0-or-later
"""The state directory and the history, and what happens when they are missing, full or unsafe."""

import json
import os

from bench import wait_until
from statefiles import (LEASE, fill, kill_watchdogs, open_unwatched, read, read_only,
                        remove_directory, rewrite, small, wait_for_watchdog, write)


# --- the directory ---

def test_unsafe_state_directory(b):
    os.mkdir(b.state, 0o777)
    os.chmod(b.state, 0o777)
    b.ok("pre", *LEASE, status=1, says="others can write it")
    b.ok("post", *LEASE, status=3, says="others can write it")
    b.ok("restore", status=3)
    b.ok("status", status=3, says="whether a window is open cannot be seen")
    os.rmdir(b.state)
    os.symlink("/tmp", b.state)
    b.ok("pre", *LEASE, status=1)
    os.unlink(b.state)
    write(b.state, b"")
    b.ok("pre", *LEASE, status=1)
    os.unlink(b.state)
    assert not b.calls()
    if os.geteuid() == 0:
        os.mkdir(b.state, 0o755)
        os.chown(b.state, 12345, 0)
        b.ok("pre", *LEASE, status=1, says="belongs to user 12345")


def test_state_directory_cannot_be_made(b):
    b.state = b.path("nowhere", "state")
    b.ok("pre", *LEASE, status=1, says="nothing was changed")
    b.ok("post", *LEASE, status=1, says="there is no window")
    b.set_live({"lifts": {"0123456789ab": {"until": 1 << 40}}})
    b.ok("restore", says="removed a leftover")
    assert not b.lifts()


def test_state_directory_is_missing(b):
    b.ok("status", says="closed")
    b.ok("post", *LEASE)
    b.ok("restore")
    assert not b.lifts()
    for verb in (("post", *LEASE), ("restore",)):
        open_unwatched(b)
        assert len(b.lifts()) == 1
        remove_directory(b)
        b.ok("status", status=3, says="leftover: set geopause_")
        b.ok(*verb, says="removed a leftover")
        b.closed()
    open_unwatched(b)
    remove_directory(b)
    b.ok("pre", *LEASE)
    b.ok("restore")
    b.closed()


def test_state_directory_is_removed_under_the_watchdog(b):
    b.ok("pre", *LEASE)
    wait_for_watchdog(b)
    remove_directory(b)
    wait_until(lambda: not b.lifts())


def test_state_directory_is_read_only(b):
    if os.geteuid() != 0:
        raise AssertionError("needs root: a bind mount")
    os.mkdir(b.state, 0o700)
    with read_only(b.state):
        b.ok("status", says="closed")
        b.ok("pre", *LEASE, status=1, says="Read-only file system; nothing was changed")
        assert not b.calls() and not b.lifts()
    b.ok("post", *LEASE)  # makes the lock
    b.forget_calls()
    with read_only(b.state):
        done = b.ok("pre", *LEASE, status=1, says="Read-only file system; nothing was changed")
        assert "removing the journal" not in done.err, "there is none"
        assert not b.changes() and not b.lifts()
    open_unwatched(b)
    content = read(b.journal_path())
    with read_only(b.state):
        b.ok("status", says="open")
        b.ok("pre", "--lease", "u", status=1)
        # The firewall is what counts; the journal tells of it until somebody can remove it.
        b.ok("post", *LEASE, says="Read-only file system")
        assert not b.lifts()
        b.ok("restore")
        assert read(b.journal_path()) == content
        b.ok("status", says="not lifted")
    b.ok("post", *LEASE)
    b.closed()


def test_state_directory_is_full(b):
    if os.geteuid() != 0:
        raise AssertionError("needs root: a tmpfs")
    os.mkdir(b.state, 0o700)
    with small(b.state):
        filler = fill(b.state)
        b.ok("pre", *LEASE, status=1, says="nothing was changed")
        assert not b.lifts() and not b.journals()
        b.ok("post", *LEASE)
        b.ok("restore")
        for verb in (("post", *LEASE), ("restore",)):
            os.unlink(filler)
            b.ok("pre", *LEASE)
            fill(b.state)
            content = read(b.journal_path())
            b.ok("pre", "--lease", "u", status=1, says="stays open for lease t")
            assert read(b.journal_path()) == content, "the old one stays whole"
            assert len(b.lifts()) == 1
            b.ok("status", says="held by lease t")
            b.ok(*verb)
            b.closed()
            assert not b.aside()
        kill_watchdogs(b)


def test_journal_cannot_be_written(b):
    open_unwatched(b)
    name = b.journal_path() + ".tmp"
    b.ok("post", *LEASE)
    assert not [n for n in os.listdir(b.state) if n.startswith("window-")]
    os.mkdir(name)
    b.ok("pre", *LEASE, status=1, says="nothing was changed")
    assert not b.lifts()
    os.rmdir(name)
    open_unwatched(b)
    os.mkdir(name)
    b.ok("post", *LEASE, says="restoring all the same")
    b.closed()
    os.rmdir(name)
    open_unwatched(b)
    b.ok("pre", "--lease", "u")
    kill_watchdogs(b)
    os.mkdir(name)
    b.ok("post", *LEASE, status=3, says="was not given back")
    os.rmdir(name)
    b.ok("restore")
    b.closed()


# --- the history ---

def history(b):
    return json.loads(b.ok("history", "--json", policy=False).out)


def test_history(b):
    assert "is empty" in b.ok("history", policy=False).out
    assert history(b) == {"version": 1, "windows": [], "exposure_s_last_year": 0, "skipped": 0}
    b.ok("pre", *LEASE, "--challenge", "http-01")
    b.ok("pre", "--lease", "u")
    text = b.ok("history", policy=False).out
    assert "for lease t, lease u; no end written yet: open until" in text, text
    b.ok("post", *LEASE)
    b.ok("post", "--lease", "u")
    open_unwatched(b)
    b.ok("restore")
    past = history(b)
    assert [w["how"] for w in past["windows"]] == ["post", "restore"] and not past["skipped"]
    first = past["windows"][0]
    assert first["ports"] == "tcp 80, tcp 443" and first["targets"] == "input" and first["exact"]
    assert first["who"] == "lease t, lease u" and first["closed_wall"] >= first["opened_wall"]
    text = b.ok("history", policy=False).out
    assert text.count("closed (") == 2 and "2 windows and" in text, text


def test_history_of_an_expired_window(b):
    open_unwatched(b, "--window", "4s")
    wait_until(lambda: b.ok("status").out.startswith("expired"))
    rewrite(b, lambda j: j.update(opened=j["opened"] - 5000, expiry=j["expiry"] - 4000))
    b.ok("post", "--lease", "u")
    window, = history(b)["windows"]
    assert window["how"] == "expired" and 1000 <= window["seconds"] <= 1005, window


def test_history_cut_off(b):
    b.ok("pre", *LEASE)
    b.ok("post", *LEASE)
    path = os.path.join(b.state, "history")
    write(path, read(path)[:-20])
    past = history(b)
    assert past["skipped"] == 1 and past["windows"][0]["how"] is None
    b.ok("pre", *LEASE)
    b.ok("post", *LEASE)
    past = history(b)
    assert past["skipped"] == 1 and [w["how"] for w in past["windows"]] == [None, "post"]


def test_history_cannot_be_written(b):
    os.makedirs(os.path.join(b.state, "history"), 0o700)
    os.chmod(b.state, 0o700)
    done = b.ok("pre", *LEASE, says="the history in")
    assert done.err.count("the history in") == 1 and len(b.lifts()) == 1
    b.ok("post", *LEASE, says="the history in")
    b.closed()
    b.ok("history", status=1, says="cannot be read", policy=False)


def test_history_of_another_user(b):
    if os.geteuid() != 0:
        raise AssertionError("needs root")
    b.ok("pre", *LEASE)
    b.ok("post", *LEASE)
    os.chmod(b.dir, 0o755)
    b.ok("history", status=1, says="run as root", policy=False, user=65534, group=65534,
         extra_groups=[])
