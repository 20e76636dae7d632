#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Single situations, each a test of its own: cases.py --program PATH --newexpr PATH CASE..."""
import argparse
import concurrent.futures
import contextlib
import json
import os
import re
import subprocess
import sys
import time

from bed import inside, matrix_difference, matrix_read, normalised
from case_refusals import newer_expressions, no_nf_tables, no_right, owner_table, policy_refused
from casebed import DENIED, DENY, DENY_TARGET, OWN, OWN_TARGET, WEB, Scene, fixture, opened
from program import Snapshot, require, result_text, run_cases


def challenges(args):
    """Each challenge opens its own ports, in both families, and nothing else."""
    with Scene(args) as scene:
        policy = scene.load(DENY, DENY_TARGET)
        dns = {p: scene.bed.matrix(0.5, 0, ["tcp/53"])[p]["tcp/53"] for p in DENIED}
        require(set(dns.values()) == {"drop"}, "tcp/53 before: %s" % dns)
        for challenge, ports in (("http-01", ["tcp/80"]), ("tls-alpn-01", ["tcp/443"]),
                                 ("http-01,tls-alpn-01", WEB), ("dns-01", ["udp/53"])):
            scene.program.expect(0, "pre", "--challenge", challenge, policy=policy)
            scene.program.require_matrix(opened(scene.before, DENIED, ports), challenge,
                                         policy=policy)
            dns = scene.bed.matrix(0.5, 0, ["tcp/53"])
            want = "OPEN" if challenge == "dns-01" else "drop"
            require({dns[s]["tcp/53"] for s in DENIED} == {want},
                    "%s: tcp/53 should be %s: %s" % (challenge, want, dns))
            scene.program.expect(0, "post", policy=policy)
            scene.unchanged("after " + challenge)


def two_challenges(args):
    """A second client asks for other ports: both get theirs, and whoever ends first."""
    with Scene(args) as scene:
        policy = scene.load(DENY, DENY_TARGET)
        for first, second in (("a", "b"), ("b", "a")):
            scene.program.expect(0, "pre", "--lease", "a", "--challenge", "http-01", policy=policy)
            scene.program.expect(0, "pre", "--lease", "b", "--challenge", "dns-01", policy=policy)
            scene.program.require_matrix(opened(scene.before, DENIED, ("tcp/80", "udp/53")),
                                         "both", policy=policy)
            scene.program.expect(0, "post", "--lease", first, policy=policy)
            kept = {"a": "tcp/80", "b": "udp/53"}[second]
            matrix = scene.bed.matrix(1, 0, ["tcp/80", "udp/53"])
            require(all(matrix[s][kept] == "OPEN" for s in DENIED),
                    "%s lost its port when %s ended: %s" % (second, first, matrix))
            scene.program.expect(0, "post", "--lease", second, policy=policy)
            scene.unchanged("after both, %s first" % first)


OTHER_PORTS = """
include "ranges.nft"
table inet filter {
	set geo4 { type ipv4_addr; flags interval; elements = { $RU4, $CN4 }; }
	set resolvers { type ipv4_addr; flags interval; elements = { $DE4 }; }
	chain input {
		type filter hook input priority filter; policy accept;
		ct state established,related accept
		udp dport 53 ip saddr @resolvers drop
		ip saddr @geo4 counter drop
	}
}
"""


def doubt_elsewhere(args):
    """Without a policy: what may be a geo-block of ports that nobody asks for is no reason to stop."""
    with Scene(args) as scene:
        scene.load(OTHER_PORTS)
        done = scene.program.expect(5, "discover")
        require("resolvers" in done.stderr, "discover does not mention the doubt: " +
                result_text(done))
        scene.program.expect(0, "pre")
        scene.program.require_matrix(opened(scene.before, ("RU", "CN"), WEB), "lifted")
        scene.program.expect(0, "post")
        scene.unchanged("after post")
        done = scene.program.expect(5, "pre", "--challenge", "dns-01")
        require("resolvers" in done.stderr, "does not name the doubt: " + result_text(done))
        scene.unchanged("dns-01")


def permanent_element(args):
    """What the administrator put into the set stays, without a timeout, during and after."""
    with Scene(args) as scene:
        policy = scene.load(OWN % "flags timeout; elements = { 80 };", OWN_TARGET)
        scene.program.expect(0, "pre", policy=policy)
        scene.program.require_matrix(opened(scene.before, ("RU", "CN"), WEB), "lifted",
                                     policy=policy)
        elements = re.search(r"acme_window.*?elements = \{([^}]*)\}", scene.bed.listing(), re.S)
        require(re.search(r"\b80(,|\s*$)", elements.group(1)), "80 is no longer permanent: "
                + elements.group(1))
        require(re.search(r"\b443 timeout", elements.group(1)), "443 has no timeout: "
                + elements.group(1))
        scene.program.expect(0, "post", policy=policy)
        scene.unchanged("after post")


