#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can happen to a lift in iptables-legacy's tables: cases.py --program PATH CASE..."""
import argparse
import errno
import fcntl
import os
import re
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager

from beds import (BLOCKED, LOCK, LegacyBed, LegacyProgram, deny_matrix, inside, require,
                  result_text, run_cases)
from shapes import REDIRECT

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


# --- saved in the middle ------------------------------------------------------------------------

def saved_in_the_middle(args):
    """Loaded later, it is closed when the window's time is over, and swept."""
    with Scene(args) as scene:
        scene.expect(0, "pre", "--lease", "a", "--window", "10s")
        opened = time.monotonic()
        saved = scene.bed.must(["iptables-legacy-save", "-c"])
        saved6 = scene.bed.must(["ip6tables-legacy-save", "-c"])
        scene.expect(0, "post", "--lease", "a")
        scene.unchanged("after post")
        scene.bed.load_legacy(saved, saved6, sets="")
        require(len(scene.marks()) == 2, "the save does not hold the lift: " + scene.bed.saved())
        time.sleep(max(0, opened + 12 - time.monotonic()))
        scene.matrix(False, "loaded, after the window's time")
        found = scene.expect(0, "restore").stderr
        require(found.count("(closed)") <= 2, found)
        scene.unchanged("swept")
        scene.expect(0, "restore")


def saved_and_swept_at_once(args):
    """Loaded while its time is not over: any later call closes it."""
    with Scene(args) as scene:
        scene.expect(0, "pre", "--lease", "a")
        saved = scene.bed.must(["iptables-legacy-save", "-c"])
        scene.expect(0, "post", "--lease", "a")
        scene.bed.load_legacy(saved, sets="")
        scene.expect(0, "restore")
        scene.unchanged("swept")
        scene.matrix(False, "swept")


def expiry(args):
    """Nobody closes it: the kernel does."""
    with Scene(args) as scene:
        scene.expect(0, "pre", "--lease", "a", "--window", "10s")
        opened = time.monotonic()
        scene.program.kill_watchdog()
        scene.matrix(True, "lifted")
        time.sleep(max(0, opened + 12 - time.monotonic()))
        scene.matrix(False, "after the window's time")
        require(len(scene.marks()) == 2, "it was restored by whom?")
        scene.expect(0, "restore")
        scene.unchanged("restored")


def lost_journal(args):
    with Scene(args) as scene:
        scene.expect(0, "pre", "--lease", "a")
        scene.program.kill_watchdog()
        scene.program.forget_journal()
        scene.expect(0, "restore")
        scene.unchanged("restored")


def longer_window(args):
    """A second lease moves the end on; the first one's does not bring it back."""
    with Scene(args) as scene:
        scene.expect(0, "pre", "--lease", "a", "--window", "30s")
        first = re.findall(r"--datestop (\S+)", scene.bed.saved())
        scene.expect(0, "pre", "--lease", "b", "--window", "5m")
        second = re.findall(r"--datestop (\S+)", scene.bed.saved())
        require(len(first) == len(second) and min(second) > max(first),
                "the ends were %s and are %s" % (first, second))
        scene.matrix(True, "longer")
        scene.expect(0, "post", "--lease", "a")
        scene.matrix(True, "still held")
        scene.expect(0, "post", "--lease", "b")
        scene.unchanged("after post")


def stacked(args):
    """A second client asks for more ports; whoever ends first, the other's stay open."""
    for first, second in (("a", "b"), ("b", "a")):
        with Scene(args) as scene:
            scene.expect(0, "pre", "--challenge", "http-01", "--lease", "a")
            scene.cells(PORTS[:1], "one port")
            scene.expect(0, "pre", "--lease", "b")
            scene.matrix(True, "both ports")
            scene.expect(0, "pre", "--challenge", "dns-01", "--lease", "c")
            scene.expect(0, "post", "--lease", first)
            scene.expect(0, "post", "--lease", "c")
            scene.matrix(True, "still held")
            scene.expect(0, "post", "--lease", second)
            scene.matrix(False, "closed")
            scene.unchanged("after post")


