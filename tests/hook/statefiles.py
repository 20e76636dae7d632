# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of the state directory, read, written and damaged behind the program's back.

The watchdog is killed where a test damages what it would otherwise look at in the same moment.
"""

import ctypes
import fcntl
import json
import os
import shutil
import signal
import subprocess

from bench import alive, fnv1a, wait_until

LEASE = ("--lease", "t")


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


def take_aside(b):
    """The content of the one file that was put aside, which is removed."""
    names = b.aside()
    assert len(names) == 1, names
    path = os.path.join(b.state, names[0])
    content = read(path)
    os.unlink(path)
    return content


def remove_directory(b):
    """The whole of it, while a watchdog may make and remove files there."""
    while os.path.exists(b.state):
        shutil.rmtree(b.state, ignore_errors=True)


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
