#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""
iptables-nft in the middle of a window, each a test of its own: iptables.py --program PATH CASE...

The rulesets are those of fixtures/iptables.
"""
import argparse
import contextlib
import os
import sys
import time

from bed import Bed, matrix_difference, matrix_read, without_ours
from program import (Failure, Program, Snapshot, line_difference, require, result_text, run_cases)

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "fixtures", "iptables")


def target(table="filter", **rules):
    return {"backend": "iptables", "table": table, "rules": rules}


class Scene:
    """A bed with one of the rulesets, the program, and how it all was before."""

    def __init__(self, args, name, container=False):
        self.args, self.stem, self.container = args, os.path.join(HERE, name), container

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            self.bed = stack.enter_context(Bed(container=self.container))
            self.program = stack.enter_context(Program(self.args.program, self.bed))
            self.bed.load(self.stem + ".rules")
            self.snapshot = Snapshot(self.bed)
            self.probe, self.lifted = (matrix_read(self.stem + end)
                                       for end in (".probe", ".lifted"))
            self.stack = stack.pop_all()
        return self

    def __exit__(self, *_):
        self.stack.close()

    def policy(self, *targets, **more):
        return self.program.policy_for(targets, **more)

    def sh(self, script):
        return self.bed.must(["sh", "-ec", script])

    def open(self, policy, *options):
        self.program.expect(0, "pre", *options, policy=policy)
        self.program.require_matrix(self.lifted, "lifted", policy=policy)

    def close(self, policy):
        self.program.expect(0, "post", policy=policy)
        self.program.require_no_journal("after post")
        require("geopause" not in self.bed.listing(), "a mark is left:\n" + self.bed.listing())

    def require_saves(self, want, when, window=False):
        """window: our own rules may be there as well."""
        got = without_ours(self.bed.saves()) if window else self.bed.saves()
        if got != want:
            raise Failure("%s: iptables-save differs:\n%s" % (when, line_difference(want, got)))


def saves_with(args, name, script, container=False):
    """What the tools save when the script runs without any window."""
    with Scene(args, name, container) as scene:
        scene.sh(script)
        return scene.bed.saves()


FAIL2BAN = """
iptables-nft -w -N f2b-web
iptables-nft -w -A f2b-web -j RETURN
iptables-nft -w -I INPUT -p tcp -m multiport --dports 80,443 -j f2b-web
iptables-nft -w -I f2b-web 1 -s 198.18.0.1 -j REJECT --reject-with icmp-port-unreachable
iptables-nft -w -n -L INPUT | grep -q f2b-web
iptables-nft -w -C INPUT -m set --match-set geoblock4 src -m comment --comment 'no "mail" from there' -j DROP
iptables-nft -w -D f2b-web -s 198.18.0.1 -j REJECT --reject-with icmp-port-unreachable
iptables-nft -w -A INPUT -m set --match-set geoblock4 src -p udp -j DROP
ip6tables-nft -w -I FORWARD -p tcp --dport 25 -j DROP
"""


def script_in_the_middle(args, name, script, chosen, *container):
    """What the script does is seen in the window, and stays; what is lifted stays lifted till post."""
    want = saves_with(args, name, script, *container)
    with Scene(args, name, *container) as scene:
        policy = scene.policy(target(set=[chosen]))
        scene.open(policy)
        scene.sh(script)
        scene.require_saves(want, "in the window", window=True)
        scene.program.require_matrix(scene.lifted, "lifted still", policy=policy)
        scene.close(policy)
        scene.require_saves(want, "after post")
        scene.program.require_matrix(scene.probe, "after post", policy=policy)


def others(args):
    """fail2ban's and an administrator's commands in the middle: theirs stays, ours goes."""
    script_in_the_middle(args, "input-deny", FAIL2BAN, "geoblock*")


DELETE = """
iptables-nft -w -D INPUT -m set --match-set geoblock4 src -m comment --comment 'no "mail" from there' -j DROP
iptables-nft -w -D FORWARD -m set --match-set geoblock4 src -j DROP
ip6tables-nft -w -F FORWARD
"""


def deleted(args):
    """The administrator takes lifted rules away: they do not come back."""
    name = "input-deny"
    want = saves_with(args, name, DELETE)
    with Scene(args, name) as scene:
        policy = scene.policy(target(set=["geoblock*"]))
        scene.open(policy)
        scene.sh(DELETE)
        scene.close(policy)
        scene.require_saves(want, "after post")


DOCKER = """
iptables-nft -w -t nat -A DOCKER ! -i docker0 -p tcp -m tcp --dport 8081 -j DNAT --to-destination 172.17.0.3:80
iptables-nft -w -A DOCKER -d 172.17.0.3/32 ! -i docker0 -o docker0 -p tcp -m tcp --dport 80 -j ACCEPT
iptables-nft -w -C FORWARD -j DOCKER-USER
iptables-nft -w -D FORWARD -j DOCKER-USER
iptables-nft -w -I FORWARD -j DOCKER-USER
"""


def docker(args):
    """Docker starts a container in the middle, and moves its jumps to the top."""
    script_in_the_middle(args, "docker-user", DOCKER, "geoblock", "docker0")


SWAP = """
ipset create new hash:net family inet
ipset add new 77.88.0.0/18
ipset add new 80.94.96.0/20
ipset swap new geoblock4
ipset destroy new
"""


def swapped(args):
    """CSF's and IPFire's way of refreshing: the lift stays, and the new set counts after it."""
    with Scene(args, "input-deny") as scene:
        policy = scene.policy(target(set=["geoblock*"]))
        scene.open(policy)
        scene.sh(SWAP)
        want = scene.bed.saves()
        scene.program.require_matrix(scene.lifted, "lifted, swapped", policy=policy,
                                     ports=("tcp/80", "tcp/443"))
        scene.close(policy)
        scene.require_saves(want, "after post")
        got = scene.bed.matrix()
        require(got["MC"]["tcp/80"] == "drop" and got["CN"]["tcp/80"] == "OPEN",
                "the new set does not count: %s" % got)


def reloaded(args):
    """Everything is saved and loaded again in the middle: the lift is made again, once."""
    with Scene(args, "csf-chains") as scene:
        policy = scene.policy(target(set=["cc_*"]))
        scene.open(policy)
        scene.sh("iptables-nft-save -c > %s/saved; iptables-nft-restore -c < %s/saved"
                 % (scene.program.dir, scene.program.dir))
        end = time.monotonic() + 10
        while matrix_difference(scene.bed.matrix(), scene.lifted):
            require(time.monotonic() < end, "not lifted again within 10 s")
            time.sleep(0.1)
        scene.close(policy)
        scene.require_saves(scene.snapshot.saves, "after post")
        scene.program.require_matrix(scene.probe, "after post", policy=policy)


def expiry(args):
    """Nobody closes: the kernel does, what is saved meanwhile is the original, restore is exact."""
    for name, table, names, container in (
            ("docker-user", "filter", ["geoblock"], "docker0"),
            ("raw-not-multiport", "raw", ["country_de*"], False)):
        with Scene(args, name, container) as scene:
            policy = scene.policy(target(table, set=names))
            scene.open(policy, "--window", "10s", "--lease", "test")
            scene.program.kill_watchdog()
            start = time.monotonic()
            while matrix_difference(scene.bed.matrix(), scene.probe):
                require(time.monotonic() - start < 25, name + ": still open after 25 s")
                time.sleep(0.1)
            scene.require_saves(scene.snapshot.saves, "expired", window=True)
            scene.program.expect(0, "restore")
            scene.snapshot.require_same(Snapshot(scene.bed), name + ", after restore")


def lost_journal(args):
    """Marks that no journal knows, in tables of iptables: told once, and taken out."""
    with Scene(args, "docker-user", "docker0") as scene:
        policy = scene.policy(target(set=["geoblock"]))
        scene.open(policy)
        scene.program.kill_watchdog()
        scene.program.forget_journal()
        done = scene.program.expect(3, "status")
        lines = [line for line in done.stdout.splitlines() if "skipped by geopause_" in line]
        require(len(lines) == 2 and len(set(lines)) == 2, result_text(done))
        scene.program.expect(0, "restore")
        scene.snapshot.require_same(Snapshot(scene.bed), "after restore")
        scene.program.require_matrix(scene.probe, "after restore")


def by_nftables(args):
    """A policy may name iptables' table for the nftables backend, as it always could."""
    with Scene(args, "input-deny") as scene:
        policy = scene.policy({"table": "ip filter", "rules": {"set": ["geoblock4"]}},
                              {"table": "ip6 filter", "rules": {"set": ["geoblock6"]}})
        scene.open(policy)
        scene.require_saves(scene.snapshot.saves, "in the window", window=True)
        scene.close(policy)
        scene.snapshot.require_same(Snapshot(scene.bed), "after post")