KEPT_OUT = """*filter
:INPUT DROP [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:WEB - [0:0]
-A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT
-A INPUT -p tcp -m tcp --dport 22 -m set --match-set home src -j ACCEPT
-A INPUT -p tcp -m multiport --dports 80,443 -j WEB
-A WEB -m set ! --match-set home src -j RETURN
-A WEB -m set --match-set banned src -j DROP
-A WEB -j ACCEPT
COMMIT
"""
LET_IN = """*filter
:INPUT DROP [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT
-A INPUT -p tcp -m set --match-set home src -j ACCEPT
-A INPUT -m set --match-set banned src -j DROP
COMMIT
"""


def stacked_copies(args):
    """The same with what is put in beside the rules."""
    for rules in (KEPT_OUT, LET_IN):
        for first, second in (("a", "b"), ("b", "a")):
            with Scene(args, rules, "") as scene:
                def cells(lifted, when):
                    scene.program.require_cells(
                        deny_matrix(PORTS, ("RU", "CN", "KP", "US"), lifted, ("CN",)), when, PORTS)
                scene.policy = scene.program.policy(scene.program.target({"set": ["home"]}))
                scene.expect(0, "pre", "--challenge", "http-01", "--lease", "a")
                cells(PORTS[:1], "one port")
                scene.expect(0, "pre", "--lease", "b")
                cells(PORTS[:2], "both ports")
                scene.expect(0, "post", "--lease", first)
                cells(PORTS[:2], "still held")
                scene.expect(0, "post", "--lease", second)
                scene.unchanged("after post")
                cells((), "closed")


def stacked_and_swept(args):
    with Scene(args) as scene:
        scene.expect(0, "pre", "--challenge", "http-01", "--lease", "a")
        scene.expect(0, "pre", "--lease", "b")
        scene.program.kill_watchdog()
        scene.program.forget_journal()
        scene.expect(0, "restore")
        scene.unchanged("after the sweep")


# --- others change the rules --------------------------------------------------------------------

def others_change_rules(args):
    """Before and behind the lift, and the lift's own places."""
    with Scene(args) as scene:
        scene.expect(0, "pre", "--lease", "a")
        for options in (("-I", "GEO", "1", "-s", "192.0.2.1", "-j", "DROP"),
                        ("-I", "INPUT", "1", "-s", "192.0.2.2", "-j", "DROP"),
                        ("-A", "GEO", "-s", "192.0.2.3", "-j", "DROP"),
                        ("-D", "GEO", "-s", "10.0.0.0/8", "-j", "RETURN")):
            require(scene.iptables(*options).returncode == 0, " ".join(options))
        scene.expect(0, "post", "--lease", "a")
        rules = [line.split("] ", 1)[1] for line in scene.bed.saved().splitlines()
                 if "-A GEO" in line]
        require(rules == ["-A GEO -s 192.0.2.1/32 -j DROP",
                          "-A GEO -m set --match-set geo src -j DROP",
                          "-A GEO -p tcp -m tcp --dport 9 -j DROP",
                          "-A GEO -s 192.0.2.3/32 -j DROP"], "the chain is now %s" % rules)
        require("[5:300] -A GEO -m set" in scene.bed.saved(), "the counters: " + scene.bed.saved())
        require(not scene.marks(), "marks are left: " + scene.bed.saved())


def others_remove_the_lift(args):
    """A reload: what is gone stays gone, and what is new stays."""
    with Scene(args) as scene:
        scene.expect(0, "pre", "--lease", "a")
        scene.program.kill_watchdog()
        require(scene.iptables("-F", "GEO").returncode == 0, "-F GEO")
        scene.iptables("-A", "GEO", "-m", "set", "--match-set", "geo", "src", "-j", "REJECT")
        scene.expect(0, "post", "--lease", "a")
        saved = scene.bed.saved()
        require(not scene.marks() and saved.count("-A GEO ") == 1 and "-j REJECT" in saved, saved)


def others_refer_to_our_chain(args):
    """It stays, closed, for them."""
    with Scene(args) as scene:
        scene.expect(0, "pre", "--lease", "a")
        chain = next(name for name in scene.marks()
                     if "-A %s -m set --match-set geo src" % name in scene.bed.saved())
        done = scene.iptables("-A", "INPUT", "-p", "tcp", "-j", chain)
        require(done.returncode == 0, result_text(done))
        scene.expect(0, "post", "--lease", "a")
        saved = scene.bed.saved()
        require("--datestop" not in saved and "-A GEO -m set --match-set geo src -j DROP" in saved,
                saved)
        scene.matrix(False, "closed")
        scene.iptables("-D", "INPUT", "-p", "tcp", "-j", chain)
        scene.expect(0, "restore")
        scene.unchanged("swept")


