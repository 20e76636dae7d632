#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""
Flows that were made in a window, and are cut at its end:

    flows.py --driver PATH --module PATH --program PATH [--notes DIR] CASE...

CASE is one of the situations below, or a ruleset as in matrix.py: of the connections that the
lift lets in, exactly those must be covered that the ruleset blocks without it.
"""
import argparse
import os
import subprocess
import sys
import time

from bed import BedError, inside
from casebed import DENY, DENY_TARGET
from flow_sides import routing, sides
from flowbed import HOME, TRACKED, FlowBed, Scene, cut_after_revert
from matrix import Case
from probe import SOURCES
from program import Failure, Program, require

WEB = ("tcp/80", "tcp/443")
EVERYTHING = """table inet before { chain c { type filter hook input priority 10;
    ct state established,related accept; }; }"""


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


def kept(args):
    """The default: what was made in the window lives on, and new ones are stopped."""
    with FlowBed(args) as bed, Program(args.program, bed) as program:
        bed.nft(DENY)
        policy = program.policy_for([DENY_TARGET])
        program.expect(0, "pre", "--lease", "a", policy=policy)
        bed.must_open("RU", "tcp/80")
        program.expect(0, "post", "--lease", "a", policy=policy)
        require(bed.lives("RU tcp/80"), "a flow was cut that nobody wanted cut")
        require(not bed.open("RU", "tcp/80", "late"), "it is not closed")


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
    scene = Scene(args, HOME)
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
        scene = Scene(args, HOME, container=True)
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
    deny, window, kept, dns, listener, refreshed, zones, own_connections, router, sides, routing,
    interface6, ipsets, generation, huge_sets)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 2)[1])
    parser.add_argument("--driver", required=True, type=os.path.abspath)
    parser.add_argument("--backend", required=True)
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
