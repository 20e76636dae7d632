# SPDX-License-Identifier: GPL-3.0-or-later
"""What comes too often is stopped, also of those that the lift lets in."""
import json
import os
import sys

from beds import BLOCKED, require
from shape import INLINE, WEB, Shape, filtered

BURST = 100  # connects at once: more than OFTEN lets through


def require_limited(bed, source, port):
    """Of many connects at once in a window some come through, and some do not."""
    burst = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "netns", "burst.py")
    got = json.loads(bed.must([sys.executable, burst, str(BURST), source, port],
                              namespace=bed.net))
    require(got.keys() == {"OPEN", "drop"}, "%s, %s: the rate limit should stop some: %s"
            % (source, port, got))


OFTEN = (" -p tcp -m hashlimit --hashlimit-above 20/sec --hashlimit-burst 20 --hashlimit-mode"
         " srcip,dstport --hashlimit-name %s -j DROP\n")
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
}
