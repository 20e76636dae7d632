# SPDX-License-Identifier: GPL-3.0-or-later
"""restore in the network namespaces of other journals; with real rulesets: tests/netns."""

import os
import subprocess


class Elsewhere:
    """A network namespace with one process in it."""

    def __enter__(self):
        self.keeper = subprocess.Popen(["unshare", "--net", "sh", "-c", "echo; exec cat"],
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.keeper.stdout.readline()
        return self

    def __exit__(self, *_):
        self.keeper.stdin.close()
        self.keeper.stdout.close()
        self.keeper.wait()

    def ok(self, b, *args):
        done = subprocess.run(["nsenter", "-t", str(self.keeper.pid), "--net"] + b.argv(*args),
                              capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, (args, done.returncode, done.stderr)


def test_neighbour_is_restored(b):
    with Elsewhere() as elsewhere:
        elsewhere.ok(b, "pre", "--lease", "a")
        b.ok("restore", says="(open): restored in its own network namespace")
        b.closed()


def test_neighbour_whose_visitor_dies(b):
    with Elsewhere() as elsewhere:
        elsewhere.ok(b, "pre", "--lease", "a")
        b.behave(revert="kill-before")
        b.ok("restore", status=3, says="the process that restored it was killed")
        b.behave()
        b.ok("restore")
        b.closed()


def test_both_fail(b):
    """Each is said, and both were tried."""
    with Elsewhere() as elsewhere:
        elsewhere.ok(b, "pre", "--lease", "a")
        b.ok("pre", "--lease", "a")
        b.behave(revert="not-done", sweep="not-done")
        done = b.ok("restore", status=3, says="may still be open in inet filter")
        assert "the window of this one is not seen to be closed" in done.err, done.err
        b.behave()
        b.ok("restore")
        b.closed()


def test_stale_leaves_what_is_held(b):
    with Elsewhere() as elsewhere:
        elsewhere.ok(b, "pre", "--lease", "a")
        b.ok("pre", "--lease", "a")
        done = b.ok("restore", "--stale", "--json", says="stays open for lease a")
        assert "stays open for its holder" in done.err and '"state": "open"' in done.out, done.out
        assert len(b.lifts()) == 2
        b.ok("restore", says="closed")
        b.closed()


def test_stale_sweeps(b):
    b.set_live({"lifts": {"0123456789ab": {"until": 1 << 40}}})
    b.ok("restore", "--stale", says="removed a leftover: set geopause_0123456789ab")
    b.closed()
    b.ok("pre", "--owner", str(os.getpid()))
    b.ok("restore", "--stale", says="stays open for")
    b.ok("restore")
    b.closed()
