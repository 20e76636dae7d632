# SPDX-License-Identifier: GPL-3.0-or-later
"""Network namespaces by their names: what ip(8) keeps in /run/netns."""
import contextlib
import ctypes
import os

CLONE_NEWNET = 0x40000000
LIBC = ctypes.CDLL(None, use_errno=True)


def setns(fd):
    if LIBC.setns(fd, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


@contextlib.contextmanager
def within(name):
    """This thread is there meanwhile; the sockets it makes stay there."""
    here = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    there = os.open("/run/netns/" + name, os.O_RDONLY | os.O_CLOEXEC)
    try:
        setns(there)
        try:
            yield
        finally:
            setns(here)
    finally:
        os.close(there)
        os.close(here)
