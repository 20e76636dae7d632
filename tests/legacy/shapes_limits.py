# SPDX-License-Identifier: GPL-3.0-or-later
"""Of several allow-lists and of what limits packets: who is let in passes the same as the listed."""
import json
import os
import sys

from beds import BLOCKED, require
from shape import BAN, ESTABLISHED, HOME, INLINE, IPV4, WEB, Shape, filtered

BURST = 100  # connects at once: more than OFTEN lets through


def require_limited(bed, source, port):
    """Of many connects at once in a window some come through, and some do not."""
    burst = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "netns", "burst.py")
    got = json.loads(bed.must([sys.executable, burst, str(BURST), source, port],
                              namespace=bed.net))
    require(got.keys() == {"OPEN", "drop"}, "%s, %s: the rate limit should stop some: %s"
            % (source, port, got))


# What comes too often is stopped, also of those that the lift lets in.
OFTEN = (" -p tcp -m hashlimit --hashlimit-above 20/sec --hashlimit-burst 20 --hashlimit-mode"
         " srcip,dstport --hashlimit-name %s -j DROP\n")
ALLOWED = "-m set --match-set home src"
LIMITS = {
    "limit-of-another-port": Shape(
        filtered("-A INPUT -m set --match-set geo src -j GEO\n-A GEO -p tcp -m tcp --dport 443"
                 " -j DROP\n-A GEO -m tcp --dport 80" + OFTEN % "other", chains=":GEO - [0:0]\n"),
        blocked=BLOCKED, ports=("tcp/443",), selector={"set": ["geo"]}, busy=("RU", "tcp/80")),
    "limit-jumped-to-of-another-port": Shape(
        filtered("-A INPUT -m set --match-set geo src -j GEO\n-A GEO -p tcp -m tcp --dport 443"
                 " -j DROP\n-A GEO" + (OFTEN % "jumped").replace("DROP", "DENY")
                 + "-A DENY -j DROP\n", chains=":GEO - [0:0]\n:DENY - [0:0]\n"),
        blocked=BLOCKED, ports=("tcp/443",), selector={"set": ["geo"]}, busy=("RU", "tcp/80")),
    "limit-before-the-block": Shape(
        filtered("-A INPUT -m set --match-set geo src -j GEO\n-A GEO" + OFTEN % "before"
                 + "-A GEO -p tcp -j DROP\n", chains=":GEO - [0:0]\n"),
        blocked=BLOCKED, ports=WEB, selector={"set": ["geo"]}, refused="may be a ban"),
    "limit-in-a-goto": Shape(
        filtered("-A INPUT -m set --match-set geo src -g GEO\n-A GEO -p tcp -m tcp --dport 443"
                 " -j DROP\n-A GEO" + OFTEN % "goto", chains=":GEO - [0:0]\n"),
        blocked=BLOCKED, ports=("tcp/443",), selector={"set": ["geo"]}, refused="may be a ban"),
    "limit-among-many": Shape(
        filtered("-A INPUT -p tcp -j GEO\n" + INLINE.replace("INPUT", "GEO")
                 + "-A GEO" + OFTEN % "many", chains=":GEO - [0:0]\n"),
        blocked=BLOCKED, ports=WEB, selector={"comment": ["geo"]}, busy=("RU", "tcp/80")),
    "limit-of-the-allowed": Shape(
        filtered(ESTABLISHED + "-A INPUT " + ALLOWED + OFTEN % "allowed" + HOME, policy="DROP"),
        blocked=IPV4, ports=WEB, selector={"set": ["home"]}, busy=("US", "tcp/80")),
    "limit-of-the-allowed-before-all-others": Shape(
        filtered(ESTABLISHED + "-A INPUT " + ALLOWED + OFTEN % "others" + HOME
                 + "-A INPUT -p tcp -j DROP\n" + BAN), blocked=IPV4, ports=WEB,
        selector={"set": ["home"]}, refused="put that rule before it"),
    "limits-that-the-allowed-jump-to": Shape(
        filtered(ESTABLISHED + "-A INPUT " + ALLOWED + " -j LIMITS\n-A INPUT -p tcp -m set"
                 " --match-set seen src -j ACCEPT\n" + HOME + "-A LIMITS" + OFTEN % "jump",
                 policy="DROP", chains=":LIMITS - [0:0]\n"),
        blocked=IPV4, ports=WEB, selector={"set": ["home", "seen"]}, busy=("US", "tcp/80")),
    "limits-on-one-of-two-ways": Shape(
        filtered(ESTABLISHED + HOME.replace("home", "seen") + HOME.replace("ACCEPT", "WEB")
                 + "-A WEB" + OFTEN % "way" + "-A WEB -p tcp -j ACCEPT\n", policy="DROP",
                 chains=":WEB - [0:0]\n"),
        blocked=IPV4, ports=WEB, selector={"set": ["home", "seen"]}, busy=("US", "tcp/80")),
    "bans-on-one-of-two-ways-elsewhere": Shape(
        filtered(ESTABLISHED + "-A INPUT -j SEEN\n" + HOME.replace("ACCEPT", "WEB")
                 + HOME.replace("INPUT", "SEEN").replace("home", "seen")
                 + BAN.replace("INPUT", "WEB") + "-A WEB -p tcp -j ACCEPT\n", policy="DROP",
                 chains=":SEEN - [0:0]\n:WEB - [0:0]\n"),
        blocked=IPV4, ports=WEB, selector={"set": ["home", "seen"]},
        refused="name only one of the lists"),
    "limit-of-the-allowed-elsewhere": Shape(
        filtered(ESTABLISHED + "-A INPUT " + ALLOWED + OFTEN % "elsewhere" + "-A INPUT -j GEO\n"
                 + HOME.replace("INPUT", "GEO"), policy="DROP", chains=":GEO - [0:0]\n"),
        blocked=IPV4, ports=WEB, selector={"set": ["home"]}, refused="put it right before"),
    "bans-of-the-allowed-with-skip": Shape(
        filtered(ESTABLISHED + "-A INPUT " + ALLOWED + " -j BANS\n" + HOME
                 + "-A INPUT -p tcp -j DROP\n-A BANS -s 78.46.10.10/32 -j DROP\n",
                 chains=":BANS - [0:0]\n"),
        blocked=IPV4 + ("DE",), banned=("DE",), ports=WEB, selector={"set": ["home"]},
        action="skip"),
    "bans-of-one-kind-in-two-chains": Shape(
        filtered(ESTABLISHED + HOME.replace("ACCEPT", "A") + HOME.replace("home", "seen").replace(
            "ACCEPT", "B") + BAN.replace("INPUT", "A") + "-A A -p tcp -j ACCEPT\n"
            + BAN.replace("INPUT", "B") + "-A B -p tcp -j ACCEPT\n", policy="DROP",
                 chains=":A - [0:0]\n:B - [0:0]\n"),
        blocked=IPV4, banned=("CN",), ports=WEB, selector={"set": ["home", "seen"]}),
    "bans-that-some-pass-by": Shape(
        filtered(ESTABLISHED + HOME.replace("home", "seen").replace("ACCEPT", "B") + HOME.replace(
            "ACCEPT", "A") + BAN.replace("INPUT", "A") + "-A A -p tcp -j ACCEPT\n"
            "-A B -p tcp -m ttl --ttl-gt 1 -j ACCEPT\n" + BAN.replace("INPUT", "B")
            + "-A B -p tcp -j ACCEPT\n", policy="DROP", chains=":A - [0:0]\n:B - [0:0]\n"),
        blocked=IPV4, banned=("CN",), ports=WEB, selector={"set": ["home", "seen"]}),
    "bans-of-two-kinds": Shape(
        filtered(ESTABLISHED + HOME.replace("ACCEPT", "A") + HOME.replace("home", "seen").replace(
            "ACCEPT", "B") + BAN.replace("INPUT", "A") + "-A A -p tcp -j ACCEPT\n"
            "-A B -s 175.45.176.5/32 -j DROP\n-A B -p tcp -j ACCEPT\n", policy="DROP",
                 chains=":A - [0:0]\n:B - [0:0]\n"),
        blocked=IPV4, ports=WEB, selector={"set": ["home", "seen"]},
        refused="name only one of the lists"),
}
