# SPDX-License-Identifier: GPL-3.0-or-later
"""What cannot be lifted, or not safely, is refused by name, and nothing is done."""
import os
import re
import subprocess
import time

from bed import inside, matrix_difference
from casebed import DENY, DENY_TARGET, WEB, Scene, opened
from program import Snapshot, require, result_text


def owner_table(args):
    """Only the process that owns such a table may change it."""
    with Scene(args) as scene:
        owner = subprocess.Popen(inside(scene.bed.fw, ["nft", "-i"]), stdin=subprocess.PIPE,
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, text=True)
        try:
            owner.stdin.write(
                "add table inet held { flags owner; }\n"
                "add set inet held geo { type ipv4_addr; flags interval; }\n"
                "add element inet held geo { 77.88.0.0/18, 112.80.0.0/12 }\n"
                "add chain inet held in { type filter hook input priority 0; }\n"
                "add rule inet held in ip saddr @geo counter drop\n"
                "add set inet held acme { type inet_proto . inet_service; flags timeout; }\n"
                "insert rule inet held in meta l4proto . th dport @acme accept\n")
            owner.stdin.flush()
            for _ in range(100):
                if "@acme" in scene.bed.listing():
                    break
                time.sleep(0.05)
            target = {"table": "inet held", "rules": {"set": ["geo"]}}
            policy = scene.load("", target)
            require(scene.before["RU"]["tcp/80"] == "drop", "the table does not block")
            refused_for_its_owner(scene, policy)
            refused_for_its_owner(scene, scene.program.policy_for([
                {"table": "inet held", "rules": {"set": ["acme"]}, "action": "set"}]))
            # By itself, too: what it has found it cannot lift.
            done = scene.program.run("pre")
            require(done.returncode in (1, 5), result_text(done))
            scene.unchanged("refused")
        finally:
            owner.stdin.close()
            owner.wait(10)


def refused_for_its_owner(scene, policy):
    done = scene.program.expect(1, "pre", policy=policy)
    for words in ("inet held", "`flags owner`", "firewalld: firewall-cmd",
                  "NftablesTableOwner=no", "nothing was changed"):
        require(words in done.stderr, "does not say %s: %s" % (words, result_text(done)))
    scene.unchanged("refused")


def no_right(args):
    """Without CAP_NET_ADMIN nothing can be done, and this is said; the policy is still checked."""
    drop = ("setpriv", "--bounding-set=-net_admin")
    with Scene(args) as scene:
        policy = scene.load(DENY, DENY_TARGET)
        done = scene.program.expect(1, "pre", policy=policy, wrap=drop)
        require("needs root (CAP_NET_ADMIN" in done.stderr
                and "nothing was changed" in done.stderr, result_text(done))
        scene.unchanged("pre without the right")
        done = scene.program.run("plan", policy=policy, wrap=drop)
        require(done.returncode in (0, 1), "plan: " + result_text(done))
        require(re.search(r"CAP_NET_ADMIN|as root|sudo", done.stdout + done.stderr),
                "plan: " + result_text(done))
        scene.program.expect(0, "check", policy=policy, wrap=drop)
        bad = scene.program.write_policy('{ "version": 1, "tarets": [] }', "bad.json")
        for verb in ("check", "plan", "pre"):
            done = scene.program.expect(5, verb, policy=bad, wrap=drop)
            require("tarets" in done.stderr, verb + ": " + result_text(done))
        scene.unchanged("without the right")


def no_nf_tables(args):
    """A kernel without netfilter's netlink, or any other socket: said, nothing opened."""
    said = []
    with Scene(args) as scene:
        policy = scene.load(DENY, DENY_TARGET)
        for number in range(1, 9):
            # LeakSanitizer cannot look for leaks in a process that is traced.
            fault = ("env", "ASAN_OPTIONS=detect_leaks=0", "strace", "-o", "/dev/null",
                     "-e", "trace=socket", "-e", "inject=socket:error=EPROTONOSUPPORT:when=%d" % number)
            done = scene.program.run("pre", policy=policy, wrap=fault)
            if done.returncode == 0:  # a socket that is not needed, or there are no more
                scene.program.expect(0, "post", policy=policy)
            else:
                require(done.returncode == 1 and "nothing was changed" in done.stderr,
                        result_text(done))
                said.append(done.stderr)
            scene.unchanged("without socket %d" % number)
        require("this kernel has no nf_tables (load the module" in said[0],
                "nothing is said about nf_tables: %s" % said)


def newer_expressions(args):
    """Expressions that libnftnl does not know are kept to the bit, or the rule is refused."""
    for kind in ("bitwise", "inner"):
        with Scene(args) as scene:
            newer_expression(scene, kind, args.newexpr)