def set_without_timeout(args):
    """Elements that never expire would leave the ports open: refused, with advice."""
    with Scene(args) as scene:
        policy = scene.load(OWN % "", OWN_TARGET)
        done = scene.program.expect(5, "pre", policy=policy)
        require("acme_window" in done.stderr and "add `flags timeout`" in done.stderr
                and "nothing was changed" in done.stderr,
                "does not advise `flags timeout`: " + result_text(done))
        scene.unchanged("refused")


def listing_without_handles(bed):
    return normalised(bed.must(["nft", "list", "ruleset"]))


def rules_without_handles(bed):
    return [re.sub(r'"handle": \d+', "", line) for line in bed.raw_rules()]


def saved_ruleset(args):
    """A ruleset saved in the window and loaded elsewhere: one restore makes it right."""
    for name, target in (("deny-input-counters", {"table": "inet fw", "rules": {"set": ["*_v?"]}}),
                         ("allow-portset-new", {"table": "inet host", "rules": {"set": ["home*"]}}),
                         ("anonymous-sets", {"table": "inet t", "rules": {"comment": ["geo *"]}})):
        with Scene(args, "gp%da" % os.getpid()) as here:
            with open(fixture(name + ".nft"), encoding="ascii") as f:
                policy = here.load(f.read(), target)
            before = here.bed.must(["nft", "list", "ruleset"])
            here.program.expect(0, "pre", policy=policy)
            saved = [here.bed.must(["nft", *o, "list", "ruleset"]) for o in ((), ("-s",))]
            here.program.expect(0, "post", policy=policy)
            for number, text in enumerate(saved):
                loaded_and_restored(args, before, text, here.before, "%s, %s" % (
                    name, ("nft list", "nft -s list")[number]))


def loaded_and_restored(args, before, saved, matrix, when):
    with Scene(args, "gp%db" % os.getpid()) as there:
        there.bed.nft(before)
        want = listing_without_handles(there.bed), rules_without_handles(there.bed)
        there.bed.must(["nft", "flush", "ruleset"])
        there.bed.nft(saved)
        require(listing_without_handles(there.bed) != want[0], when + ": the lift was not saved")
        there.program.expect(0, "restore")
        got = listing_without_handles(there.bed), rules_without_handles(there.bed)
        require(got[0] == want[0], "%s: the listing is not the one before:\n%s" % (when, got[0]))
        require(got[1] == want[1], when + ": the kernel's rules are not the ones before")
        there.program.require_matrix(matrix, when)


def expiry(args):
    """Nobody calls post: the kernel closes; the next restore makes it exact."""
    names = ("deny-input-counters", "allow-portset-new", "own-set-ports")
    targets = ({"table": "inet fw", "rules": {"set": ["blocked_countries_v?"]}},
               {"table": "inet host", "rules": {"set": ["home_countries*"]}},
               OWN_TARGET)
    with contextlib.ExitStack() as stack:
        scenes = []
        for number, name in enumerate(names):
            scene = stack.enter_context(Scene(args, "gp%d%c" % (os.getpid(), ord("a") + number)))
            with open(fixture(name + ".nft"), encoding="ascii") as f:
                scene.load(f.read(), targets[number])
            scene.lifted = matrix_read(fixture(name + ".lifted"))
            scenes.append(scene)
        start = time.monotonic()
        for scene in scenes:
            scene.program.expect(0, "pre", "--window", "15s", "--lease", "test",
                                 policy=scene.policy)
        for scene, name in zip(scenes, names):
            scene.program.require_matrix(scene.lifted, name + ", lifted", policy=scene.policy)
        for scene, name in zip(scenes, names):
            wait_closed(scene, name, start)
            scene.program.expect(0, "restore")
            scene.unchanged(name + ", after restore")


def wait_closed(scene, name, start):
    while matrix_difference(scene.bed.matrix(), scene.before):
        require(time.monotonic() - start < 60, name + ": still open after 60 s")
        time.sleep(0.1)
    took = time.monotonic() - start
    require(took > 5, "%s: closed after %.1f s already" % (name, took))