def refresh(args):
    """A reload in the window is lifted again."""
    with Scene(args) as scene:
        scene.expect(0, "pre", "--lease", "a")
        scene.bed.load_legacy(RULES, "", sets="")
        wait_until(scene.marks, "it is not lifted again")
        wait_until(lambda: len(scene.marks()) == 2, "one family is not lifted again")
        scene.matrix(True, "lifted again")
        scene.expect(0, "post", "--lease", "a")
        scene.unchanged("after post")


def renumbered(args):
    """A rule that is the same to the byte, on another set that has got the lifted one's number."""
    rule = "[5:300] -A GEO -m set --match-set geo src -j DROP\n"
    other = "-A GEO -m set --match-set others src -j DROP\n"
    later = "-A GEO -m set --match-set geo9 src -j DROP\n"
    with Scene(args) as scene:
        def lifted():
            return re.findall(r"-A GP-\S+ -m set --match-set (\S+) ",
                              scene.bed.must(["iptables-legacy-save"]))
        scene.bed.must(["ipset", "create", "geo9", "hash:net"])
        scene.expect(0, "pre", "--lease", "a")
        # Once, so that the watchdog has read the rule; then at once, so that it sees nothing of
        # what lies between.
        scene.bed.load_legacy(scene.rules, sets="")
        wait_until(lambda: lifted() == ["geo"], "it was not lifted again", 60)
        scene.bed.must(["sh", "-ec", """
            printf %s "$1" | iptables-legacy-restore
            ipset destroy geo
            ipset create others hash:net
            printf %s "$2" | iptables-legacy-restore""", "-", scene.rules.replace(rule, ""),
                        scene.rules.replace(rule, other + later)])
        wait_until(lifted, "what came with it was not lifted", 60)
        saved = scene.bed.must(["iptables-legacy-save"])
        require(lifted() == ["geo9"] and other in saved, "another set's was lifted:\n" + saved)
        scene.expect(0, "post", "--lease", "a")


class Hammer(threading.Thread):
    """Adds and deletes rules of its own, and knows which of them must be there."""

    def __init__(self, scene, number):
        super().__init__()
        self.scene, self.number, self.mine = scene, number, []
        self.ends, self.failed = threading.Event(), []

    def do(self, *options):
        done = self.scene.iptables(*options)
        if done.returncode != 0:
            self.failed.append(" ".join(options) + ": " + done.stderr)
        return done.returncode == 0

    def run(self):
        count = 0
        while not self.ends.is_set():
            count += 1
            source = "192.0.%d.%d/32" % (self.number, count % 250 + 1)
            chain = ("GEO", "INPUT", "f2b-sshd")[count % 3]
            if self.mine and count % 4 == 3:
                old = self.mine.pop(0)
                self.do("-D", *old)
            elif self.do("-I" if count % 2 else "-A", chain, "-s", source, "-j", "DROP"):
                self.mine.append((chain, "-s", source, "-j", "DROP"))
            time.sleep(0.002)


def concurrent_writers(args):
    """Nobody's change is lost in 30 windows, and every one is exact."""
    with Scene(args) as scene:
        hammers = [Hammer(scene, number) for number in (2, 3)]
        for hammer in hammers:
            hammer.start()
        try:
            for _ in range(30):
                scene.expect(0, "pre", "--lease", "a")
                scene.expect(0, "post", "--lease", "a")
        finally:
            for hammer in hammers:
                hammer.ends.set()
                hammer.join()
        saved = scene.bed.saved()
        for hammer in hammers:
            require(not hammer.failed, "; ".join(hammer.failed))
            require(len(hammer.mine) > 10, "the writer wrote nothing")
            for rule in hammer.mine:
                require("-A " + " ".join(rule) in saved, "lost: %s\n%s" % (rule, saved))
            for rule in hammer.mine:
                require(scene.iptables("-D", *rule).returncode == 0, "deleting %s" % (rule,))
        scene.unchanged("after 30 windows")


def at_the_replacement(scene, **what):
    """See interpose.c."""
    return ["env", "LD_PRELOAD=" + scene.args.interpose, "ASAN_OPTIONS=verify_asan_link_order=0",
            *("%s=%s" % pair for pair in what.items())]


