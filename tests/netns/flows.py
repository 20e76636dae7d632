#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""
Flows that were made in a window, and are cut at its end:

    flows.py --driver PATH --module PATH --program PATH [--notes DIR] CASE...

CASE is one of the situations below, or a ruleset as in matrix.py: of the connections that the
lift lets in, exactly those must be covered that the ruleset blocks without it.
"""
import argparse
import contextlib
import json
import os
import subprocess
import sys
import time

from bed import CONTAINER_PORTS, Bed, BedError, inside, must
from cases import DENY, DENY_TARGET
from matrix import Case
from probe import FIREWALL, PORTS, SOURCES
from program import Failure, Program, require

WEB = ("tcp/80", "tcp/443")
# Without a rule that asks for it nothing is tracked.
TRACKED = "table inet tracked { chain c { type filter hook prerouting priority -150;" \
    " ct state new counter; }; }"
EVERYTHING = """table inet before { chain c { type filter hook input priority 10;
    ct state established,related accept; }; }"""


def destination(source):
    return next(a for a in FIREWALL.values() if (":" in a) == (":" in SOURCES[source]))


class FlowBed(Bed):
    """Servers that hold their connections, and somebody who makes them."""

    def __init__(self, args, container=False):
        super().__init__(container=container)
        self.args = args

    def close(self):
        """What a dead child did not read cannot be written when its pipe is closed."""
        for child in self.children:
            with contextlib.suppress(OSError):
                child.stdin.close()
        super().close()

    def _serve(self):
        self.peers = self._child(self.net, ["peer.py"])
        self.ask("serve", self.fw, PORTS + ["tcp/53"])
        if self.ctr:
            self.ask("serve", self.ctr, CONTAINER_PORTS)

    def ask(self, *question):
        self.peers.stdin.write(json.dumps(question) + "\n")
        self.peers.stdin.flush()
        line = self.peers.stdout.readline()
        if not line:
            raise BedError("the peers died")
        return json.loads(line)

    def open(self, source, port, name=None):
        return self.ask("open", name or "%s %s" % (source, port), self.net, SOURCES[source],
                        destination(source), port)

    def lives(self, name):
        return self.ask("says", name, True)

    def is_dead(self, name):
        return not self.ask("says", name, False)

    def must_open(self, source, port, name=None):
        if not (self.open(source, port, name) or self.open(source, port, name)):
            raise Failure("%s %s should be open" % (source, port))

    def drive(self, policy, challenges="http-01,tls-alpn-01"):
        self.driver = subprocess.Popen(
            inside(self.fw, [self.args.driver, self.args.module, policy, challenges]),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.children.append(self.driver)

    def do(self, *words):
        """The lines that the last one answers."""
        for word in words:
            lines = []
            try:
                self.driver.stdin.write(word + "\n")
                self.driver.stdin.flush()
            except OSError as e:
                raise BedError("the driver is dead at " + word) from e
            for line in iter(self.driver.stdout.readline, ""):
                if line == ".\n":
                    break
                lines.append(line.rstrip("\n"))
            else:
                raise BedError("the driver died at " + word)
            require(not any(x.startswith("error") for x in lines), "%s: %s" % (word, lines))
        return lines

    def covered(self):
        """The covered flows as names."""
        by_address = {a: name for name, a in SOURCES.items()}
        found = []
        for line in self.do("flows"):
            proto, source, _, _, port, *_ = line.split()
            found.append("%s %s/%s" % (by_address.get(source, source), proto, port))
        return found


class Scene:
    def __init__(self, args, targets, challenges="http-01,tls-alpn-01", container=False):
        self.args, self.targets, self.challenges = args, targets, challenges
        self.bed = FlowBed(args, container)

    def __enter__(self):
        self.bed.__enter__()
        # Only for its policy: the program itself is not run.
        self.program = Program(self.args.driver, self.bed).__enter__()
        return self.bed

    def __exit__(self, *exc):
        self.program.__exit__(*exc)
        self.bed.__exit__(*exc)

    def lift(self):
        self.bed.drive(self.program.policy_for(self.targets), self.challenges)
        self.bed.do("lift", "cover")


def cut_after_revert(bed):
    """As at the end of a window; how many."""
    return int(bed.do("cover", "revert", "cut")[0])


def judged(args, path):
    """Every source against a whole ruleset; then the end of the window."""
    case = Case(path, args.notes)
    targets = case.notes.get("targets")
    if not targets or "refused" in case.notes:
        return "nothing to lift"
    if case.notes.get("program_decides"):
        return "what a program would have said of a packet is not known: nothing is cut"
    scene = Scene(args, targets, container=case.notes.get("container", False))
    with scene as bed:
        bed.load(path)
        bed.nft(TRACKED)
        scene.lift()
        # What the ruleset limits the rate of may or may not come through.
        limited = case.notes.get("limited", [])
        ports = [p for p in WEB if p in next(iter(case.lifted.values())) and p not in limited]
        asked = [(s, p) for p in ports for s in case.lifted if case.lifted[s][p] == "OPEN"]
        opened = [f for f in asked if bed.open(*f)]
        blocked = {"%s %s" % (s, p) for s, p in asked if case.probe[s][p] != "OPEN"}
        wanted = [name for name in ("%s %s" % f for f in opened) if name in blocked]
        got = bed.covered()
        if "notrack" in bed.listing():
            wanted = [name for name in wanted if name in got]
        # One that got no answer in time may be there all the same.
        require(set(wanted) <= set(got) <= blocked, "covered: %s; missing: %s; too many: %s" % (
            sorted(got), sorted(set(wanted) - set(got)), sorted(set(got) - blocked)))
        count = cut_after_revert(bed)
        require(count == len(got), "%d of %d were cut" % (count, len(got)))
        kept = ["%s %s" % f for f in opened if "%s %s" % f not in blocked]
        for name in wanted:
            require(bed.is_dead(name), name + " lives on")
        for name in kept:
            require(bed.lives(name), name + " was cut")
        return "%d of %d are covered" % (len(wanted), len(opened))


def deny(args):
    """Spared is what was there before, and what was never blocked; the rest is cut."""
    scene = Scene(args, [DENY_TARGET])
    with scene as bed:
        bed.nft(EVERYTHING)
        bed.must_open("RU", "tcp/80", "early")
        bed.must_open("RU", "tcp/8080", "other port")
        bed.must_open("RU6", "tcp/443", "early6")
        bed.nft("delete table inet before")
        bed.nft(DENY)
        scene.lift()
        require(sorted(bed.covered()) == ["RU tcp/80", "RU6 tcp/443"], str(bed.covered()))
        bed.do("spare")
        for source in ("RU", "CN", "RU6", "DE", "DE6"):
            bed.must_open(source, "tcp/80")
        bed.must_open("CN", "tcp/443", "speaks")
        require(bed.ask("ticks", "speaks"), "the server does not speak")
        count = cut_after_revert(bed)
        require(count == 4, "%d flows were cut" % count)
        require(not bed.ask("hears", "speaks"), "a flow in which the server speaks lives on")
        for name in ("RU tcp/80", "CN tcp/80", "RU6 tcp/80"):
            require(bed.is_dead(name), name + " lives on")
        for name in ("early", "early6", "other port", "DE tcp/80", "DE6 tcp/80"):
            require(bed.lives(name), name + " was cut")
        for source in ("RU", "RU6"):
            require(not bed.open(source, "tcp/80", "late"), "it is not closed")
        require(bed.do("cut") == ["0"], "it was not all cut at once")


def window(args):
    """All of it by the program: post cuts, and so does the watchdog of a client that died."""
    for ending in ("post", "death"):
        with FlowBed(args) as bed, Program(args.program, bed) as program:
            bed.nft(EVERYTHING)
            bed.must_open("RU", "tcp/80", "early")
            bed.nft("delete table inet before")
            bed.nft(DENY)
            policy = program.policy_for([DENY_TARGET], flows="cut")
            client = subprocess.Popen(inside(bed.fw, ["sleep", "60"]))
            try:
                program.expect(0, "pre", "--owner", str(client.pid), policy=policy)
                for source in ("RU", "RU6", "DE"):
                    bed.must_open(source, "tcp/80")
                if ending == "post":
                    program.expect(0, "post", "--owner", str(client.pid), policy=policy)
            finally:
                client.kill()
                client.wait()
            deadline = time.monotonic() + 30
            # Flows are cut once the block is back, and before the journal goes.
            while "geopause_" in bed.listing() or program.left_behind():
                require(time.monotonic() < deadline, ending + ": the window does not close")
                time.sleep(0.05)
            for name in ("RU tcp/80", "RU6 tcp/80"):
                require(bed.is_dead(name), "%s: %s lives on" % (ending, name))
            for name in ("early", "DE tcp/80"):
                require(bed.lives(name), "%s: %s was cut" % (ending, name))


def dns(args):
    """UDP is as good as TCP, and the same source's other ports stay."""
    scene = Scene(args, [DENY_TARGET], "dns-01")
    with scene as bed:
        bed.nft(DENY)
        scene.lift()
        bed.do("spare")
        for source in ("RU", "RU6", "DE"):
            for port in ("udp/53", "tcp/53"):
                bed.must_open(source, port)
        require(cut_after_revert(bed) == 4, "other flows than four were cut")
        for port in ("udp/53", "tcp/53"):
            require(bed.is_dead("RU " + port), "RU %s lives on" % port)
            require(bed.lives("DE " + port), "DE %s was cut" % port)