def lost_journal(args):
    """Marks that no journal knows: said while they are open and after; taken out by restore."""
    with Scene(args) as scene:
        policy = scene.load(DENY, DENY_TARGET)
        scene.program.expect(0, "pre", "--window", "10s", policy=policy)
        scene.program.kill_watchdog()  # which would know them
        for name in os.listdir(scene.program.state):
            if name.startswith("window-"):
                os.unlink(os.path.join(scene.program.state, name))
        start = time.monotonic()
        done = scene.program.expect(3, "status")
        require("skipped by geopause_" in done.stdout, result_text(done))
        wait_closed(scene, "lost journal", start)
        done = scene.program.expect(0, "status")
        require(re.search(r"skipped by geopause_\w+ \(closed\)", done.stdout), result_text(done))
        scene.program.expect(0, "restore")
        scene.unchanged("after restore")


LIMITED = r"""
include "ranges.nft"
table inet filter {
	set geo4 { type ipv4_addr; flags interval; elements = { $RU4, $CN4 }; }
	set abusers { type ipv4_addr; elements = { 112.80.248.75, 203.0.113.1 }; }
	set busy { type ipv4_addr; flags dynamic,timeout; timeout 5m; size 1000; }
	chain input {
		type filter hook input priority filter; policy accept;
		ct state established,related accept
		ip saddr @geo4 counter drop
		ip saddr @abusers counter drop
		tcp dport 80 ct state new update @busy { \
			ip saddr limit rate over 2/minute burst 2 packets } counter drop
		tcp dport 443 ct state new ip saddr 77.88.8.8 \
			limit rate over 2/minute burst 2 packets counter drop
	}
}
"""


def rate_limit_goes_on(args):
    """The rules behind the geo-block still judge what the window lets through."""
    with Scene(args) as scene:
        policy = scene.load(LIMITED, {"table": "inet filter", "rules": {"set": ["geo4"]}})
        scene.program.expect(0, "pre", policy=policy)
        rounds = [scene.bed.matrix(0.5, 0, WEB) for _ in range(6)]
        for port in WEB:
            got = [r["RU"][port] for r in rounds]
            require(got[0] == "OPEN" and "drop" in got[1:4] and got[5] == "drop",
                    "%s: the rate limit should stop RU: %s" % (port, got))
            require({r["CN"][port] for r in rounds} == {"drop"}, port + ": the blacklist is gone")
        scene.program.expect(0, "post", policy=policy)
        scene.snapshot.require_same(Snapshot(scene.bed), "after post")


WRITER = """
while :; do
	nft add element inet other s "{ 192.0.2.1 }"
	nft delete element inet other s "{ 192.0.2.1 }"
	nft add rule inet other c counter
	nft flush chain inet other c
	sleep 0.005
done
"""


def concurrent_writer(args):
    """Somebody changes the ruleset all the time: every window opens and closes all the same."""
    with Scene(args) as scene:
        policy = scene.load(DENY, DENY_TARGET)
        scene.bed.nft("table inet other {\n set s { type ipv4_addr; }\n chain c { }\n}")
        writer = subprocess.Popen(inside(scene.bed.fw, ["sh", "-c", WRITER]),
                                  start_new_session=True)
        try:
            for number in range(50):
                scene.program.expect(0, "pre", policy=policy)
                if number % 10 == 0:
                    scene.program.require_matrix(opened(scene.before, DENIED, WEB), "lifted",
                                                 policy=policy)
                scene.program.expect(0, "post", policy=policy)
            require(writer.poll() is None, "the writer died")
        finally:
            os.killpg(writer.pid, 15)
            writer.wait()
        scene.bed.nft("delete table inet other")
        scene.unchanged("after 50 windows")


def concurrent_leases(args):
    """Ten clients at once: the first opens, the last closes."""
    with Scene(args) as scene, concurrent.futures.ThreadPoolExecutor(10) as pool:
        policy = scene.load(DENY, DENY_TARGET)

        def call(verb, numbers):
            list(pool.map(lambda n: scene.program.expect(0, verb, "--lease", "client%d" % n,
                                                         policy=policy), numbers))
        lifted = opened(scene.before, DENIED, WEB)
        call("pre", range(10))
        scene.program.require_matrix(lifted, "ten leases", policy=policy)
        call("post", range(9))
        scene.program.require_matrix(lifted, "one lease left", policy=policy)
        call("post", [9])
        scene.unchanged("no lease left")

        def pair(number):
            for verb in ("pre", "post"):
                scene.program.expect(0, verb, "--lease", "pair%d" % number, policy=policy)
        for _ in range(3):
            list(pool.map(pair, range(10)))
            scene.unchanged("after ten pairs at once")


