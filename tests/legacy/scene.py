# SPDX-License-Identifier: GPL-3.0-or-later
"""What the cases share: a firewall with a geo-block, and the program on it."""
import errno
import fcntl
import os
import re
import signal
import subprocess
import time
from contextlib import contextmanager

from beds import BLOCKED, LOCK, LegacyBed, LegacyProgram, deny_matrix, inside, require, result_text

RULES = """*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:GEO - [0:0]
:f2b-sshd - [0:0]
-A INPUT -p tcp -m tcp --dport 22 -j f2b-sshd
-A INPUT -j GEO
-A GEO -s 10.0.0.0/8 -j RETURN
[5:300] -A GEO -m set --match-set geo src -j DROP
-A GEO -p tcp -m tcp --dport 9 -j DROP
-A f2b-sshd -j RETURN
COMMIT
"""
RULES6 = """*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m set --match-set geo6 src -j DROP
COMMIT
"""
PORTS = ("tcp/80", "tcp/443", "tcp/22")


class Scene:
    """A firewall with a geo-block, the program on it, and what was there before."""

    def __init__(self, args, rules=RULES, rules6=RULES6):
        self.args, self.rules, self.rules6 = args, rules, rules6

    def __enter__(self):
        self.bed = LegacyBed().__enter__()
        try:
            self.program = LegacyProgram(self.args.program, self.bed).__enter__()
            self.bed.load_legacy(self.rules, self.rules6)
            self.policy = self.program.policy(self.program.target({"set": ["geo*"]}))
            self.before = self.bed.state()
        except BaseException:
            self.bed.close()
            raise
        return self

    def __exit__(self, *error):
        self.run("restore")
        self.program.__exit__(*error)
        self.bed.__exit__(*error)

    def run(self, verb, *options, **more):
        return self.program.run(verb, *options, policy=self.policy, **more)

    def expect(self, status, verb, *options, says=(), **more):
        done = self.program.expect(status, verb, *options, policy=self.policy, **more)
        for text in says:
            require(text in done.stderr + done.stdout, "%s: expected %r, got %s"
                    % (verb, text, result_text(done)))
        return done

    def matrix(self, lifted, when):
        self.cells(PORTS[:2] if lifted else (), when)

    def cells(self, lifted, when):
        blocked = BLOCKED + ("RU6", "CN6")
        self.program.require_cells(deny_matrix(PORTS, blocked, lifted), when,
                                   PORTS)

    def unchanged(self, when):
        self.before.require_same(self.bed.state(), when)

    def marks(self):
        return re.findall(r":(GP-[0-9a-f]{12}-\d+) ", self.bed.saved())

    def iptables(self, *options):
        return self.bed.run(["iptables-legacy", "-w", "20", *options])


@contextmanager
def held_lock():
    fd = os.open(LOCK, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(fd, fcntl.LOCK_EX)
    try:
        yield
    finally:
        os.close(fd)


def wait_until(condition, what, seconds=10):
    end = time.monotonic() + seconds
    while not condition():
        require(time.monotonic() < end, what)
        time.sleep(0.02)


def at_the_replacement(scene, **what):
    """See interpose.c."""
    return ["env", "LD_PRELOAD=" + scene.args.interpose, "ASAN_OPTIONS=verify_asan_link_order=0",
            *("%s=%s" % pair for pair in what.items())]


def start(scene, verb, *options, wrap=()):
    """In the background; its pid is the program's own."""
    program = scene.program
    argv = list(wrap) + [program.path, verb, "--state", program.state, "--policy", scene.policy,
                         *options]
    return subprocess.Popen(inside(scene.bed.fw, argv), stdout=subprocess.DEVNULL,
                            stderr=subprocess.DEVNULL)


def kill_running(child):
    require(child.poll() is None, "it has ended: exit %s" % child.returncode)
    child.send_signal(signal.SIGKILL)
    child.wait()


def no_memory_for_ipv6(scene):
    return at_the_replacement(scene, REPLACE_FAIL6=errno.ENOMEM)
