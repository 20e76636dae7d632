# SPDX-License-Identifier: GPL-3.0-or-later
"""What a ruleset of iptables-legacy is made of, and what is expected of it."""
from beds import AT_HOME

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
BAN = "-A INPUT -m set --match-set banned src -j DROP\n"
HOME = "-A INPUT -p tcp -m set --match-set home src -j ACCEPT\n"
INLINE = "".join("-A INPUT -s %d.%d.0.0/16 -m comment --comment geo -j DROP\n" % (a, b)
                 for a in (77, 112, 175, 14, 27, 36) for b in range(256))


class Shape:
    """
    blocked: who is without a window; lifts: the ports that are open in it, but not for the banned;
    refused: what the message says instead; found: discover means the same rules; busy: SOURCE, PORT
    of which many connects at once in a window are too many.
    """

    def __init__(self, rules="", rules6="", blocked=(), ports=ALL, lifts=WEB, selector=None,
                 table="filter", container=False, refused=None, challenges=None, banned=(),
                 found=False, busy=None, **target):
        self.rules, self.rules6, self.blocked, self.ports = rules, rules6, blocked, ports
        self.lifts, self.container, self.refused = lifts, container, refused
        self.selector, self.table, self.target = selector, table, target
        self.challenges, self.banned, self.found = challenges, banned, found
        self.busy = busy