def listener(args):
    """A connection that has gone already: its port goes on being served."""
    scene = Scene(args, [DENY_TARGET])
    with scene as bed:
        bed.nft(DENY)
        scene.lift()
        bed.must_open("RU", "tcp/80")
        # The server's side is closed by a reset that conntrack does not see.
        bed.nft("table inet silent { chain c { type filter hook output priority -400;"
                " tcp flags rst drop; }; }")
        bed.must(["ss", "-K", "dst", SOURCES["RU"]])
        require(cut_after_revert(bed) == 1, "the flow was not there")
        bed.must_open("DE", "tcp/80")
        bed.must_open("DE6", "tcp/80")


def refreshed(args):
    """The ruleset is loaded again before the end: by its sets' names, or nothing is cut."""
    for text, wanted in ((DENY, 1), (DENY.replace("geo4", "ru_cn"), 0)):
        scene = Scene(args, [DENY_TARGET])
        with scene as bed:
            bed.nft(DENY)
            scene.lift()
            for source in ("RU", "DE"):
                bed.must_open(source, "tcp/80")
            bed.nft("flush ruleset\n" + text)
            bed.do("revert")
            count = int(bed.do("cut")[0])
            require(count == wanted, "%d were cut, expected %d" % (count, wanted))
            require(bed.lives("DE tcp/80"), "DE was cut")


