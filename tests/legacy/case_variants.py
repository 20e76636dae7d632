# SPDX-License-Identifier: GPL-3.0-or-later
"""Both variants at once, and what the rules and the policy say."""
import errno
import os
import subprocess

from beds import (BLOCKED, SETS, LegacyBed, LegacyProgram, deny_matrix, require, result_text)
from scene import RULES, Scene, no_memory_for_ipv6, wait_until
from shape import filtered
from shapes import REDIRECT

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


OWN_TABLE = """table inet own {
	set geo { type ipv4_addr; flags interval; elements = { %s }; }
	chain in { type filter hook input priority 10; ip saddr @geo drop; }
}
"""


def joins_nftables(args):
    """A watchdog that has given up its rights for a window of nftables takes back the lift that joins."""
    with Scene(args) as scene, subprocess.Popen(["sleep", "1000"]) as client:
        scene.bed.must(["nft", "-f", "-"], input=OWN_TABLE % "203.0.113.0/24")
        nft = scene.program.write_policy({"version": 1, "targets": [
            {"name": "own", "backend": "nftables", "table": "inet own",
             "rules": {"set": "geo"}}]}, name="own.json")
        listing = scene.bed.listing()
        owner = ("--owner", str(client.pid))
        scene.program.expect(0, "pre", *owner, policy=nft)
        scene.expect(0, "pre", *owner)
        scene.matrix(True, "both lifted")
        client.kill()
        client.wait()
        wait_until(lambda: not scene.program.left_behind(), "the watchdog has not closed it")
        scene.unchanged("the client is dead")
        require(scene.bed.listing() == listing, scene.bed.listing())


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


def without_nf_tables(args):
    """A kernel that has x_tables alone: without a policy, too, and with nothing left to be said."""
    with Scene(args, RULES.replace("GEO", "LOCATIONBLOCK")) as scene:
        alone = ["env", "LD_PRELOAD=" + args.no_nf_tables, "ASAN_OPTIONS=verify_asan_link_order=0"]
        scene.policy = None
        scene.expect(0, "discover", says=["LOCATIONBLOCK"], wrap=alone)
        scene.expect(0, "plan", says=["LOCATIONBLOCK"], wrap=alone)
        scene.expect(0, "pre", "--lease", "a", wrap=alone)
        scene.matrix(True, "lifted")
        done = scene.expect(0, "post", "--lease", "a", wrap=alone)
        require("nf_tables" not in done.stderr, result_text(done))
        scene.unchanged("after post")
        done = scene.expect(0, "restore", wrap=alone)
        require(not done.stderr, result_text(done))
        done = scene.expect(0, "status", wrap=alone)
        require(done.stdout == "closed\n", result_text(done))
        # Whoever asks for nftables hears of it.
        scene.policy = scene.program.policy({"name": "a", "backend": "nftables",
                                             "table": "inet filter", "rules": {"set": "geo"}})
        scene.expect(1, "pre", "--lease", "a", wrap=alone,
                     says=["this kernel has no nf_tables", "nothing was changed"])
        scene.unchanged("refused")


NOT_TO_BE_LIFTED = filtered("".join(
    "-A INPUT -s 45.%d.0.0/16 -j DROP\n" % i for i in range(9))
    + "-A OUTPUT -m set --match-set geo dst -j DROP\n") + """*security
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m set --match-set geo src -j DROP
COMMIT
"""


def named(args):
    """What cannot be lifted, with the reason; and how many rules a list has."""
    with Scene(args, NOT_TO_BE_LIFTED, "") as scene:
        said = scene.program.expect(5, "discover").stderr
        for text in ("it blocks replies", "in table security", "(and 8 more like this)"):
            require(text in said, "%r is not in: %s" % (text, said))


MARKING = ("*mangle\n:PREROUTING ACCEPT [0:0]\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n"
           ":OUTPUT ACCEPT [0:0]\n:POSTROUTING ACCEPT [0:0]\n-A PREROUTING -m set --match-set geo"
           " src -j MARK --set-xmark 0x5/0xffffffff\n-A PREROUTING -m set --match-set banned src"
           " -j MARK --set-xmark 0x5/0xffffffff\nCOMMIT\n")
