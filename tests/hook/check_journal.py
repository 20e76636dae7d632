# SPDX-License-Identifier: GPL-3.0-or-later
"""A damaged or foreign journal.

Nothing is lost: a journal that cannot be used is put aside as it is, and what it opened is swept.
"""

import json
import os

from bench import fnv1a
from statefiles import LEASE, kill_watchdogs, open_unwatched, read, rewrite, take_aside, write


def test_format(b):
    open_unwatched(b)
    head, body = read(b.journal_path()).split(b"\n", 1)
    magic, version, length, checksum = head.split()
    assert (magic, version, int(length)) == (b"geopause-journal", b"2", len(body))
    assert checksum.decode() == f"{fnv1a(body):016x}"
    journal = json.loads(body)
    assert journal["lifts"][0]["record"]["rules"] == 1
    mode = os.stat(b.journal_path()).st_mode & 0o7777, os.stat(b.state).st_mode & 0o7777
    assert mode == (0o600, 0o700)
    b.ok("post", *LEASE)


def test_truncated_and_joined(b):
    open_unwatched(b)
    path = b.journal_path()
    whole, live = read(path), b.live()
    for length in range(0, len(whole), 50):
        b.set_live(live)
        write(path, whole[:length])
        b.ok("pre", *LEASE, says="removed a leftover")
        assert len(b.lifts()) == 1 and set(b.lifts()) != set(live["lifts"]), "a window of its own"
        assert take_aside(b) == whole[:length]
        b.ok("post", *LEASE)
        kill_watchdogs(b)
        b.closed()


def test_longer_than_it_says(b):
    open_unwatched(b)
    whole = read(b.journal_path())
    for tail in (b"\n", b"x", b"\0", whole):
        write(b.journal_path(), whole + tail)
        b.ok("post", *LEASE, says="kept as")
        b.closed()
        assert take_aside(b) == whole + tail
        open_unwatched(b)
        whole = read(b.journal_path())
    b.ok("post", *LEASE)