def zones(args):
    """A flow is found again in its zone, of both directions or of one."""
    for zone in ("ct zone set 7", "ct original zone set 7"):
        scene = Scene(args, [DENY_TARGET])
        with scene as bed:
            bed.nft("table inet zone {"
                    " chain c { type filter hook prerouting priority raw; %s; }\n"
                    " chain d { type filter hook output priority raw; %s; }; }" % (
                        zone, zone if "original" not in zone else ""))
            bed.nft(DENY)
            scene.lift()
            bed.must_open("RU", "tcp/80")
            require(cut_after_revert(bed) == 1, zone + ": the flow was not cut")
            require(bed.is_dead("RU tcp/80"), zone + ": lives on")


def own_connections(args):
    """A server that calls others itself, through an allow-list, keeps its connections."""
    scene = Scene(args, [{"table": "inet filter", "rules": {"set": ["home"]}}])
    with scene as bed:
        bed.nft("""table inet filter {
            set home { type ipv4_addr; flags interval; elements = { 78.46.0.0/15 }; }
            chain input { type filter hook input priority 0; policy drop;
                ct state established,related accept
                iifname "lo" accept
                ip saddr @home tcp dport { 80, 443 } accept
            }
        }""")
        bed.ask("serve", bed.net, ["tcp/80"])
        require(bed.ask("open", "out", bed.fw, "198.51.100.10", "198.51.100.1", "tcp/80"),
                "no way out")
        scene.lift()
        for own in ("127.0.0.1", "198.51.100.10"):
            require(bed.ask("open", own, bed.fw, own, own, "tcp/80"), "no way to itself")
        bed.must_open("RU", "tcp/80")
        bed.must_open("DE", "tcp/80")
        require(bed.covered() == ["RU tcp/80"], str(bed.covered()))
        require(cut_after_revert(bed) == 1, "one should be cut")
        for own in ("out", "127.0.0.1", "198.51.100.10"):
            require(bed.lives(own), "the server's own connection was cut: " + own)


