#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""
Several network namespaces with one state directory: namespaces.py --program PATH CASE...

    PREFIXa    has a name, is empty     each with the ruleset RULESET and, after pre,
    PREFIXb    has a name, is empty     a window of its own in the one state directory
    a child    has no name, only a process in it
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile
import time

from bed import BedError, must
from program import require, result_text, run_cases

RULESET = """
table inet filter {
	set geo4 { type ipv4_addr; flags interval; elements = { 77.88.0.0/18, 112.80.0.0/13 }; }
	chain input {
		type filter hook input priority filter; policy accept;
		ip saddr @geo4 counter drop comment "geo"
	}
}
"""
POLICY = {"version": 1, "targets": [{"name": "input", "backend": "nftables",
                                     "table": "inet filter", "rules": {"set": ["geo4"]}}]}


class Namespace:
    """A named one, or one that lasts as long as the process that was made for it."""

    def __init__(self, name=None):
        self.name, self.keeper = name, None
        if name:
            must(["ip", "netns", "add", name])
            self.path = "/run/netns/" + name
        else:
            self.keeper = subprocess.Popen(["unshare", "--net", "sh", "-c", "echo; exec cat"],
                                           stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            self.keeper.stdout.readline()
            self.path = "/proc/%d/ns/net" % self.keeper.pid
        self.fd = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        self.must(["nft", "-f", "-"], input=RULESET)
        self.before = self.listing()

    def run(self, argv, **more):
        """By descriptor: it may have lost its name."""
        return subprocess.run(["nsenter", "--net=/proc/self/fd/%d" % self.fd] + argv,
                              pass_fds=[self.fd], capture_output=True, text=True, timeout=60,
                              check=False, **more)

    def must(self, argv, **more):
        done = self.run(argv, **more)
        if done.returncode != 0:
            raise BedError("%s: %s" % (" ".join(argv), result_text(done)))
        return done.stdout

    def listing(self):
        return self.must(["nft", "-a", "list", "ruleset"])

    def require_restored(self, when):
        now = self.listing()
        require(now == self.before, "%s: the ruleset is not as before:\n%s" % (when, now))

    def require_lifted(self, when):
        require(self.listing() != self.before, "%s: it is not lifted" % when)

    def hide(self):
        """Nothing leads to it any more but our descriptor."""
        if self.name:
            must(["ip", "netns", "del", self.name])
            self.name = None
        if self.keeper:
            self.keeper.stdin.close()
            self.keeper.stdout.close()
            self.keeper.wait()
            self.keeper = None

    def close(self):
        self.hide()
        os.close(self.fd)


class Scene:
    """Namespaces with a window each, and the one state directory."""

    def __init__(self, args):
        self.exe = os.path.abspath(args.program)
        self.all = []

    def __enter__(self):
        self.temporary = tempfile.TemporaryDirectory(prefix="geopause-test-",
                                                    ignore_cleanup_errors=True)
        self.dir = self.temporary.name
        self.state = os.path.join(self.dir, "state")
        self.policy = os.path.join(self.dir, "policy.json")
        with open(self.policy, "w", encoding="ascii") as f:
            json.dump(POLICY, f)
        os.chmod(self.policy, 0o600)
        return self

    def __exit__(self, *_):
        for one in self.all:
            one.run(self.argv("restore"))
        for one in self.all:
            one.close()
        self.temporary.cleanup()

    def argv(self, verb, *options):
        return [self.exe, verb, "--state", self.state, "--policy", self.policy, *options]

    def add(self, name=None):
        one = Namespace("gp%d%s" % (os.getpid(), name) if name else None)
        self.all.append(one)
        return one

    def open(self, one, *options):
        self.expect(one, 0, "pre", *(options or ("--lease", "test")))
        one.require_lifted("pre")

    def expect(self, one, status, verb, *options, says=()):
        done = one.run(self.argv(verb, *options))
        require(done.returncode == status, "%s: expected exit %d, got %s"
                % (" ".join((verb,) + options), status, result_text(done)))
        for text in says:
            require(text in done.stderr, "%s: expected %r, got %s"
                    % (verb, text, result_text(done)))
        return done

    def journals(self):
        return sorted(name for name in os.listdir(self.state) if name.startswith("window-"))

    def rewrite(self, name, change):
        """Writes the journal back with what change() did to it."""
        path = os.path.join(self.state, name)
        with open(path, "rb") as f:
            head, body = f.read().split(b"\n", 1)
        document = json.loads(body)
        change(document)
        body = json.dumps(document).encode("ascii")
        value = 0xcbf29ce484222325
        for byte in body:
            value = ((value ^ byte) * 0x100000001b3) & 0xffffffffffffffff
        with open(path, "wb") as f:
            f.write(b"%s %s %d %016x\n" % (*head.split()[:2], len(body), value) + body)

    def journal_of(self, one):
        """The file that a window in this namespace gets."""
        before = self.journals() if os.path.isdir(self.state) else []
        self.open(one)
        new = [name for name in self.journals() if name not in before]
        require(len(new) == 1, "journals: %s" % self.journals())
        return new[0]


def named(args):
    """restore in one namespace closes the other, that has only a name."""
    with Scene(args) as scene:
        a, b = scene.add("a"), scene.add("b")
        scene.open(a)
        name = scene.journal_of(b)
        scene.expect(a, 0, "restore", says=[name + " (open): restored"])
        a.require_restored("here")
        b.require_restored("there")
        require(not scene.journals(), "journals are left: %s" % scene.journals())


def from_outside(args):
    """From a namespace that never had a window; also one that a process lives in."""
    with Scene(args) as scene:
        a, b, c = scene.add("a"), scene.add(), scene.add("c")
        scene.open(b)
        scene.open(c)
        scene.expect(a, 0, "restore")
        for one in (a, b, c):
            one.require_restored("everywhere")
        require(not scene.journals(), "journals are left: %s" % scene.journals())


def owner(args):
    """The namespace has no name: its lease's owner leads there."""
    with Scene(args) as scene:
        a, b = scene.add("a"), scene.add()
        scene.open(b, "--owner", str(b.keeper.pid))
        scene.expect(a, 0, "restore")
        b.require_restored("there")


def hidden(args):
    """Neither a process nor a name: it is kept and reported, and closed from inside later."""
    with Scene(args) as scene:
        a, b = scene.add("a"), scene.add("b")
        scene.open(a)
        name = scene.journal_of(b)
        with open(os.path.join(scene.state, name), "rb") as f:
            content = f.read()
        # A watchdog of the window's would live in it.
        end_watchdogs(scene)
        b.hide()
        scene.expect(a, 3, "restore", says=[name, "belongs to another network namespace",
                                            "1 window of other network namespaces may be open"])
        a.require_restored("here")
        b.require_lifted("there")
        with open(os.path.join(scene.state, name), "rb") as f:
            require(f.read() == content, "the journal was touched")
        scene.expect(b, 0, "restore")
        b.require_restored("there, from inside")


def end_watchdogs(scene):
    """Killed, they close nothing."""
    for name in os.listdir(scene.state):
        if name.startswith("watchdog-"):
            with open(os.path.join(scene.state, name), encoding="ascii") as f:
                pid = int(f.read())
            with open("/proc/%d/cmdline" % pid, "rb") as f:
                require(scene.exe.encode() in f.read(), "%s names another process" % name)
            os.kill(pid, 9)
            wait_until_dead(pid)


def wait_until_dead(pid):
    end = time.monotonic() + 30
    while os.path.exists("/proc/%d/ns/net" % pid):
        try:
            os.readlink("/proc/%d/ns/net" % pid)
        except OSError:
            return
        require(time.monotonic() < end, "process %d does not die" % pid)
        time.sleep(0.01)


def another_machine(args):
    """A copied state directory: never acted on, though the namespace is there."""
    with Scene(args) as scene:
        a, b = scene.add("a"), scene.add("b")
        name = scene.journal_of(b)
        end_watchdogs(scene)
        scene.rewrite(name, lambda j: j.update(machine="0123456789abcdef0123456789abcdef"))
        scene.expect(a, 0, "restore", "-v", says=["of another boot or machine"])
        b.require_lifted("there")
        require(scene.journals() == [name], "journals: %s" % scene.journals())


def another_boot(args):
    """The namespace went with its boot, and the number may be another one's now."""
    with Scene(args) as scene:
        a, b = scene.add("a"), scene.add("b")
        name = scene.journal_of(b)
        end_watchdogs(scene)
        scene.rewrite(name, lambda j: j.update(boot="01234567-89ab-cdef-0123-456789abcdef"))
        scene.expect(a, 0, "restore", "-v", says=["of another boot or machine"])
        b.require_lifted("there")
        require(scene.journals() == [name], "journals: %s" % scene.journals())


def unreadable(args):
    """A spoilt journal is put aside, and the namespace in its name is swept."""
    with Scene(args) as scene:
        a, b = scene.add("a"), scene.add("b")
        name = scene.journal_of(b)
        end_watchdogs(scene)
        with open(os.path.join(scene.state, name), "wb") as f:
            f.write(b"nonsense")
        scene.expect(a, 0, "restore", says=["kept as"])
        b.require_restored("there")


def stale(args):
    """restore --stale leaves alone what somebody holds, here and there."""
    with Scene(args) as scene:
        a, b, c = scene.add("a"), scene.add("b"), scene.add("c")
        scene.open(a)
        scene.open(b)
        name = scene.journal_of(c)
        end_watchdogs(scene)
        scene.rewrite(name, lambda j: [lease.update(expires=1) for lease in j["leases"]])
        scene.expect(a, 0, "restore", "--stale", says=["stays open"])
        a.require_lifted("here")
        b.require_lifted("there, held")
        c.require_restored("there, stale")
        require(len(scene.journals()) == 2, "journals: %s" % scene.journals())
        scene.expect(a, 0, "restore")
        a.require_restored("here")
        b.require_restored("there")


def no_right(args):
    """Without the right to enter others: kept and reported."""
    with Scene(args) as scene:
        a, b = scene.add("a"), scene.add("b")
        name = scene.journal_of(b)
        end_watchdogs(scene)
        done = a.run(["setpriv", "--bounding-set=-sys_admin,-sys_ptrace",
                      "--inh-caps=-sys_admin,-sys_ptrace"] + scene.argv("restore"))
        require(done.returncode == 3 and "not every one could be looked into" in done.stderr,
                "expected exit 3, got " + result_text(done))
        b.require_lifted("there")
        require(scene.journals() == [name], "journals: %s" % scene.journals())


CASES = {f.__name__.replace("_", "-"): f for f in (
    named, from_outside, owner, hidden, another_machine, another_boot, unreadable, stale,
    no_right)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 2)[1])
    parser.add_argument("--program", required=True)
    parser.add_argument("cases", nargs="*", metavar="CASE", help=", ".join(CASES))
    args = parser.parse_args()
    args.cases = args.cases or list(CASES)
    return run_cases(CASES, args)


if __name__ == "__main__":
    sys.exit(main())
