#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""
Rulesets of iptables-legacy: who reaches what before, during and after a window, and that the tables
afterwards are those before: shapes.py --program PATH SHAPE...
"""
import argparse
import sys

from beds import BLOCKED, BLOCKED6, LegacyBed, LegacyProgram, deny_matrix, require, run_cases
from shape import (ABROAD, BAN, ESTABLISHED, EVERYBODY, HOME, INLINE, IPV4, NEIGHBOURS, WEB, Shape,
                   filtered)
from shapes_limits import LIMITS, require_limited
from shapes_marks import MARKS

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


# Behind DNAT a rule asks for the container's port; the port that was asked for counts.
CONTAINER_PORT = DOCKER.replace("-i eth0 -m set", "-i eth0 -p tcp -m multiport --dports 8080,8443"
                                " -m set")
ALIAS = REDIRECT.replace("--dport 80 -j REDIRECT --to-ports 8080",
                         "--dport 8080 -j REDIRECT --to-ports 80")
BEHIND_NAT = {
    "container-port": Shape(CONTAINER_PORT, blocked=BLOCKED,
                            ports=("tcp/80", "tcp/443", "tcp/8080"),
                            selector={"chain": ["DOCKER-USER"]}, container=True, found=True),
    "container-port-list": Shape(
        DOCKER.replace("-i eth0 -m set --match-set geo src -j DROP",
                       "-i eth0 -p tcp -m tcp --dport 8080 -m set ! --match-set home src -j DROP"),
        blocked=IPV4, ports=("tcp/80", "tcp/8080"), lifts=("tcp/80",),
        selector={"set": ["home"]}, container=True),
    "container-other-port": Shape(
        CONTAINER_PORT.replace("8080,8443", "9090"), ports=("tcp/80", "tcp/443", "tcp/8080"),
        lifts=(), selector={"set": ["geo"]}, container=True),
    "redirected-port": Shape(
        REDIRECT + filtered("-A INPUT -p tcp -m tcp --dport 8080 -m set --match-set geo src"
                            " -j DROP"),
        blocked=BLOCKED, ports=("tcp/80", "tcp/8080"), lifts=("tcp/80",),
        selector={"set": ["geo"]}, found=True),
    "other-port-becomes-it": Shape(
        ALIAS + filtered("-A INPUT -m set --match-set geo src -j DROP"), blocked=BLOCKED,
        ports=("tcp/80", "tcp/443", "tcp/8080"), selector={"set": ["geo"]}),
}

# What else stops packets goes on doing so for those that the lift lets in.
F2B = ":f2b-web - [0:0]\n"
JUMPS = "-A f2b-web -s 112.80.248.75/32 -j REJECT\n-A f2b-web -j RETURN\n"
BANS = {
    "ban-behind-list": Shape(filtered(ESTABLISHED + HOME + BAN, policy="DROP"), blocked=IPV4,
                             banned=("CN",), ports=WEB, selector={"set": ["home"]}),
    "ban-chain-behind-list": Shape(
        filtered(ESTABLISHED + HOME + "-A INPUT -p tcp -m multiport --dports 80,443 -j f2b-web\n"
                 + JUMPS + "-A INPUT -i eth0 -p tcp -j REJECT --reject-with tcp-reset\n",
                 chains=F2B), blocked=IPV4, banned=("CN",), ports=WEB + ("tcp/22",),
        selector={"set": ["home"]}),
    "ban-behind-jump": Shape(
        filtered(ESTABLISHED + "-A INPUT -j GEO\n" + BAN + HOME.replace("INPUT", "GEO"),
                 policy="DROP", chains=":GEO - [0:0]\n"), blocked=IPV4, banned=("CN",), ports=WEB,
        selector={"set": ["home"]}),
    "ban-behind-asking-jump": Shape(
        filtered(ESTABLISHED + "-A INPUT -i eth0 -j GEO\n" + BAN + HOME.replace("INPUT", "GEO"),
                 policy="DROP", chains=":GEO - [0:0]\n"), blocked=IPV4, ports=WEB,
        selector={"set": ["home"]}, refused="put that rule before it"),
    "rate-behind-asking-jump": Shape(
        filtered(ESTABLISHED + "-A INPUT -i eth0 -j GEO\n" + "".join(
            "-A INPUT -p tcp -m %s -j DROP\n" % rate for rate in (
                "recent --rcheck --seconds 60 --name scan",
                "hashlimit --hashlimit-above 500/sec --hashlimit-mode srcip --hashlimit-name web",
                "connlimit --connlimit-above 500 --connlimit-mask 24"))
                 + HOME.replace("INPUT", "GEO"),
                 policy="DROP", chains=":GEO - [0:0]\n"), blocked=IPV4, ports=WEB,
        selector={"set": ["home"]}),
    "ban-behind-the-jump": Shape(
        filtered("-A INPUT -m set --match-set geo src -j GEO\n" + BAN.replace("INPUT", "GEO")
                 + "-A GEO -m limit --limit 5/min -j LOG\n-A GEO -j REJECT",
                 chains=":GEO - [0:0]\n"), blocked=BLOCKED, ports=WEB, selector={"set": ["geo"]},
        refused="may be a ban"),
    "ban-behind-the-goto": Shape(
        filtered("-A INPUT -m set --match-set geo src -g GEO\n-A GEO -p tcp -j MORE\n-A GEO -j DROP\n"
                 "-A MORE -s 112.80.248.75/32 -j DROP", chains=":GEO - [0:0]\n:MORE - [0:0]\n"),
        blocked=BLOCKED, ports=WEB, selector={"set": ["geo"]}, refused="may be a ban"),
    "ban-behind-the-jump-named": Shape(
        filtered("-A INPUT -m set --match-set geo src -j GEO\n" + BAN.replace("INPUT", "GEO")
                 + "-A GEO -m comment --comment rest -j REJECT", chains=":GEO - [0:0]\n"),
        blocked=BLOCKED, banned=("CN",), ports=WEB, selector={"comment": ["rest"]}),
    "ban-of-two-lists": Shape(
        filtered("-A INPUT -m set --match-set geo src -m set --match-set banned src -j DROP"),
        blocked=("CN",), ports=WEB, selector={"set": ["geo"]}, refused="which may be one of bans"),
    "ban-in-the-chain": Shape(
        filtered("-A INPUT -j GEO\n" + BAN.replace("INPUT", "GEO")
                 + "-A GEO -m set --match-set geo src -j DROP", chains=":GEO - [0:0]\n"),
        blocked=BLOCKED, banned=("CN",), selector={"chain": ["GEO"]}),
    "ban-in-the-table": Shape(filtered(BAN + "-A INPUT -m set --match-set countries src -j DROP"),
                              blocked=BLOCKED, banned=("CN",)),
    "ban-behind-early-return": Shape(
        filtered(ESTABLISHED + "-A INPUT -j GEO\n" + BAN
                 + "-A GEO -d 198.51.100.99/32 -j RETURN\n" + HOME.replace("INPUT", "GEO"),
                 policy="DROP", chains=":GEO - [0:0]\n"), blocked=IPV4, ports=WEB,
        selector={"set": ["home"]}, refused="put that rule before it"),
    "ban-behind-partial-end": Shape(
        filtered(ESTABLISHED + HOME + "-A INPUT -d 198.51.100.10/32 -j DROP\n" + BAN),
        blocked=IPV4, ports=WEB, selector={"set": ["home"]}, refused="put that rule before it"),
    "ban-behind-drop-of-more-ports": Shape(
        filtered(ESTABLISHED + HOME.replace("-p tcp", "-p tcp -m tcp --dport 80") + "-A INPUT -p tcp"
                 " -m multiport --dports 80,443 -j DROP\n" + BAN), blocked=IPV4,
        ports=("tcp/80",), selector={"set": ["home"]}, refused="put that rule before it"),
    "ban-behind-drop-before-nothing": Shape(
        filtered(ESTABLISHED + "-A INPUT -j GEO\n" + BAN + HOME.replace("INPUT", "GEO")
                 + "-A GEO -j DROP\n", policy="DROP", chains=":GEO - [0:0]\n"), blocked=IPV4,
        ports=WEB, selector={"set": ["home"]}, refused="put that rule before it"),
    "ban-behind-return": Shape(
        filtered(ESTABLISHED + "-A INPUT -j GEO\n" + BAN + "-A GEO -m set --match-set home src"
                 " -j RETURN\n-A GEO -j DROP", chains=":GEO - [0:0]\n"),
        blocked=IPV4, banned=("CN",), selector={"set": ["home"]}),
}

# Who is let in has to meet what the list's rule asks for beyond the source.
ELSEWHERE = "-A INPUT -d 198.51.100.99/32 -m set --match-set home src -j %s\n-A INPUT -j DROP\n"
CLOSED = ("RU", "CN", "KP", "US", "DE", "MC")
LISTS = {
    "list-of-a-place": Shape(filtered(ESTABLISHED + ELSEWHERE % "ACCEPT"), blocked=CLOSED, lifts=(),
                             ports=WEB, selector={"set": ["home"]}),
    "list-that-leads-to-bans": Shape(
        filtered(ESTABLISHED + "-A INPUT -p tcp -m set --match-set home src -g WEB\n"
                 "-A INPUT -p tcp -j REJECT\n-A WEB -s 112.80.248.75/32 -j DROP\n"
                 "-A WEB -p tcp -m multiport --dports 80,443 -j ACCEPT", chains=":WEB - [0:0]\n"),
        blocked=IPV4, banned=("CN",), ports=WEB, selector={"set": ["home"]}),
    "list-of-this-place": Shape(
        filtered(ESTABLISHED + (ELSEWHERE % "ACCEPT").replace(".99", ".10")), blocked=IPV4,
        ports=WEB, selector={"set": ["home"]}),
    "list-of-conditions-without-words": Shape(
        filtered(ESTABLISHED + HOME.replace("-j", "-m ttl --ttl-eq 1 -j")
                 + HOME.replace("-j", "-m ttl --ttl-gt 1 -j"), policy="DROP"), blocked=IPV4,
        ports=WEB, selector={"set": ["home"]}),
    "list-that-returns-at-a-place": Shape(
        filtered("-A INPUT -j GEO\n" + (ELSEWHERE % "RETURN").replace("INPUT", "GEO"),
                 chains=":GEO - [0:0]\n"), blocked=CLOSED, lifts=(), ports=WEB,
        selector={"set": ["home"]}),
    "list-of-a-place-skipped": Shape(
        filtered(ESTABLISHED + ELSEWHERE % "ACCEPT"), blocked=CLOSED, ports=WEB,
        selector={"set": ["home"]}, action="skip", refused="asks for more than the source"),
    "list-skipped": Shape(
        filtered(ESTABLISHED + HOME + "-A INPUT -p tcp -j DROP"), blocked=IPV4, ports=WEB,
        selector={"set": ["home"]}, action="skip"),
    "list-with-its-end": Shape(
        filtered(ESTABLISHED + "-A INPUT -d 198.51.100.99/32 -m set --match-set home src -m comment"
                 " --comment geo -j ACCEPT\n-A INPUT -m comment --comment geo -j DROP\n"),
        blocked=CLOSED, lifts=(), ports=WEB, selector={"comment": ["geo"]}),
    "list-inverted": Shape(
        filtered(ESTABLISHED + "-A INPUT -p tcp -m set ! --match-set geo src -m conntrack --ctstate"
                 " NEW -j ACCEPT\n-A INPUT -p tcp -j DROP"), blocked=BLOCKED, ports=WEB + (
                     "tcp/22",), selector={"set": ["geo"]}, found=True),
    "list-with-exceptions": Shape(
        filtered(ESTABLISHED + "-A INPUT ! -s 175.45.176.5/32 -p tcp -m set ! --match-set banned src"
                 " -m set --match-set home src -j ACCEPT", policy="DROP"), blocked=IPV4,
        banned=("CN", "KP"), ports=WEB, selector={"set": ["home"]}),
    "list-inverted-with-exceptions": Shape(
        filtered(ESTABLISHED + "-A INPUT -p tcp -m set ! --match-set banned src -m set !"
                 " --match-set geo src -j ACCEPT\n-A INPUT -p tcp -j REJECT"), blocked=BLOCKED,
        banned=("CN",), ports=WEB + ("tcp/22",), selector={"set": ["geo"]}, found=True),
    "list-of-a-list": Shape(
        filtered(ESTABLISHED + "-A INPUT -p tcp -m set --match-set geo src -m set --match-set home"
                 " src -j ACCEPT", policy="DROP"), blocked=EVERYBODY[:6], ports=WEB,
        selector={"set": ["home"]}, refused="give each list a rule of its own"),
    "list-with-all-its-tests": Shape(
        filtered(ESTABLISHED + "-A INPUT -p tcp -m set ! --match-set banned src"
                 " -m set --match-set home src -j ACCEPT", policy="DROP"), blocked=IPV4,
        banned=("CN",), ports=WEB, selector={"set": ["home", "banned"]}),
    "list-of-two-lists": Shape(
        filtered(ESTABLISHED + "-A INPUT -p tcp -m set ! --match-set geo src -m comment --comment"
                 " all -m set ! --match-set banned src -m set ! --match-set home src -j ACCEPT",
                 policy="DROP"), blocked=BLOCKED + ("MC", "DE"), banned=("CN",), ports=WEB,
        selector={"set": ["geo", "home"]}),
    "list-of-two-lists-unnamed": Shape(
        filtered(ESTABLISHED + "-A INPUT -p tcp -m set ! --match-set geo src -m comment --comment"
                 " all -m set ! --match-set home src -j ACCEPT", policy="DROP"),
        blocked=BLOCKED + ("MC", "DE"), ports=WEB, selector={"comment": ["all"]},
        refused="name the sets"),
    "list-inverted-drop": Shape(
        filtered("-A INPUT -p tcp -m set ! --match-set home src -j DROP"), blocked=IPV4,
        ports=WEB + ("tcp/22",), selector={"set": ["home"]}),
    "return-addrtype": Shape(
        filtered("-A INPUT -j GEO\n-A GEO -m set --match-set home src -m addrtype --dst-type LOCAL"
                 " -j RETURN\n-A GEO -m addrtype --dst-type LOCAL -j DROP",
                 chains=":GEO - [0:0]\n"), blocked=IPV4, selector={"set": ["home"]}),
}

# Rules that cannot be skipped in their place.
WEB_CHAIN = "-A INPUT -p tcp -m multiport --dports 80,443,22 -j WEB\n"
AROUND = {
    "return-others": Shape(filtered(WEB_CHAIN + "-A WEB -m set ! --match-set home src -j RETURN\n"
                                    "-A WEB -j ACCEPT\n", policy="DROP", chains=":WEB - [0:0]\n"),
                           blocked=IPV4, ports=WEB + ("tcp/22",), selector={"set": ["home"]}),
    "return-named": Shape(filtered(WEB_CHAIN + "-A WEB -m set --match-set geo src -j RETURN\n"
                                   "-A WEB -m set --match-set banned src -j DROP\n"
                                   "-A WEB -j ACCEPT\n", policy="DROP", chains=":WEB - [0:0]\n"),
                          blocked=BLOCKED, banned=("CN",), ports=WEB + ("tcp/22",),
                          selector={"set": ["geo"]}, found=True),
    "return-from-base": Shape(filtered(
        ESTABLISHED + "-A INPUT -m set ! --match-set home src -j RETURN\n" + BAN
        + "-A INPUT -p tcp -m multiport --dports 22,80 -j ACCEPT\n"
        "-A INPUT -p tcp -m tcp --dport 443 -j ACCEPT", policy="DROP"), blocked=IPV4,
        banned=("CN",), ports=WEB + ("tcp/22",), selector={"set": ["home"]}),
    "return-in-front-of-nothing": Shape(filtered(
        "-A INPUT -m set --match-set geo src -j RETURN\n-A INPUT -m set --match-set banned src"
        " -j DROP"), blocked=(), ports=WEB, lifts=(), selector={"set": ["geo"]}),
    "goto-falls-off": Shape(filtered(
        "-A INPUT -j A\n-A A -m set --match-set geo src -g DENY\n-A A -p tcp -j ACCEPT\n"
        "-A DENY -p tcp -m tcp --dport 22 -j DROP", policy="DROP",
        chains=":A - [0:0]\n:DENY - [0:0]\n"), blocked=BLOCKED, ports=WEB + ("tcp/22",),
        selector={"set": ["geo"]}, found=True),
    "goto-drops-some": Shape(filtered(
        "-A INPUT -j A\n-A A -m set --match-set geo src -g DENY\n-A DENY -p tcp -j DROP",
        chains=":A - [0:0]\n:DENY - [0:0]\n"), blocked=BLOCKED, ports=("tcp/80",),
        selector={"set": ["geo"]}),
    "many-among-others": Shape(filtered(
        ESTABLISHED + BAN.replace("banned", "home").replace("src", "dst") + INLINE + BAN
        + "-A INPUT -p tcp -m tcp --dport 22 -j f2b-web\n" + JUMPS
        + "-A INPUT -p tcp -m multiport --dports 22,80,443 -j ACCEPT\n", policy="DROP",
        chains=F2B), blocked=BLOCKED, banned=("CN",), ports=WEB + ("tcp/22",),
        selector={"comment": ["geo"]}, found=True),
    "many-in-a-mixed-chain": Shape(filtered(
        "-A INPUT -p tcp -j GEO\n" + INLINE.replace("INPUT", "GEO")
        + BAN.replace("INPUT", "GEO") + INLINE.replace("INPUT", "GEO").replace("-s 77.", "-s 1.")
        + "-A GEO -m set --match-set home src -j ACCEPT\n", chains=":GEO - [0:0]\n"),
        blocked=BLOCKED, banned=("CN",), ports=WEB + ("tcp/22",), selector={"comment": ["geo"]}),
    "return-before-too-much": Shape(filtered(
        WEB_CHAIN + "-A WEB -m set ! --match-set home src -j RETURN\n" + "".join(
            "-A WEB -s 192.0.2.%d/32 -j DROP\n" % i for i in range(70)) + "-A WEB -j ACCEPT\n",
        policy="DROP", chains=":WEB - [0:0]\n"), blocked=IPV4, ports=("tcp/80",),
        selector={"set": ["home"]}, refused="too many rules follow it"),
}


PLAIN = {
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
    "list-of-sets": Shape(filtered("-A INPUT -m set --match-set countries src -j DROP"),
                          filtered("-A INPUT -m set --match-set countries src -j DROP"),
                          BLOCKED + BLOCKED6, selector={"set": ["countries"]}, found=True),
    "ranges": Shape(
        filtered("-A INPUT -p tcp -j COUNTRY_XX\n" + "".join(
            "-A COUNTRY_XX -p tcp -m iprange --src-range %s -j DROP\n" % r for r in (
                "5.136.0.0-5.143.255.255", "37.9.64.0-37.9.127.255", "77.88.0.0-77.88.63.255",
                "95.24.0.0-95.31.255.255", "112.80.0.0-112.87.255.255", "175.45.176.0-175.45.179.255",
                "176.59.0.0-176.59.255.255", "178.154.128.0-178.154.255.255",
                "188.162.0.0-188.162.255.255")), chains=":COUNTRY_XX - [0:0]\n"),
        blocked=BLOCKED, ports=WEB + ("tcp/22",), selector={"chain": ["COUNTRY_XX"]}, found=True),
    "ports-in-a-set": Shape(
        filtered("-A INPUT -p tcp -m set --match-set web dst -m set --match-set geo src -j DROP"),
        blocked=BLOCKED, ports=WEB, selector={"set": ["geo"]}, found=True),
    "set-with-exceptions": Shape(
        filtered("-A INPUT ! -s 175.45.176.0/24 -m set ! --match-set banned src"
                 " -m set --match-set geo src -j DROP"),
        blocked=("RU",), selector={"set": ["geo"]}, found=True),
    "no-connection-at-all": Shape(
        filtered("-A INPUT -p tcp -m set --match-set geo src -m connlimit --connlimit-above 0"
                 " --connlimit-mask 32 --connlimit-saddr -j REJECT --reject-with tcp-reset\n"
                 "-A INPUT -p tcp -m set --match-set geo src -m connlimit --connlimit-above 9"
                 " --connlimit-mask 32 --connlimit-saddr -j DROP"),
        blocked=BLOCKED, ports=WEB + ("tcp/22",), selector={"set": ["geo"]}, found=True),
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
    "both-verdicts": Shape(filtered("-A INPUT -m set --match-set geo src -j MIXED\n"
                                    "-A MIXED -p tcp -m tcp --dport 443 -m mark --mark 7 -j ACCEPT"
                                    "\n-A MIXED -j DROP", chains=":MIXED - [0:0]\n"),
                           blocked=BLOCKED, ports=("tcp/80",), selector={"set": ["geo"]},
                           refused="both stops packets and lets them through"),
}
GROUPS = {"plain": PLAIN, "behind-nat": BEHIND_NAT, "bans": BANS, "limits": LIMITS, "lists": LISTS,
          "around": AROUND, "marks": MARKS}
SHAPES = {name: shape for group in GROUPS.values() for name, shape in group.items()}


def matrix_before(shape):
    return deny_matrix(shape.ports, shape.blocked, (), shape.banned)


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
    rounds = [("first", policy), ("second", policy)]
    if shape.found:
        found = program.expect(0, "discover").stdout
        rounds.append(("discovered", program.write_policy(found, "discovered.json")))
    for when, policy in rounds:
        program.expect(0, "plan", policy=policy)
        before.require_same(bed.state(), when + ", plan")
        program.expect(0, "pre", policy=policy)
        program.require_cells(deny_matrix(shape.ports, shape.blocked, shape.lifts, shape.banned),
                              when + ", lifted", shape.ports)
        if shape.busy:
            require_limited(bed, *shape.busy)
        program.expect(0, "post", policy=policy)
        before.require_same(bed.state(), when + ", after post")
        program.require_no_journal(when)
    program.require_cells(matrix_before(shape), "after", shape.ports)
    program.expect(0, "restore", policy=policy)
    before.require_same(bed.state(), "after restore")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--program", required=True)
    parser.add_argument("--group", choices=GROUPS)
    parser.add_argument("cases", nargs="*", metavar="SHAPE", help=", ".join(SHAPES))
    args = parser.parse_args()
    args.cases = args.cases or list(GROUPS[args.group] if args.group else SHAPES)

    def one(name):
        def check(args):
            with LegacyBed(container=SHAPES[name].container) as bed, \
                    LegacyProgram(args.program, bed) as program:
                assert_shape(program, SHAPES[name])
        return check

    return run_cases({name: one(name) for name in SHAPES}, args)


if __name__ == "__main__":
    sys.exit(main())
