# SPDX-License-Identifier: GPL-3.0-or-later
"""The state directory, the journal's file, and what happens when either is damaged."""

import json
import os
import shutil


def test_truncated_at_every_byte(b):
    b.ok("pre")
    path = b.journal_path()
    with open(path, "rb") as f:
        whole = f.read()
    live = b.live()
    step = max(1, len(whole) // 150)
    for length in list(range(0, 70)) + list(range(70, len(whole), step)):
        b.set_live(live)
        with open(path, "wb") as f:
            f.write(whole[:length])
        b.ok("status", status=3, says="cannot be used")
        b.ok("post", says="kept as")
        b.closed()
        names = b.aside()
        assert len(names) == 1
        with open(os.path.join(b.state, names[0]), "rb") as f:
            assert f.read() == whole[:length], "it was put aside as it is"
        os.unlink(os.path.join(b.state, names[0]))


def test_changed_bytes(b):
    b.ok("pre")
    path = b.journal_path()
    with open(path, "rb") as f:
        whole = f.read()
    live = b.live()
    for at in range(0, len(whole), max(1, len(whole) // 60)):
        b.set_live(live)
        with open(path, "wb") as f:
            f.write(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1:])
        b.ok("pre", says="removed a leftover")
        assert len(b.lifts()) == 1
        b.ok("restore")
        b.closed()
    assert len(b.aside()) > 50, "none is overwritten"


def test_wrong_content_with_a_right_checksum(b):
    def drop(key):
        return lambda journal: journal.pop(key)
    changes = [drop(key) for key in ("version", "state", "window", "boot", "machine", "netns",
                                     "leases", "lifts", "expiry")]
    changes += [lambda j: j.update(version=2), lambda j: j.update(state="ajar"),
                lambda j: j.update(window="XYZ"), lambda j: j["lifts"][0].update(txn="../../x"),
                lambda j: j["lifts"][0].pop("record"), lambda j: j["lifts"][0].update(ports="x"),
                lambda j: j["leases"][0].update(kind="eternal"),
                lambda j: j["lifts"][0].update(targets=[1]), lambda j: j.update(netns="x"),
                lambda j: j.update(netns="1234567"), lambda j: j.update(boot="x" * 100)]
    for number, change in enumerate(changes):
        b.ok("pre")
        b.rewrite(change)
        done = b.ok("restore", says="kept as")
        assert len(b.aside()) == number + 1, done.err
        b.closed()


def test_no_regular_file(b):
    b.ok("pre")
    path = b.journal_path()
    for make in (lambda: os.symlink("/etc/passwd", path), lambda: os.mkdir(path),
                 lambda: os.mkfifo(path)):
        os.unlink(path)
        make()
        b.ok("restore", says="kept as")
        b.closed()
        b.ok("pre")
    os.chmod(path, 0o666)
    b.ok("restore", says="others can write it")
    b.closed()


def test_another_boot(b):
    b.ok("pre")
    b.rewrite(lambda j: j.update(boot="00000000-0000-0000-0000-000000000000"))
    b.ok("post", says="ended with the boot")
    b.closed()
    assert "sweep" in b.verbs() and "revert" not in b.verbs()


def test_another_machine(b):
    b.ok("pre")
    b.rewrite(lambda j: j.update(machine="0" * 32))
    before = b.lifts()
    b.ok("pre", "--lease", "x", says="another machine")
    assert len(b.aside()) == 1 and set(before) < set(b.lifts())
    assert "revert" not in b.verbs()


def test_unknown_backend(b):
    b.ok("pre")
    for name in ("rest", "../x", ""):
        b.rewrite(lambda j, n=name: j["lifts"][0].update(backend=n))
        b.ok("post", status=3)
    b.rewrite(lambda j: j["lifts"][0].update(backend="nftables"))
    b.ok("restore")
    b.closed()


def test_other_namespaces(b):
    b.ok("pre")
    other = os.path.join(b.state, "window-424242.json")
    os.rename(b.journal_path(), other)
    with open(other, "rb") as f:
        content = f.read()
    b.set_live({})
    assert "another network namespace" in b.ok("status").out
    b.ok("restore", status=3, says="window-424242.json (open) belongs to another network namespace")
    b.ok("pre")
    b.ok("post")
    with open(other, "rb") as f:
        assert f.read() == content, "it is never touched"
    with open(other, "wb") as f:
        f.write(b"nonsense")
    b.ok("restore", status=3, says="not readable")


def test_other_namespaces_expired(b):
    b.ok("pre")
    b.rewrite(lambda j: j.update(expiry=1))
    os.rename(b.journal_path(), os.path.join(b.state, "window-424242.json"))
    b.set_live({})
    b.ok("restore", says="expired")


def test_leftover_temporary_file(b):
    b.ok("pre")
    tmp = b.journal_path() + ".tmp"
    b.ok("post")
    with open(tmp, "w", encoding="ascii") as f:
        f.write("half")
    b.ok("pre")
    b.ok("post")
    b.closed()
    assert not os.path.exists(tmp)


def test_unsafe_state_directory(b):
    os.mkdir(b.state, 0o777)
    os.chmod(b.state, 0o777)
    b.ok("pre", status=1, says="others can write it")
    b.ok("post", status=3, says="others can write it")
    b.ok("restore", status=3)
    os.rmdir(b.state)
    os.symlink("/tmp", b.state)
    b.ok("pre", status=1)
    os.unlink(b.state)
    with open(b.state, "w", encoding="ascii"):
        pass
    b.ok("pre", status=1)
    os.unlink(b.state)
    assert not b.calls()
    if os.geteuid() == 0:
        os.mkdir(b.state, 0o700)
        os.chown(b.state, 12345, 0)
        b.ok("pre", status=1, says="belongs to user 12345")


def test_state_directory_cannot_be_made(b):
    b.state = b.path("nowhere", "state")
    b.ok("pre", status=1, says="nothing was changed")
    b.ok("post", status=1, says="there is no window")
    b.set_live({"lifts": {"0123456789ab": {"until": 1 << 40}}})
    b.ok("restore", says="removed a leftover")
    assert not b.lifts()


def test_journal_cannot_be_written(b):
    b.ok("pre")
    b.ok("post")
    tmp = [n for n in os.listdir(b.state)]
    assert tmp == ["lock"], tmp
    b.ok("pre")
    name = b.journal_path() + ".tmp"
    b.ok("post")
    os.mkdir(name)
    b.ok("pre", status=1, says="nothing was changed")
    assert not b.lifts()
    os.rmdir(name)
    b.ok("pre")
    os.mkdir(name)
    b.ok("post", says="restoring all the same")
    b.closed()
    os.rmdir(name)
    b.ok("pre", "--lease", "a")
    b.ok("pre", "--lease", "b")
    os.mkdir(name)
    b.ok("post", "--lease", "b", status=3, says="was not given back")
    os.rmdir(name)
    b.ok("restore")
    b.closed()
    shutil.rmtree(b.state)


def test_format(b):
    b.ok("pre")
    with open(b.journal_path(), "rb") as f:
        head, body = f.read().split(b"\n", 1)
    magic, version, length, checksum = head.split()
    assert (magic, version, int(length)) == (b"geopause-journal", b"1", len(body))
    assert len(checksum) == 16
    journal = json.loads(body)
    assert journal["lifts"][0]["record"]["rules"] == 1