IPSETS = """
create geo4 hash:net
create home4 hash:net
create geo6 hash:net family inet6
create old4 hash:net
add geo4 77.88.0.0/18
add geo4 112.80.0.0/12
add home4 78.46.0.0/15
add geo6 2a02:6b8::/32
swap geo4 old4
swap geo4 old4
"""


def ipsets(args):
    """iptables' sets are none of nf_tables', and are asked all the same."""
    for rules, wanted in (
            (("-m set --match-set geo4 src -j DROP",), ["CN", "RU"]),
            (("-m set ! --match-set home4 src -j DROP",), ["CN", "RU", "US"]),
            (("-i eth0 -p tcp -m multiport --dports 80,443 -m set --match-set geo4 src"
              " -m comment --comment geo -j REJECT",), ["CN", "RU"])):
        scene = Scene(args, [{"table": "ip filter", "action": "skip",
                              "rules": {"handle": ["@match.*set @"]}}])
        with scene as bed:
            bed.must(["ipset", "restore"], input=IPSETS)
            bed.must(["iptables-nft", "-A", "INPUT", "-m", "conntrack", "--ctstate",
                      "ESTABLISHED,RELATED", "-j", "ACCEPT"])
            for rule in rules:
                bed.must(["iptables-nft", "-A", "INPUT"] + rule.split())
            scene.lift()
            for source in ("RU", "CN", "DE", "US", "RU6"):
                bed.must_open(source, "tcp/80")
            require(sorted(bed.covered()) == ["%s tcp/80" % s for s in wanted],
                    "%s: %s" % (rules, bed.covered()))
            require(cut_after_revert(bed) == len(wanted), "not all were cut")


ROUTER = """table inet filter {
    set home { type ipv4_addr; flags interval; elements = { 78.46.0.0/15 }; }
    chain forward { type filter hook forward priority 0; policy drop;
        ct state established,related accept
        iifname "br0" accept
        ip saddr @home accept
    }
}
table ip nat {
    chain out { type nat hook postrouting priority 100; oifname "eth0" %s; }
    chain in { type nat hook prerouting priority -100;
        iifname "eth0" tcp dport 443 dnat to 172.30.0.2:8443; }
}"""


def router(args):
    """Who is behind a router keeps connections to the world, hidden or not."""
    for nat in ("masquerade", "counter"):
        scene = Scene(args, [{"table": "inet filter", "rules": {"set": ["home"]}}], container=True)
        with scene as bed:
            bed.nft(ROUTER % nat)
            if nat == "counter":
                bed.must(["ip", "-n", bed.net, "route", "add", "172.30.0.0/24",
                          "via", "198.51.100.10"])
            bed.ask("serve", bed.net, ["tcp/80"])
            scene.lift()
            bed.must_open("RU", "tcp/443")
            bed.must_open("DE", "tcp/443")
            require(bed.ask("open", "out", bed.ctr, "172.30.0.2", "198.51.100.1", "tcp/80"),
                    "no way out")
            require(bed.covered() == ["RU tcp/443"], "%s: %s" % (nat, bed.covered()))
            require(cut_after_revert(bed) == 1, "one should be cut")
            require(bed.lives("out"), nat + ": a connection from inside was cut")
            require(bed.is_dead("RU tcp/443"), nat + ": RU lives on")
            require(bed.lives("DE tcp/443"), nat + ": DE was cut")