TWO_TABLES = DENY + """
table ip6 extra {
	set geo6 { type ipv6_addr; flags interval; elements = { $MC6 }; }
	chain input {
		type filter hook input priority 10; policy accept;
		ip6 saddr @geo6 counter drop
	}
}
"""


def one_transaction(args):
    """All targets are lifted in one batch, and taken back in one, each with the generation in it."""
    generation = r"NFNL_MSG_BATCH_BEGIN, [^\n]*?\\x08\\x00\\x01\\x00"
    with Scene(args) as scene:
        policy = scene.load(TWO_TABLES, DENY_TARGET, {"table": "ip6 extra",
                                                      "rules": {"set": ["geo6"]}})
        calls = os.path.join(scene.program.dir, "calls")
        traced = ("env", "ASAN_OPTIONS=detect_leaks=0", "strace", "-xx", "-s", "64", "-o", calls,
                  "-e", "trace=sendto,sendmsg")
        for verb in ("pre", "post"):
            scene.program.expect(0, verb, "--lease", "a", policy=policy, wrap=traced)
            with open(calls, encoding="ascii") as f:
                text = f.read()
            require(text.count("NFNL_MSG_BATCH_BEGIN") == 1 and re.search(generation, text),
                    "%s: not one batch with the generation:\n%s" % (verb, text))
            if verb == "pre":
                scene.program.require_matrix(opened(scene.before, DENIED + ("MC6",), WEB), "lifted",
                                             policy=policy)
        scene.unchanged("after post")


CLIENT = """
$0 pre --lease "$1" $2 || exit 10
while [ ! -e "$3" ]; do sleep 0.05; done
$0 post --lease "$1" $2 || exit 11
"""


class Clients:
    """Fifty at once, whose pre and post must all end with 0; each waits in between until go()."""

    def __init__(self, scene, policy):
        program = scene.program
        self.gate = os.path.join(program.dir, "go")
        options = "--state %s --policy %s" % (program.state, policy)
        self.all = [subprocess.Popen(
            inside(scene.bed.fw, ["sh", "-c", CLIENT, program.path, "client%d" % n, options,
                                  self.gate]), stderr=subprocess.PIPE, text=True)
            for n in range(50)]

    def go(self):
        with open(self.gate, "w", encoding="ascii"):
            pass

    def finish(self):
        said = [(client.communicate(timeout=100)[1], client.returncode) for client in self.all]
        os.unlink(self.gate)
        failed = ["exit %d: %s" % (status, err) for err, status in said if status]
        require(not failed, "%d of 50 pairs failed: %s" % (len(failed), failed[:3]))


def windows(scene):
    """Of the history: how many."""
    past = json.loads(scene.program.expect(0, "history", "--json").stdout)["windows"]
    require(all(w["how"] == "post" and w["exact"] for w in past), "the history is %s" % past)
    return len(past)


def fifty_pairs(args):
    """Fifty leases are one window; and fifty pairs in any order leave nothing behind."""
    with Scene(args) as scene:
        policy = scene.load(DENY, DENY_TARGET)
        clients = Clients(scene, policy)
        try:
            until = time.monotonic() + 100
            while time.monotonic() < until:
                status = json.loads(scene.program.expect(0, "status", "--json").stdout)
                if len(status["leases"]) == 50:
                    break
                time.sleep(0.1)
            require(len(status["leases"]) == 50 and len(status["lifts"]) == 1,
                    "not fifty leases of one window: %s" % status)
            scene.program.require_matrix(opened(scene.before, DENIED, WEB), "fifty leases",
                                         policy=policy)
        finally:
            clients.go()
        clients.finish()
        scene.unchanged("after fifty pairs")
        require(windows(scene) == 1, "that was more than one window")
        clients = Clients(scene, policy)
        clients.go()
        clients.finish()
        scene.unchanged("after fifty pairs, each as soon as it can")
        print("%d windows for fifty pairs, each as soon as it can" % (windows(scene) - 1))


CASES = {f.__name__.replace("_", "-"): f for f in (
    challenges, two_challenges, doubt_elsewhere, permanent_element, set_without_timeout, saved_ruleset,
    owner_table, no_right, no_nf_tables, newer_expressions, policy_refused, expiry, lost_journal,
    rate_limit_goes_on, concurrent_writer, concurrent_leases, one_transaction,
    fifty_pairs)}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--program", required=True)
    parser.add_argument("--newexpr", required=True)
    parser.add_argument("cases", nargs="+", choices=list(CASES))
    args = parser.parse_args()
    args.newexpr = os.path.abspath(args.newexpr)
    return run_cases(CASES, args)


if __name__ == "__main__":
    sys.exit(main())
