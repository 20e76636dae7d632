# SPDX-License-Identifier: GPL-3.0-or-later
"""The state directory, the files in it, and what happens when they are damaged.

Nothing is lost: a journal that cannot be used is put aside as it is, and what it opened is swept.
The watchdog is killed where a test damages what it would otherwise look at in the same moment.
"""

import ctypes
import fcntl
import json
import os
import shutil
import signal
import subprocess

from bench import fnv1a, wait_until

LEASE = ("--lease", "t")


# --- what the tests share ---

def kill_watchdogs(b):
    """Of this bench: they run its copy of the program."""
    for pid in [p for p in os.listdir("/proc") if p.isdigit()]:
        try:
            if os.readlink(f"/proc/{pid}/exe") != b.exe:
                continue
            os.kill(int(pid), signal.SIGKILL)
        except OSError:  # it has ended, or is none of ours
            continue
        wait_until(lambda p=pid: not alive(p))


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as f:
            return f.read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def open_unwatched(b, *args):
    b.ok("pre", *LEASE, *args)
    kill_watchdogs(b)


def wait_for_watchdog(b):
    """Until it has read the journal: whoever takes the lock writes his pid into it."""
    name, = [n for n in os.listdir(b.state) if n.startswith("watchdog-")]
    lock = os.path.join(b.state, "lock")
    wait_until(lambda: read(lock) == read(os.path.join(b.state, name)))
    with open(lock, "rb") as f:
        fcntl.flock(f, fcntl.LOCK_EX)


def read(path):
    with open(path, "rb") as f:
        return f.read()


def write(path, data):
    with open(path, "wb") as f:
        f.write(data)


def take_aside(b):
    """The content of the one file that was put aside, which is removed."""
    names = b.aside()
    assert len(names) == 1, names
    path = os.path.join(b.state, names[0])
    content = read(path)
    os.unlink(path)
    return content


def in_private_mounts():
    """This process, and so every command that it starts, leaves the host's mounts."""
    libc = ctypes.CDLL(None, use_errno=True)
    clone_newns, ms_rec, ms_private = 0x20000, 0x4000, 1 << 18
    if libc.unshare(clone_newns) or libc.mount(b"none", b"/", None, ms_rec | ms_private, None):
        raise OSError(ctypes.get_errno(), "unshare")


class Mounted:
    """Something else at this path, in mounts of our own."""

    def __init__(self, path, *commands):
        self.path, self.commands = path, commands

    def __enter__(self):
        in_private_mounts()
        for command in self.commands:
            subprocess.run(["mount", *command], check=True)

    def __exit__(self, *_):
        subprocess.run(["umount", self.path], check=True)


def read_only(path):
    return Mounted(path, ["--bind", path, path], ["-o", "remount,bind,ro", path])


def small(path):
    return Mounted(path, ["-t", "tmpfs", "-o", "size=64k,mode=0700", "tmpfs", path])


def fill(directory):
    """Until not a byte more fits."""
    path = os.path.join(directory, "filler")
    with open(path, "ab", buffering=0) as f:
        for size in (4096, 1):
            try:
                while f.write(b"x" * size):
                    pass
            except OSError:
                pass
    return path


# --- a damaged journal ---

def test_truncated_at_every_byte(b):
    open_unwatched(b)
    path = b.journal_path()
    whole, live = read(path), b.live()
    for length in range(len(whole)):
        b.set_live(live)
        write(path, whole[:length])
        if length % 16 == 0:
            b.ok("status", status=3, says="cannot be used")
            assert read(path) == whole[:length], "status only looks"
        verb = ("post", *LEASE) if length % 2 else ("restore",)
        b.ok(*verb, says="kept as")
        b.closed()
        assert take_aside(b) == whole[:length], "it was put aside as it is"


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


def rewrite(b, change, version=None):
    """Writes the journal back with what change() did to it, with a right first line."""
    head, body = read(b.journal_path()).split(b"\n", 1)
    document = json.loads(body)
    change(document)
    body = json.dumps(document).encode("ascii")
    version = version or int(head.split()[1])
    write(b.journal_path(), b"geopause-journal %d %d %016x\n" % (version, len(body), fnv1a(body))
          + body)
    return read(b.journal_path())


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


# --- the directory ---

def test_unsafe_state_directory(b):
    os.mkdir(b.state, 0o777)
    os.chmod(b.state, 0o777)
    b.ok("pre", *LEASE, status=1, says="others can write it")
    b.ok("post", *LEASE, status=3, says="others can write it")
    b.ok("restore", status=3)
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
        shutil.rmtree(b.state)
        b.ok(*verb, says="removed a leftover")
        b.closed()
    open_unwatched(b)
    shutil.rmtree(b.state)
    b.ok("pre", *LEASE)
    b.ok("restore")
    b.closed()


def test_state_directory_is_removed_under_the_watchdog(b):
    b.ok("pre", *LEASE)
    wait_for_watchdog(b)
    shutil.rmtree(b.state)
    wait_until(lambda: not b.lifts())


def test_state_directory_is_read_only(b):
    if os.geteuid() != 0:
        raise AssertionError("needs root: a bind mount")
    os.mkdir(b.state, 0o700)
    with read_only(b.state):
        b.ok("status", says="closed")
        b.ok("pre", *LEASE, status=1, says="nothing was changed")
        assert not b.calls() and not b.lifts()
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