# The firewall's other networks: the addresses of their only members.
SIDES = {"lan0": "192.168.1.5", "wg0": "10.8.0.5", "wan1": "203.0.113.5"}
GUARD = """table inet filter {
    set home { type ipv4_addr; flags interval; elements = { 78.46.0.0/15 }; }
    set inner { type ifname; elements = { "lan0", "wg0" }; }
    chain geo { %s; }
    chain trusted { accept; }
    chain input { type filter hook input priority 0; policy drop;
        ct state established,related accept
        iifname "lo" accept
        %s
    }
}"""
BLOCK = "ip saddr != @home tcp dport { 80, 443 } drop"
OPEN = "tcp dport { 80, 443 } accept"
ALL = ("RU", "lan0", "wan1", "wg0")
# What the chain geo has, what the chain input has, which flows are covered. The target is what
# asks for the set.
GUARDS = {
    "iifname": ("", 'iifname "lan0" accept; iifname "wg0" accept; %s; %s' % (BLOCK, OPEN),
                ("RU", "wan1")),
    "iif": ("", 'iif "lan0" accept; iif "wg0" accept; %s; %s' % (BLOCK, OPEN), ("RU", "wan1")),
    "set": ("", 'iifname @inner accept; %s; %s' % (BLOCK, OPEN), ("RU", "wan1")),
    "anonymous": ("", 'iifname { "lan0", "wg0" } accept; iif { "wan1" } accept; %s; %s' % (
        BLOCK, OPEN), ("RU",)),
    "wildcard": ("", 'iifname "w*" accept; %s; %s' % (BLOCK, OPEN), ("RU", "lan0")),
    "not-wan": ("", 'iifname != "eth0" accept; %s; %s' % (BLOCK, OPEN), ("RU",)),
    "not-wans": ("", 'iifname != { "eth0", "wan1" } accept; %s; %s' % (BLOCK, OPEN),
                 ("RU", "wan1")),
    "jump": (BLOCK, 'iifname "eth0" jump geo; iifname "wan1" jump geo; %s' % OPEN, ("RU", "wan1")),
    "vmap": (BLOCK, 'iifname vmap { "eth0" : jump geo, "lan0" : jump trusted,'
             ' "wg0" : goto trusted }; %s' % OPEN, ("RU",)),
    "own-test": ("", 'iifname "eth0" %s; %s' % (BLOCK, OPEN), ("RU",)),
    "own-tests": ("", 'iifname { "eth0", "wan1" } %s; %s' % (BLOCK, OPEN), ("RU", "wan1")),
    "allowed": ("", 'iifname "lan0" accept; ip saddr @home %s' % OPEN, ("RU", "wan1", "wg0")),
    "allowed-own": ("", 'iifname "eth0" ip saddr @home %s; iifname != "eth0" %s' % (OPEN, OPEN),
                    ("RU",)),
    "mark": ("", 'iifname "lan0" meta mark set 7; meta mark 7 accept; %s; %s' % (BLOCK, OPEN),
             ("RU", "wan1", "wg0")),
    "returns": ('iifname { "lan0", "wg0" } return; %s' % BLOCK, 'jump geo; %s' % OPEN,
                ("RU", "wan1")),
    "behind": ("", '%s; iifname "lan0" accept; %s' % (BLOCK, OPEN), ALL),
    "none": ("", '%s; %s' % (BLOCK, OPEN), ALL),
    # Where it comes from is not told by any route: what cannot be told lives on.
    "mac": ("", 'ether saddr 02:00:00:00:00:77 accept; %s; %s' % (BLOCK, OPEN), ()),
    "ipsec": ("", 'meta ipsec exists accept; %s; %s' % (BLOCK, OPEN), ()),
    "group": ("", 'iifgroup 7 accept; %s; %s' % (BLOCK, OPEN), ()),
    "mac-drop": ("", 'ether saddr 02:00:00:00:00:77 drop; %s; %s' % (BLOCK, OPEN), ALL),
    "dropped-there": ("", 'iifname "lan0" ip saddr 192.168.1.9 drop; %s; %s' % (BLOCK, OPEN), ALL),
}
DEVICE = """table netdev filter {
    set home { type ipv4_addr; flags interval; elements = { 78.46.0.0/15 }; }
    chain in { type filter hook ingress %%s priority 0; %s; }
}""" % ("tcp flags syn / syn,ack " + BLOCK)