def published_twice(args):
    """A container's port that two of the host's lead to: only the asked one is opened."""
    with Scene(args, "docker-user", "docker0") as scene:
        policy = scene.policy(target(set=["geoblock"]))
        scene.sh("iptables-nft -t nat -A DOCKER ! -i docker0 -p tcp --dport 9000"
                 " -j DNAT --to 172.17.0.2:8080")
        before = scene.bed.saves()
        scene.open(policy)
        got = scene.bed.matrix(1, 0, ["tcp/80", "tcp/9000"])
        require({got["RU"]["tcp/80"], got["MC"]["tcp/80"], got["MC"]["tcp/9000"]} == {"OPEN"}
                and got["RU"]["tcp/9000"] != "OPEN", "in the window: %s" % got)
        scene.close(policy)
        scene.require_saves(before, "after post")


def unknown_names(args):
    with Scene(args, "input-deny") as scene:
        for wrong in (target(set=["geoblok4"]), target("mangle", set=["geoblock4"]),
                      target(chain=["INPU"], set=["geoblock4"]), target(comment=["nothing"])):
            policy = scene.policy(wrong)
            done = scene.program.expect(5, "pre", policy=policy)
            require(policy in done.stderr, result_text(done))
        scene.snapshot.require_same(Snapshot(scene.bed), "after refusals")