def newer_expression(scene, kind, newexpr):
    bed, program = scene.bed, scene.program
    bed.nft("""include "ranges.nft"
        table inet new {
            set geo { type ipv4_addr; flags interval; elements = { $RU4, $CN4 }; }
            chain in { type filter hook input priority 0; policy accept; }
        }""")
    bed.must([newexpr, "new", "in", "geo", kind])
    before, rules = bed.matrix(1), Snapshot(bed, understood=False)
    require((before["RU"]["tcp/80"] == "drop") == (kind == "bitwise"), "the rule does not work")
    policy = program.policy_for([{"table": "inet new", "rules": {"set": ["geo"]}}])
    done = program.run("pre", policy=policy)
    if done.returncode == 0:
        got = bed.matrix(1)
        difference = matrix_difference(got, opened(before, ("RU", "CN"), WEB))
        require(not difference, "%s, lifted: %s" % (kind, difference))
        program.expect(0, "post", policy=policy)
    else:
        require(done.returncode == 1 and kind in done.stderr
                and "nothing was changed" in done.stderr,
                "%s: refused, but not by name: %s" % (kind, result_text(done)))
    rules.require_same(Snapshot(bed, understood=False), kind + ", after")
    require(not matrix_difference(bed.matrix(1), before), kind + ": the matrix changed")
    print("%s: %s" % (kind, "lifted" if done.returncode == 0 else "refused by name"))


def policy_refused(args):
    """A policy that does not fit the ruleset, or is unsafe: 5, where it says so, nothing done."""
    def rules(**keys):
        return {"table": "inet filter", "rules": keys}
    with Scene(args) as scene:
        scene.load(DENY, DENY_TARGET)
        for what, target, path, culprit in (
                ("an unknown table", {"table": "inet fliter", "rules": {"set": ["geo4"]}},
                 "targets[0].table", '"inet fliter"'),
                ("a table of another family", {"table": "ip filter", "rules": {"set": ["geo4"]}},
                 "targets[0].table", '"ip filter"'),
                ("an unknown set", rules(set=["geo4", "goe6"]), "targets[0].rules.set[1]",
                 '"goe6"'),
                ("a pattern that matches nothing", rules(set=["geo4", "xyz*"]),
                 "targets[0].rules.set[1]", '"xyz*"'),
                ("an unknown chain", rules(chain=["inptu"], set=["geo4"]),
                 "targets[0].rules.chain", '"inptu"'),
                ("a comment that no rule has", rules(comment=["country"]),
                 "targets[0].rules.comment", '"country"'),
                ("a rule that is not there", rules(handle=[4711]), "targets[0].rules.handle",
                 '"handle"'),
                ("an unknown map", rules(map=["geo4map"]), "targets[0].rules.map",
                 '"geo4map"')):
            refuse(scene, what, scene.program.policy_for([target]), path, culprit)
        unsafe(scene)
    with Scene(args) as scene:
        scene.load(BESIDE_BANS)
        for what, target, path in (
                ("a pattern that also matches bans", rules(set=["*"]), "targets[0].rules.set"),
                ("a pattern that matches every rule", rules(comment=["*"]),
                 "targets[0].rules.comment")):
            policy = scene.program.policy_for([target])
            refuse(scene, what, policy, path, '"*"')
            require("matches too much" in scene.program.expect(5, "check", policy=policy).stderr,
                    what)


BESIDE_BANS = r"""
include "ranges.nft"
table inet filter {
	set geo4 { type ipv4_addr; flags interval; elements = { $RU4, $CN4 }; }
	set banned { type ipv4_addr; flags dynamic,timeout; timeout 1h; elements = { 78.46.10.10 }; }
	chain input {
		type filter hook input priority filter; policy accept;
		ct state established,related accept comment "replies"
		ip saddr @banned drop comment "bans"
		ip saddr @geo4 drop comment "countries"
	}
}
"""


def refuse(scene, what, policy, path, culprit):
    with open(policy, encoding="ascii") as f:
        line = 1 + next(n for n, text in enumerate(f) if culprit in text)
    for verb in ("pre", "plan"):
        done = scene.program.expect(5, verb, policy=policy)
        for wanted in ("%s:%d:" % (policy, line), path, "nothing was changed"):
            require(wanted in done.stderr,
                    "%s of %s: no %r in: %s" % (verb, what, wanted, result_text(done)))
    scene.snapshot.require_same(Snapshot(scene.bed), what)


def unsafe(scene):
    program, good = scene.program, scene.policy
    for mode in (0o620, 0o602, 0o666):
        os.chmod(good, mode)
        for verb in ("pre", "check"):
            done = program.expect(5, verb, policy=good)
            require(good in done.stderr and "writ" in done.stderr,
                    "%s with mode %o: %s" % (verb, mode, result_text(done)))
    os.chmod(good, 0o600)
    missing = os.path.join(program.dir, "missing.json")
    done = program.expect(5, "pre", policy=missing)
    require(missing in done.stderr, result_text(done))
    scene.unchanged("an unsafe policy")
