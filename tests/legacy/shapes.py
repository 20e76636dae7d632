#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""
Rulesets of iptables-legacy: who reaches what before, during and after a window, and that the tables
afterwards are those before: shapes.py --program PATH SHAPE...
"""
import argparse
import sys

from beds import (AT_HOME, BLOCKED, BLOCKED6, LegacyBed, LegacyProgram, deny_matrix, require,
                  run_cases)

EVERYBODY = ("RU", "CN", "KP", "MC", "DE", "US", "RU6", "CN6", "MC6", "DE6", "US6")
ABROAD = tuple(who for who in EVERYBODY if who not in AT_HOME)
IPV4 = tuple(who for who in ABROAD if "6" not in who)
ALL = ("tcp/80", "tcp/443", "tcp/22", "tcp/8080", "udp/53")
WEB = ("tcp/80", "tcp/443")


def filtered(rules, policy="ACCEPT", chains=""):
    return ("*filter\n:INPUT %s [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n%s%s\nCOMMIT\n"
            % (policy, chains, rules.strip()))


ESTABLISHED = "-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n"
NEIGHBOURS = "-A INPUT -p ipv6-icmp -j ACCEPT\n"

CSF = filtered("""
-A INPUT -i eth0 -j LOCALINPUT
-A CC_ALLOWF -m set --match-set %(home)s src -j RETURN
-A CC_ALLOWF -j CCDROP
-A CCDROP -m limit --limit 30/min -j LOG --log-prefix "Firewall: *CC_DENY* "
[7:420] -A CCDROP -j DROP
-A LOCALINPUT -i eth0 -m conntrack --ctstate RELATED,ESTABLISHED -j RETURN
-A LOCALINPUT -i eth0 -j CC_ALLOWF
""", chains=":CCDROP - [0:0]\n:CC_ALLOWF - [0:0]\n:LOCALINPUT - [0:0]\n")

IPFIRE = filtered("""
-A INPUT -j LOCATIONBLOCK
-A FORWARD -j LOCATIONBLOCK
-A LOCATIONBLOCK ! -i eth0 -j RETURN
-A LOCATIONBLOCK -s 10.0.0.0/8 -j RETURN
-A LOCATIONBLOCK -s 192.168.0.0/16 -j RETURN
[3:180] -A LOCATIONBLOCK -m set --match-set geo src -j DROP
""", chains=":LOCATIONBLOCK - [0:0]\n")

MANY = filtered(
    "-A INPUT -j CC_DENY\n" + "".join(
        "-A CC_DENY -s %d.%d.0.0/16 -j DROP\n" % (a, b) for a in (77, 112, 175)
        for b in range(0, 256, 2)) + "-A CC_DENY -s 175.45.0.0/16 -j DROP",
    chains=":CC_DENY - [0:0]\n")

DOCKER = """*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-A PREROUTING -i eth0 -p tcp -m tcp --dport 80 -j DNAT --to-destination 172.30.0.2:8080
-A PREROUTING -i eth0 -p tcp -m tcp --dport 443 -j DNAT --to-destination 172.30.0.2:8443
-A PREROUTING -i eth0 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 172.30.0.2:8080
COMMIT
*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:DOCKER-USER - [0:0]
-A FORWARD -j DOCKER-USER
-A DOCKER-USER -i eth0 -m set --match-set geo src -j DROP
-A DOCKER-USER -j RETURN
COMMIT
"""


REDIRECT = """*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-A PREROUTING -i eth0 -p tcp -m tcp --dport 80 -j REDIRECT --to-ports 8080
COMMIT
"""


class Shape:
    """blocked: who is without a window; then these ports are open for all but the closed."""

    def __init__(self, rules="", rules6="", blocked=(), ports=ALL, lifts=WEB, selector=None,
                 table="filter", container=False, refused=None, challenges=None, **target):
        self.rules, self.rules6, self.blocked, self.ports = rules, rules6, blocked, ports
        self.lifts, self.container, self.refused = lifts, container, refused
        self.selector, self.table, self.target = selector, table, target
        self.challenges = challenges


SHAPES = {
    "plain": Shape(filtered("-A INPUT -p tcp -m tcp --dport 9 -j ACCEPT\n"
                            "[5:300] -A INPUT -m set --match-set geo src -j DROP\n"
                            "-A INPUT -m comment --comment \"it's \\\"quoted\\\"\" -j ACCEPT"),
                   filtered("-A INPUT -m set --match-set geo6 src -j DROP"),
                   BLOCKED + BLOCKED6, selector={"set": ["geo", "geo6"]}),
    "by-comment": Shape(filtered("-A INPUT -m set --match-set geo src -m comment --comment"
                                 " \"geo block\" -j REJECT --reject-with icmp-port-unreachable"),
                        blocked=BLOCKED, selector={"comment": ["geo*"]}),
    "all-of-table": Shape(filtered("-A INPUT -m set --match-set geo src -j DROP"),
                          blocked=BLOCKED),
    "csf": Shape(CSF % {"home": "home"}, CSF.replace("-A CC_ALLOWF -m", NEIGHBOURS.replace(
        "INPUT", "CC_ALLOWF") + "-A CC_ALLOWF -m") % {"home": "home6"}, ABROAD,
                 selector={"chain": ["CC_ALLOWF"]}),
    "ipfire": Shape(IPFIRE, blocked=BLOCKED, selector={"chain": ["LOCATIONBLOCK"]}),
    "many": Shape(MANY, blocked=BLOCKED, selector={"chain": ["CC_DENY"]}),
    "raw": Shape("*raw\n:PREROUTING ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n"
                 "-A PREROUTING -i eth0 -m set ! --match-set home src -j DROP\nCOMMIT\n",
                 blocked=IPV4, selector={"set": ["home"]}, table="raw"),
    "mangle": Shape("*mangle\n:PREROUTING ACCEPT [0:0]\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]"
                    "\n:OUTPUT ACCEPT [0:0]\n:POSTROUTING ACCEPT [0:0]\n"
                    "-A PREROUTING -m set --match-set geo src -j DROP\nCOMMIT\n",
                    blocked=BLOCKED, selector={"set": ["geo"]}, table="mangle"),
    "accept-list": Shape(
        filtered(ESTABLISHED + "-A INPUT -m set --match-set home src -m comment --comment home"
                 " -j ACCEPT\n-A INPUT -p tcp -m tcp --dport 22 -j REJECT", policy="DROP"),
        filtered(ESTABLISHED + NEIGHBOURS + "-A INPUT -m set --match-set home6 src -j ACCEPT",
                 policy="DROP"), ABROAD, selector={"set": ["home", "home6"]}),
    "accept-ports": Shape(
        filtered(ESTABLISHED + "-A INPUT -p tcp -m set --match-set home src -m multiport"
                 " --dports 22,80 -j ACCEPT\n-A INPUT -p tcp -m tcp --dport 443 -j ACCEPT\n"
                 "-A INPUT -i eth0 -j DROP"),
        blocked=("RU", "CN", "KP", "US"), ports=("tcp/80", "tcp/22"), lifts=("tcp/80",),
        selector={"set": ["home"]}),
    "jump": Shape(filtered("-A INPUT -m set --match-set geo src -j DENYPORTS\n"
                           "-A DENYPORTS -p tcp -m tcp --dport 80 -j DROP\n"
                           "-A DENYPORTS -p tcp -m tcp --dport 22 -j DROP",
                           chains=":DENYPORTS - [0:0]\n"),
                  blocked=BLOCKED, ports=("tcp/80", "tcp/22"), lifts=("tcp/80",),
                  selector={"set": ["geo"]}),
    "goto": Shape(filtered("-A INPUT -m set --match-set geo src -g DENY\n"
                           "-A DENY -m limit --limit 1/min -j LOG\n-A DENY -j DROP",
                           chains=":DENY - [0:0]\n"),
                  blocked=BLOCKED, selector={"set": ["geo"]}),
    "docker": Shape(DOCKER, blocked=BLOCKED, ports=("tcp/80", "tcp/443", "tcp/8080"),
                    selector={"chain": ["DOCKER-USER"]}, container=True),
    "redirect": Shape(REDIRECT + filtered("-A INPUT -m set --match-set geo src -j DROP"),
                      blocked=BLOCKED, ports=("tcp/80", "tcp/443", "tcp/8080"),
                      selector={"set": ["geo"]}),
    "redirect-accept": Shape(
        REDIRECT + filtered(ESTABLISHED + "-A INPUT -p tcp -m set --match-set home src -j ACCEPT",
                            policy="DROP"),
        blocked=("RU", "CN", "KP", "US"), ports=("tcp/80", "tcp/443", "tcp/8080"),
        selector={"set": ["home"]}),
    "dns": Shape(filtered("-A INPUT -m set --match-set geo src -j DROP"), blocked=BLOCKED,
                 lifts=("udp/53",), selector={"set": ["geo"]}, challenges=["dns-01"]),
    "other-ports": Shape(filtered("-A INPUT -p tcp -m set --match-set geo src -m multiport --dports"
                                  " 22,8080 -j DROP"), blocked=BLOCKED,
                         ports=("tcp/22", "tcp/8080"), lifts=(), selector={"set": ["geo"]}),
    "goto-falls-off": Shape(filtered("-A INPUT -j A\n-A A -m set --match-set geo src -g DENY\n"
                                     "-A DENY -p tcp -j DROP",
                                     chains=":A - [0:0]\n:DENY - [0:0]\n"),
                            blocked=BLOCKED, ports=("tcp/80",), selector={"set": ["geo"]},
                            refused="goto to a chain that a packet may come out of"),
    "both-verdicts": Shape(filtered("-A INPUT -m set --match-set geo src -j MIXED\n"
                                    "-A MIXED -p tcp -m tcp --dport 443 -m mark --mark 7 -j ACCEPT"
                                    "\n-A MIXED -j DROP", chains=":MIXED - [0:0]\n"),
                           blocked=BLOCKED, ports=("tcp/80",), selector={"set": ["geo"]},
                           refused="both stops packets and lets them through"),
    "return-others": Shape(filtered("-A INPUT -p tcp -m tcp --dport 80 -j WEB\n"
                                    "-A WEB -m set ! --match-set home src -j RETURN\n"
                                    "-A WEB -j ACCEPT\n", policy="DROP", chains=":WEB - [0:0]\n"),
                           blocked=IPV4, ports=("tcp/80",), selector={"set": ["home"]},
                           refused="write it as a DROP, or accept by source"),
}


def matrix_before(shape):
    return deny_matrix(shape.ports, shape.blocked)


def assert_shape(program, shape):
    bed = program.bed
    bed.load_legacy(shape.rules, shape.rules6)
    more = {"challenges": shape.challenges} if shape.challenges else {}
    policy = program.policy(program.target(shape.selector, shape.table, **shape.target), **more)
    program.require_cells(matrix_before(shape), "before", shape.ports)
    before = bed.state()
    if shape.refused:
        done = program.expect(1, "pre", policy=policy)
        require(shape.refused in done.stderr, "refused without saying so: " + done.stderr)
        before.require_same(bed.state(), "refused")
        return
    for when in ("first", "second"):
        program.expect(0, "plan", policy=policy)
        before.require_same(bed.state(), when + ", plan")
        program.expect(0, "pre", policy=policy)
        program.require_cells(deny_matrix(shape.ports, shape.blocked, shape.lifts),
                              when + ", lifted", shape.ports)
        program.expect(0, "post", policy=policy)
        before.require_same(bed.state(), when + ", after post")
        program.require_no_journal(when)
    program.require_cells(matrix_before(shape), "after", shape.ports)
    program.expect(0, "restore", policy=policy)
    before.require_same(bed.state(), "after restore")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--program", required=True)
    parser.add_argument("cases", nargs="*", metavar="SHAPE", help=", ".join(SHAPES))
    args = parser.parse_args()
    args.cases = args.cases or list(SHAPES)

    def one(name):
        def check(args):
            with LegacyBed(container=SHAPES[name].container) as bed, \
                    LegacyProgram(args.program, bed) as program:
                assert_shape(program, SHAPES[name])
        return check

    return run_cases({name: one(name) for name in SHAPES}, args)


if __name__ == "__main__":
    sys.exit(main())