ALLOW = target(set=["country_de"])


def saved(args):
    """A rule of ours that was saved in a window is loaded later: it lets nobody in, and goes."""
    with Scene(args, "allow-policy") as scene:
        policy = scene.policy(ALLOW)
        scene.open(policy, "--window", "10s")
        scene.sh("iptables-nft-save > %s/saved" % scene.program.dir)
        start = time.monotonic()
        scene.close(policy)
        scene.require_saves(scene.snapshot.saves, "after post")
        scene.sh("iptables-nft-restore < %s/saved" % scene.program.dir)
        require("--datestop" in "".join(scene.bed.saves()), "nothing of ours was saved")
        while matrix_difference(scene.bed.matrix(), scene.probe):
            require(time.monotonic() - start < 25, "the saved rule still lets in after 25 s")
            time.sleep(0.1)
        scene.program.expect(0, "restore")
        scene.require_saves(scene.snapshot.saves, "after restore")


def reloaded_in_window(args, name, chosen, *container):
    with Scene(args, name, *container) as scene:
        policy = scene.policy(chosen)
        scene.open(policy)
        scene.sh("iptables-nft-save > %s/saved; iptables-nft-restore < %s/saved"
                 % (scene.program.dir, scene.program.dir))
        end = time.monotonic() + 10
        while "geopause_" not in scene.bed.listing():
            require(time.monotonic() < end, "not lifted again within 10 s")
            time.sleep(0.1)
        scene.program.require_matrix(scene.lifted, "lifted again", policy=policy)
        scene.close(policy)
        scene.require_saves(scene.snapshot.saves, "after post")
        scene.program.require_matrix(scene.probe, "after post", policy=policy)


def reloaded_copy(args):
    """The same in the middle of the window: the lift is made again, and nothing stays."""
    reloaded_in_window(args, "allow-policy", ALLOW)


def reloaded_guard(args):
    """And of a guard, which blocks behind DNAT what came to another port."""
    reloaded_in_window(args, "published-twice", target(set=["geo_??"]), "docker0")


def network_rules(rest, n=1500):
    """Germany's networks first: as tools write a list without a set."""
    networks = ["78.46.0.0/15", *("91.%d.%d.0/24" % (i // 256, i % 256) for i in range(n))]
    return "".join("-A MINE -s %s %s\n" % (network, rest) for network in networks)


LONG = """*filter
:INPUT %s [0:0]
:MINE - [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT
-A INPUT -p tcp -m tcp -j MINE
%sCOMMIT
"""


def long_lists(args):
    """A rule for each network, thousands of them, before what drops the rest."""
    for text in (LONG % ("ACCEPT", network_rules("-j RETURN") + "-A MINE -j DROP\n"),
                 LONG % ("DROP", network_rules("-p tcp -m multiport --dports 80,443 -j ACCEPT"))):
        with Bed() as bed, Program(args.program, bed) as program:
            bed.must(["iptables-nft-restore"], input=text)
            bed.iptables = True
            before = Snapshot(bed)
            policy = program.policy_for([target(chain=["MINE"])])
            done = program.expect(0, "pre", policy=policy)
            require(len(done.stderr.splitlines()) < 9, "a line for every rule: " + done.stderr[:999])
            program.require_matrix({"RU": {"tcp/80": "OPEN", "tcp/443": "OPEN", "tcp/8080": "drop"},
                                    "DE": {"tcp/80": "OPEN", "tcp/443": "OPEN", "tcp/8080": "OPEN"
                                           if "RETURN" in text else "drop"}}, "lifted")
            program.expect(0, "post", policy=policy)
            before.require_same(Snapshot(bed), "after post")


CASES = {f.__name__.replace("_", "-"): f for f in (
    others, deleted, docker, swapped, reloaded, expiry, lost_journal, by_nftables, published_twice,
    unknown_names, saved, reloaded_copy, reloaded_guard, long_lists)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 2)[1])
    parser.add_argument("--program", required=True)
    parser.add_argument("cases", nargs="+", choices=list(CASES))
    return run_cases(CASES, parser.parse_args())


if __name__ == "__main__":
    sys.exit(main())