def writer_without_lock(scene, change):
    """Between the look at the table and the change of it, once."""
    return at_the_replacement(
        scene, REPLACE_RUN="XTABLES_LOCKFILE=/dev/null iptables-legacy " + change)


def unlocked_insertion(args):
    """The kernel does not take what was made from other rules: it is read and made again."""
    with Scene(args) as scene:
        wrap = writer_without_lock(scene, "-I GEO 1 -s 192.0.2.1 -j DROP")
        scene.expect(0, "pre", "--lease", "a", wrap=wrap)
        require("-A GEO -s 192.0.2.1/32 -j DROP" in scene.bed.saved(), scene.bed.saved())
        scene.matrix(True, "lifted")
        scene.expect(0, "post", "--lease", "a")
        scene.iptables("-D", "GEO", "1")
        scene.unchanged("after post")


def unlocked_deletion(args):
    with Scene(args) as scene:
        wrap = writer_without_lock(scene, "-D GEO 1")
        scene.expect(0, "pre", "--lease", "a", wrap=wrap)
        scene.matrix(True, "lifted")
        scene.expect(0, "post", "--lease", "a")
        scene.iptables("-I", "GEO", "1", "-s", "10.0.0.0/8", "-j", "RETURN")
        scene.unchanged("after post")


def unlocked_insertion_at_the_end(args):
    """When the lift is taken back."""
    with Scene(args) as scene:
        scene.expect(0, "pre", "--lease", "a")
        scene.program.kill_watchdog()
        wrap = writer_without_lock(scene, "-I GEO 1 -s 192.0.2.1 -j DROP")
        scene.expect(0, "post", "--lease", "a", wrap=wrap)
        require(scene.iptables("-D", "GEO", "-s", "192.0.2.1", "-j", "DROP").returncode == 0,
                "the other rule was lost: " + scene.bed.saved())
        scene.unchanged("after post")


# --- what stands in the way ---------------------------------------------------------------------

def lock_is_held(args):
    with Scene(args) as scene:
        with held_lock():
            scene.expect(4, "pre", "--lease", "a", says=[LOCK, "lslocks"])
        scene.unchanged("busy")
        scene.expect(0, "pre", "--lease", "a")
        scene.expect(0, "post", "--lease", "a")


def waits_for_the_lock(args):
    with Scene(args) as scene:
        with held_lock():
            pre = start(scene, "pre", "--lease", "a")
            time.sleep(0.5)
            require(pre.poll() is None, "it does not wait for the lock")
        require(pre.wait(timeout=10) == 0, "pre: exit %s" % pre.returncode)
        scene.matrix(True, "lifted")
        scene.expect(0, "post", "--lease", "a")
        scene.unchanged("after post")


def start(scene, verb, *options, wrap=()):
    """In the background; its pid is the program's own."""
    program = scene.program
    argv = list(wrap) + [program.path, verb, "--state", program.state, "--policy", scene.policy,
                         *options]
    return subprocess.Popen(inside(scene.bed.fw, argv), stdout=subprocess.DEVNULL,
                            stderr=subprocess.DEVNULL)


def killed_while_it_waits(args):
    with Scene(args) as scene:
        with held_lock():
            pre = start(scene, "pre", "--lease", "a")
            time.sleep(0.5)
            pre.send_signal(signal.SIGKILL)
            pre.wait()
        time.sleep(0.5)
        scene.unchanged("killed while it waited")
        with held_lock():
            pass
        scene.expect(0, "restore")
        scene.unchanged("restored")


def kill_running(child):
    require(child.poll() is None, "it has ended: exit %s" % child.returncode)
    child.send_signal(signal.SIGKILL)
    child.wait()


def killed_before_the_change(args):
    with Scene(args) as scene:
        pre = start(scene, "pre", "--lease", "a", wrap=at_the_replacement(scene, REPLACE_WAIT=3))
        time.sleep(0.5)
        kill_running(pre)
        time.sleep(3)
        scene.unchanged("killed before the change")
        scene.expect(0, "restore")
        scene.unchanged("restored")


def killed_before_the_counters(args):
    """The rules are changed at once; what was counted before is lost, and nothing else."""
    with Scene(args) as scene:
        pre = start(scene, "pre", "--lease", "a", wrap=at_the_replacement(scene, COUNTERS_WAIT=4))
        wait_until(scene.marks, "it does not lift")
        kill_running(pre)
        scene.expect(0, "restore")
        rules = [re.sub(r"\[\d+:\d+\]", "", saved) for saved in (scene.before.saved,
                                                                scene.bed.saved())]
        require(rules[0] == rules[1], "restored: " + rules[1])