def test_changed_bytes(b):
    open_unwatched(b)
    path = b.journal_path()
    whole, live = read(path), b.live()
    for at in range(0, len(whole), max(1, len(whole) // 60)):
        b.set_live(live)
        write(path, whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1:])
        b.ok("restore", says="removed a leftover")
        b.closed()
    assert len(b.aside()) > 50, "none is overwritten"


def test_other_content(b):
    contents = [b"", b"\0" * 4096, b"\n", b"{}\n", b"\x7fELF\x02\x01\x01" + b"\0" * 57,
                b"geopause-journal\n", b"geopause-journal 2 0 cbf29ce484222325\n",
                b"geopause-journal 2 -1 0000000000000000\n{}", b"x" * (17 << 20)]
    for content in contents:
        open_unwatched(b)
        write(b.journal_path(), content)
        b.ok("status", status=3, says="cannot be used")
        b.ok("post", *LEASE, says="kept as")
        b.closed()
        assert take_aside(b) == content


def test_wrong_content_with_a_right_checksum(b):
    def drop(key):
        return lambda journal: journal.pop(key)
    changes = [drop(key) for key in ("version", "state", "window", "boot", "machine", "netns",
                                     "leases", "lifts", "expiry")]
    changes += [lambda j: j.update(version=99), lambda j: j.update(state="ajar"),
                lambda j: j.update(window="XYZ"), lambda j: j["lifts"][0].update(txn="../../x"),
                lambda j: j["lifts"][0].pop("record"), lambda j: j["lifts"][0].update(ports="x"),
                lambda j: j["leases"][0].update(kind="eternal"),
                lambda j: j["lifts"][0].update(targets=[1]), lambda j: j.update(netns="x"),
                lambda j: j.update(netns="1234567"), lambda j: j.update(boot="x" * 100)]
    for number, change in enumerate(changes):
        open_unwatched(b)
        rewrite(b, change)
        done = b.ok("restore", says="kept as")
        assert len(b.aside()) == number + 1, done.err
        b.closed()


def test_another_version(b):
    for version in (1, 3, 10):
        for verb, says in (("restore", "kept as"), ("status", "cannot be used"),
                           ("post", "kept as")):
            open_unwatched(b)
            content = rewrite(b, lambda j, v=version: j.update(version=v), version)
            b.ok(verb, *(LEASE if verb == "post" else ()), status=3 if verb == "status" else 0,
                 says=says)
            if verb == "status":
                assert read(b.journal_path()) == content
                b.ok("restore")
            b.closed()
            assert take_aside(b) == content
    assert "revert" not in b.verbs(), "what it does not understand, it does not act on"


def test_no_regular_file(b):
    for make in (lambda p: os.symlink("/etc/passwd", p), os.mkdir, os.mkfifo,
                 lambda p: (write(p, b""), os.chmod(p, 0o666))):
        open_unwatched(b)
        path = b.journal_path()
        os.unlink(path)
        make(path)
        b.ok("status", status=3, says="cannot be used")
        b.ok("restore", says="kept as")
        b.closed()
    assert len(b.aside()) == 4
    assert os.path.islink(os.path.join(b.state, min(b.aside()))), "the link, not what it names"


def test_leftover_temporary_file(b):
    open_unwatched(b)
    tmp = b.journal_path() + ".tmp"
    b.ok("post", *LEASE)
    write(tmp, b"half")
    b.ok("pre", *LEASE)
    b.ok("post", *LEASE)
    b.closed()
    assert not os.path.exists(tmp)


# --- a journal of another boot, machine, backend or namespace ---

def test_another_boot(b):
    open_unwatched(b)
    rewrite(b, lambda j: j.update(boot="00000000-0000-0000-0000-000000000000"))
    b.ok("post", *LEASE, says="ended with the boot")
    b.closed()
    assert "sweep" in b.verbs() and "revert" not in b.verbs()


def test_another_machine(b):
    for verb in ("pre", "post", "restore"):
        open_unwatched(b)
        content = rewrite(b, lambda j: j.update(machine="0" * 32))
        done = b.ok("status", status=3, says="of another boot or machine")
        assert "leftover: set geopause_" in done.out and read(b.journal_path()) == content, done.out
        before = b.lifts()
        b.forget_calls()
        b.ok(verb, *(() if verb == "restore" else ("--lease", "x")), says="another machine")
        assert take_aside(b) == content
        assert "revert" not in b.verbs()
        if verb == "pre":
            assert set(before) < set(b.lifts()), "only the sweep of a restore removes marks"
        b.ok("restore")
        b.closed()


def test_unknown_backend(b):
    open_unwatched(b)
    for name in ("rest", "../x", ""):
        rewrite(b, lambda j, n=name: j["lifts"][0].update(backend=n))
        b.ok("post", *LEASE, status=3)
    rewrite(b, lambda j: j["lifts"][0].update(backend="nftables"))
    b.ok("restore")
    b.closed()


def test_other_namespaces(b):
    open_unwatched(b)
    other = os.path.join(b.state, "window-424242.json")
    os.rename(b.journal_path(), other)
    content = read(other)
    b.set_live({})
    assert "another network namespace" in b.ok("status").out
    b.ok("restore", status=3, says="window-424242.json (open) belongs to another network namespace")
    b.ok("pre", *LEASE)
    b.ok("post", *LEASE)
    assert read(other) == content, "it is never touched"
    write(other, b"nonsense")
    b.ok("restore", status=3, says="not readable")
    assert read(other) == b"nonsense"


def test_other_namespaces_expired(b):
    open_unwatched(b)
    rewrite(b, lambda j: j.update(expiry=1))
    os.rename(b.journal_path(), os.path.join(b.state, "window-424242.json"))
    b.set_live({})
    b.ok("restore", says="expired")