BY_MARK = filtered("-A INPUT -m mark --mark 0x5 -m comment --comment geo -j DROP")


def marks_across(args):
    """
    Bans and the geo-block share a mark. One variant marks, the other one drops by it: told and not
    lifted. In one variant: not lifted at the drop, whoever chose that by its comment.
    """
    for here, there in (("legacy", "nft"), ("nft", "legacy"), ("nft", "nft"), ("legacy", "legacy")):
        with LegacyBed() as bed, LegacyProgram(args.program, bed) as program:
            bed.must(["ipset", "restore"], input=SETS)
            bed.must(["iptables-%s-restore" % here], input=MARKING)
            bed.must(["iptables-%s-restore" % there], input=BY_MARK)
            across = here != there
            before = bed.state(), bed.listing()
            done = program.expect(5 if across else 0, "discover")
            require(("it marks packets by their source" in done.stderr) == across,
                    result_text(done))
            for selector, table in [({"comment": ["geo"]}, "filter")] + [
                    ({"set": ["geo"]}, "mangle")] * across:
                policy = program.policy(program.target(selector, table))
                done = program.expect(1, "pre", policy=policy)
                require(" mark" in done.stderr, result_text(done))
            before[0].require_same(bed.state(), "refused")
            require(before[1] == bed.listing(), "refused, but changed: " + bed.listing())


NAT = ("*nat\n:PREROUTING ACCEPT [0:0]\n:INPUT ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n"
       ":POSTROUTING ACCEPT [0:0]\n:PAGE - [0:0]\n-A PAGE -p tcp -j DNAT --to-destination"
       " 198.51.100.10:9999\n%s\nCOMMIT\n")
DECIDE = ("-A PREROUTING -p tcp -m set --match-set geo src -m tcp --dport 80 -j REDIRECT --to-ports 9",
          "-A PREROUTING -p tcp -m multiport --dports 80,443 -m set ! --match-set country_home src"
          " -j PAGE",
          "-A PREROUTING -m set --match-set country_home src -j RETURN\n"
          "-A PREROUTING -i eth0 -p tcp -j REDIRECT --to-ports 9")
DECIDE_NOT = ("-A PREROUTING -p tcp -m tcp --dport 25 -m set --match-set geo src -j REDIRECT",
              "-A PREROUTING -s 10.0.0.0/8 -j RETURN\n"
              "-A PREROUTING -s 203.0.113.9/32 -p tcp -m tcp --dport 80 -j PAGE",
              "-A POSTROUTING -m set --match-set geo src -j MASQUERADE")


def geo_in_nat(args):
    """Countries that are sent to another port or host: told, and never only half of it lifted."""
    sets = SETS + "create country_home hash:net\nadd country_home 78.46.0.0/15\n" + "".join(
        "add country_home 91.%d.0.0/16\n" % i for i in range(20))
    deny = filtered("-A INPUT -m set --match-set geo src -j DROP")
    for variant in ("legacy", "nft"):
        for rules, also in [(r, a) for r in DECIDE for a in ("", deny)] + [
                (r, deny) for r in DECIDE_NOT]:
            with LegacyBed() as bed, LegacyProgram(args.program, bed) as program:
                bed.must(["ipset", "restore"], input=sets)
                bed.must(["iptables-%s-restore" % variant], input=NAT % rules + also)
                before = bed.state(), bed.listing()
                status = 5 if rules in DECIDE else 0
                done = program.expect(status, "discover")
                told = "iptables' table nat has a geo-block" in done.stderr
                require(told == (status == 5), rules + ": " + result_text(done))
                done = program.expect(status, "pre")
                if status == 5:
                    require("DNAT, REDIRECT" in done.stderr, result_text(done))
                    before[0].require_same(bed.state(), "refused")
                    require(before[1] == bed.listing(), "refused, but changed: " + bed.listing())
                else:
                    program.expect(0, "post")


CASES = (both_variants, both_variants_or_none, joins_nftables, nft_behind_legacy_nat, odd_rule,
         unknown_names, no_tables, without_nf_tables, discovered, named, marks_across, geo_in_nat)