def add_sides(bed):
    """Each behind its interface, and with a route of its own."""
    for name, address in SIDES.items():
        bed._namespace(bed.prefix + name)
        bed.must(["ip", "link", "add", name, "type", "veth", "peer", "name", "eth0", "netns",
                  bed.prefix + name])
        bed.must(["ip", "addr", "add", address[:-1] + "1/24", "dev", name])
        bed.must(["ip", "link", "set", name, "up"])
        for words in (["addr", "add", address + "/24", "dev", "eth0"],
                      ["link", "set", "eth0", "up"], ["link", "set", "lo", "up"]):
            must(["ip", "-n", bed.prefix + name] + words)


def open_sides(bed):
    for name, address in SIDES.items():
        require(bed.ask("open", name, bed.prefix + name, address, address[:-1] + "1", "tcp/443"),
                name + " should be open")
    for source in ("RU", "DE"):
        bed.must_open(source, "tcp/443", source)


def covered_sides(bed):
    by_address = {a: name for name, a in SIDES.items()}
    return sorted(by_address.get(w[:-8], w[:-8]) for w in bed.covered())


def guarded(name):
    geo, rules, _ = GUARDS[name]
    return GUARD % (geo or "return", rules)


# Routes and rules: what is done before the flows are opened, what after that and what undoes it;
# the guard, and which flows are covered.
SECOND = "route add default via 203.0.113.5 dev wan1 table 100"
ROUTINGS = {
    "marks-differ": ((), (SECOND, "rule add fwmark 1 table 100"), (), "own-test", ()),
    "marks-agree": ((), (SECOND, "rule add fwmark 1 table 100"), (), "own-tests", ("RU", "wan1")),
    "mark-blackhole": ((), ("route add blackhole default table 100",
                            "rule add fwmark 1 table 100"), (), "own-test", ("RU",)),
    "by-source": ((SECOND, "rule add from 203.0.113.1 table 100"), (), (), "own-test", ("RU",)),
    "user": ((), (SECOND, "rule add uidrange 7-7 table 100"), (), "own-test", ()),
    "user-no-interface": ((), (SECOND, "rule add uidrange 7-7 table 100"), (), "none", ALL),
    # What the kernel adds with the first VRF.
    "vrf": ((), ("rule add l3mdev pref 1000",), (), "own-test", ()),
    "vrf-no-interface": ((), ("rule add l3mdev pref 1000",), (), "none", ALL),
    "next-hops": ((), ("route replace default nexthop via 198.51.100.1 nexthop via 203.0.113.5",),
                  ("route replace default via 198.51.100.1",), "own-test", ()),
}


HOME = [{"table": "inet filter", "rules": {"set": ["home"]}}]


def judge_sides(args, what, ruleset, wanted, targets=None, before=(), after=(), undo=()):
    scene = Scene(args, targets or HOME)
    with scene as bed:
        add_sides(bed)
        bed.must(["ip", "-batch", "-"], input="\n".join(before))
        bed.nft(ruleset)
        bed.nft(TRACKED)
        scene.lift()
        open_sides(bed)
        bed.must(["ip", "-batch", "-"], input="\n".join(after))
        got = covered_sides(bed)
        require(got == sorted(wanted), "%s: %s are covered" % (what, got))
        require(cut_after_revert(bed) == len(wanted), what + ": not all were cut")
        bed.must(["ip", "-batch", "-"], input="\n".join(undo))
        for name in wanted:
            require(bed.is_dead(name), "%s: %s lives on" % (what, name))
        for name in ("RU", "DE", *SIDES):
            require(name in wanted or bed.lives(name), "%s: %s was cut" % (what, name))