def end_watchdogs(scene):
    """If there are any; a file may name a process that has ended, and its number another one."""
    state = scene.program.state
    for name in os.listdir(state) if os.path.isdir(state) else []:
        if not name.startswith("watchdog-"):
            continue
        try:
            with open(os.path.join(state, name), encoding="ascii") as f:
                pid = int(f.read())
            with open("/proc/%d/cmdline" % pid, "rb") as f:
                if scene.program.path.encode() in f.read():
                    os.kill(pid, signal.SIGKILL)
        except (OSError, ValueError):
            pass


def killed_at_any_time(args):
    """pre and post, killed every 2 ms of the time that they take: `restore` makes it exact."""
    with Scene(args) as scene:
        for verb in ("pre", "post"):
            for delay in range(0, 100, 2):
                if verb == "post":
                    scene.expect(0, "pre", "--lease", "a")
                child = start(scene, verb, "--lease", "a")
                time.sleep(delay / 1000)
                child.send_signal(signal.SIGKILL)
                child.wait()
                end_watchdogs(scene)
                scene.expect(0, "restore")
                scene.unchanged("%s killed after %d ms" % (verb, delay))


def second_family_fails(args):
    """The first one's lift is taken back."""
    with Scene(args) as scene:
        scene.expect(1, "pre", "--lease", "a", wrap=no_memory_for_ipv6(scene),
                     says=["table filter, IPv6", os.strerror(errno.ENOMEM)])
        scene.unchanged("IPv6 failed")
        require(not scene.program.left_behind(), "left: %s" % scene.program.left_behind())


def no_memory_for_ipv6(scene):
    return at_the_replacement(scene, REPLACE_FAIL6=errno.ENOMEM)


def without_programs(args):
    """Of iptables none is needed."""
    with Scene(args) as scene:
        scene.expect(0, "pre", "--lease", "a", wrap=hidden_programs(scene))
        scene.matrix(True, "lifted")
        scene.expect(0, "post", "--lease", "a", wrap=hidden_programs(scene))
        scene.unchanged("after post")


def hidden_programs(scene):
    folder = scene.program.state + ".sbin"
    script = ('mkdir -p {0}/real {0}/some && mount --bind /usr/sbin {0}/real && '
              'for p in {0}/real/*; do case $p in */ip*tables*|*/xtables*) ;; *) '
              'ln -sf $p {0}/some/;; esac; done && mount --bind {0}/some /usr/sbin && '
              'exec "$@"').format(folder)
    return ["unshare", "-m", "sh", "-c", script, "-"]


# --- both variants at once ----------------------------------------------------------------------

NFT_RULES = """*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m set --match-set geo src -j DROP
COMMIT
"""


def nft_rules(scene):
    return [line for line in scene.bed.must(["iptables-nft-save"]).splitlines()
            if line.startswith("-A")]


def both_variants(args):
    """Rules in both block: both are lifted, and closed by the clock of the slower one."""
    with Scene(args) as scene:
        scene.bed.must(["iptables-nft-restore"], input=NFT_RULES)
        nft = nft_rules(scene)
        scene.matrix(False, "before")
        scene.expect(0, "pre", "--lease", "a")
        scene.matrix(True, "lifted")
        scene.expect(0, "status", says=["lifted"])
        scene.expect(0, "post", "--lease", "a")
        scene.unchanged("after post")
        after = nft_rules(scene)
        require(nft == after, "iptables-nft: %s\nis now %s" % (nft, after))
        scene.matrix(False, "after")


def both_variants_or_none(args):
    """The legacy part fails: the other one is taken back."""
    with Scene(args) as scene:
        scene.bed.must(["iptables-nft-restore"], input=NFT_RULES)
        listing = scene.bed.listing()
        scene.expect(1, "pre", "--lease", "a", wrap=no_memory_for_ipv6(scene),
                     says=[os.strerror(errno.ENOMEM)])
        scene.unchanged("IPv6 failed")
        require(scene.bed.listing() == listing, "iptables-nft: " + scene.bed.listing())