def sides(args):
    """What may come in by one interface and not by another is judged by the way back."""
    for what, (_, _, wanted) in GUARDS.items():
        judge_sides(args, what, guarded(what), wanted)
    for devices, wanted in (('device "eth0"', ("RU",)),
                            ('devices = { "eth0", "wan1" }', ("RU", "wan1"))):
        judge_sides(args, devices, DEVICE % devices, wanted,
                    [dict(HOME[0], table="netdev filter")])


def routing(args):
    """A way back that may be another one than the way in decides nothing."""
    for what, (before, after, undo, guard, wanted) in ROUTINGS.items():
        judge_sides(args, what, guarded(guard), wanted, None, before, after, undo)


def interface6(args):
    """In IPv6, too."""
    known = "ct state established,related accept"
    scene = Scene(args, [DENY_TARGET])
    with scene as bed:
        bed.nft(DENY.replace(known, known + '\niifname != "eth0" accept'))
        scene.lift()
        for source in ("RU", "RU6", "DE", "DE6"):
            bed.must_open(source, "tcp/80")
        require(sorted(bed.covered()) == ["RU tcp/80", "RU6 tcp/80"], str(bed.covered()))
        bed.must(["ip", "-6", "rule", "add", "uidrange", "7-7", "table", "100"])
        require(bed.covered() == ["RU tcp/80"], str(bed.covered()))


def generation(args):
    """It changes with every transaction, of whomever, and only then."""
    scene = Scene(args, [DENY_TARGET])
    with scene as bed:
        bed.nft(DENY)
        scene.lift()
        seen = [bed.do("generation")[0]]
        require(bed.do("generation")[0] == seen[0], "it changes by itself")
        for text in ("add table ip other", "add element inet filter geo4 { 192.0.2.1 }",
                     "delete table ip other"):
            bed.nft(text)
            seen.append(bed.do("generation")[0])
        bed.do("revert")
        seen.append(bed.do("generation")[0])
        require(len(set(seen)) == len(seen), "it does not change: %s" % seen)


def huge_sets(args):
    """A hundred thousand networks cost no more than ten."""
    scene = Scene(args, [{"table": "inet filter", "rules": {"set": ["geo4"]}}])
    with scene as bed:
        nets = ",".join("%d.%d.%d.0/25" % (a, b, c) for a in (30, 31) for b in range(256)
                        for c in range(0, 256))
        bed.nft("""table inet filter {
            set geo4 { type ipv4_addr; flags interval; elements = { 77.88.8.0/21, %s }; }
            chain input { type filter hook input priority 0; policy accept;
                ct state established,related accept
                ip saddr @geo4 drop
            }
        }""" % nets)
        scene.lift()
        bed.must_open("RU", "tcp/80")
        bed.must_open("DE", "tcp/80")
        begin = time.monotonic()
        count = cut_after_revert(bed)
        took = time.monotonic() - begin
        require(count == 1, "%d were cut" % count)
        require(took < 2, "it took %.0f ms" % (took * 1000))
        return "%.1f ms" % (took * 1000)


CASES = {f.__name__.replace("_", "-"): f for f in (
    deny, window, dns, listener, refreshed, zones, own_connections, router, sides, routing,
    interface6, ipsets, generation, huge_sets)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 2)[1])
    parser.add_argument("--driver", required=True, type=os.path.abspath)
    parser.add_argument("--module", required=True, type=os.path.abspath)
    parser.add_argument("--program", required=True)
    parser.add_argument("--notes")
    parser.add_argument("cases", nargs="+")
    args = parser.parse_args()
    failed = 0
    for name in args.cases:
        try:
            said = CASES[name](args) if name in CASES else judged(args, name)
            print("ok %s%s" % (os.path.basename(name), ": " + said if said else ""), flush=True)
        except (Failure, BedError) as e:
            failed += 1
            print("FAILED %s: %s" % (name, e), flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