NFT_BEHIND = """*filter
:INPUT ACCEPT [0:0]
-A INPUT -p tcp -m multiport --dports 443,8080 -m set --match-set geo src -j DROP
COMMIT
"""


def nft_behind_legacy_nat(args):
    """What iptables-legacy redirects is known where iptables-nft blocks."""
    ports = ("tcp/80", "tcp/8080", "tcp/443")
    with Scene(args, REDIRECT, "") as scene:
        def cells(lifted, when):
            scene.program.require_cells(deny_matrix(ports, BLOCKED, lifted), when, ports)
        scene.bed.must(["iptables-nft-restore"], input=NFT_BEHIND)
        nft = nft_rules(scene)
        cells((), "before")
        found = scene.program.expect(0, "discover").stdout
        scene.policy = scene.program.write_policy(found, "discovered.json")
        scene.expect(0, "pre", "--lease", "a")
        cells(("tcp/80", "tcp/443"), "lifted")
        scene.expect(0, "post", "--lease", "a")
        scene.unchanged("after post")
        require(nft == nft_rules(scene), "iptables-nft: %s" % nft_rules(scene))


# --- what the rules and the policy say ----------------------------------------------------------

def odd_rule(args):
    """A comment with a line's end, that iptables-save cannot write so that it can be loaded."""
    with Scene(args) as scene:
        odd = ("-m", "comment", "--comment", "a\nCOMMIT\nb", "-j", "ACCEPT")
        require(scene.iptables("-A", "FORWARD", *odd).returncode == 0, "FORWARD")
        before = scene.bed.state()
        scene.expect(0, "pre", "--lease", "a")
        scene.matrix(True, "beside it")
        scene.expect(0, "post", "--lease", "a")
        before.require_same(scene.bed.state(), "beside it")
        require(scene.iptables("-A", "GEO", *odd).returncode == 0, "GEO")
        scene.expect(1, "pre", "--lease", "a", says=["chain GEO, rule 4", "not understood"])
        require(not scene.marks(), "it was lifted")


def unknown_names(args):
    with Scene(args) as scene:
        program = scene.program
        policy = program.policy(program.target({"set": ["geo", "gone"]}))
        done = program.expect(5, "pre", policy=policy)
        require("rules.set[1]" in done.stderr and "iptables-legacy" in done.stderr,
                result_text(done))
        policy = program.policy(program.target({"set": ["geo", "gone*"]}))
        program.expect(0, "plan", policy=policy)
        scene.unchanged("unknown names")


def no_tables(args):
    """Looking must not make any."""
    with Scene(args, "", "") as scene:
        scene.run("discover")
        scene.expect(5, "pre", "--lease", "a", says=["no tables here"])
        scene.expect(0, "restore")
        for family in ("ip", "ip6"):
            names = scene.bed.must(["cat", "/proc/thread-self/net/%s_tables_names" % family])
            require(not names, "tables were made: " + names)


def discovered(args):
    """By itself, where a tool's signature is certain."""
    rules = RULES.replace("GEO", "LOCATIONBLOCK")
    with Scene(args, rules, "") as scene:
        done = scene.program.run("discover")
        require("LOCATIONBLOCK" in done.stderr + done.stdout, result_text(done))
        scene.unchanged("discover")


CASES = {f.__name__.replace("_", "-"): f for f in (
    stacked, stacked_copies, stacked_and_swept, saved_in_the_middle, saved_and_swept_at_once,
    expiry, lost_journal, longer_window, others_change_rules, others_remove_the_lift,
    others_refer_to_our_chain, refresh, renumbered,
    concurrent_writers, unlocked_insertion, unlocked_deletion,
    unlocked_insertion_at_the_end, lock_is_held, waits_for_the_lock, killed_while_it_waits,
    killed_before_the_change, killed_before_the_counters, killed_at_any_time, second_family_fails,
    without_programs, both_variants, both_variants_or_none, nft_behind_legacy_nat, odd_rule, unknown_names,
    no_tables, discovered)}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--program", required=True)
    parser.add_argument("--interpose", required=True, help="where interpose.c was built")
    parser.add_argument("cases", nargs="*", metavar="CASE", help=", ".join(CASES))
    args = parser.parse_args()
    args.cases = args.cases or list(CASES)
    args.interpose = os.path.abspath(args.interpose)
    return run_cases(CASES, args)


if __name__ == "__main__":
    sys.exit(main())
