# SPDX-License-Identifier: GPL-3.0-or-later
"""Geo-blocks of several rules: one marks or fills a set, another decides by that."""
from beds import BLOCKED
from shape import BAN, ESTABLISHED, IPV4, WEB, Shape, filtered


# One rule marks, another decides by the mark.
def marked(pre, filters, policy="ACCEPT", chains=""):
    return ("*mangle\n:PREROUTING ACCEPT [0:0]\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n"
            ":OUTPUT ACCEPT [0:0]\n:POSTROUTING ACCEPT [0:0]\n%s%s\nCOMMIT\n"
            % (chains, pre.strip()) + filtered(ESTABLISHED + filters, policy=policy))


SET_MARK = "-A PREROUTING -m set --match-set %s src -j MARK --set-xmark 0x7/0xff\n"
BY_MARK = "-A INPUT -m mark --mark 0x7/0xff -m comment --comment geo -j DROP"
MARKS = {
    "mark": Shape(marked(SET_MARK % "geo" + SET_MARK % "banned", BY_MARK), blocked=BLOCKED,
                  banned=("CN",), selector={"set": ["geo"]}, table="mangle", found=True),
    "mark-in-a-chain": Shape(marked(
        "-A PREROUTING -m set --match-set geo src -j G\n" + SET_MARK.replace(
            "PREROUTING -m set --match-set %s src", "G") + "-A G -j ACCEPT\n", BY_MARK,
        chains=":G - [0:0]\n"), blocked=BLOCKED, selector={"set": ["geo"]}, table="mangle"),
    "mark-restored": Shape(marked(
        "-A PREROUTING -j CONNMARK --restore-mark --nfmask 0xff --ctmask 0xff\n"
        "-A PREROUTING -m mark ! --mark 0x0/0xff -j ACCEPT\n" + SET_MARK % "geo"
        + "-A PREROUTING -j CONNMARK --save-mark --nfmask 0xff --ctmask 0xff\n", BY_MARK),
                           blocked=BLOCKED, selector={"set": ["geo"]}, table="mangle", found=True),
    "mark-inverted": Shape(marked(SET_MARK % "geo", "-A INPUT -m mark ! --mark 0x7/0xff -j ACCEPT",
                                  policy="DROP"),
                           blocked=BLOCKED, selector={"set": ["geo"]}, table="mangle"),
    "connmark": Shape(marked((SET_MARK % "geo").replace("MARK", "CONNMARK"),
                             BY_MARK.replace("-m mark", "-m connmark")), blocked=BLOCKED,
                      ports=WEB + ("tcp/22",), selector={"set": ["geo"]}, table="mangle"),
    "drop-by-mark": Shape(marked(SET_MARK % "geo", BY_MARK), blocked=BLOCKED,
                          selector={"comment": ["geo"]}),
    "drop-by-shared-mark": Shape(marked(SET_MARK % "geo" + SET_MARK % "banned", BY_MARK),
                                 blocked=BLOCKED, ports=WEB, selector={"comment": ["geo"]},
                                 refused="a mark that several rules set"),
    "mark-that-lets-in": Shape(marked(SET_MARK % "home", BY_MARK.replace("DROP", "ACCEPT"),
                                      policy="DROP"), blocked=IPV4, ports=WEB + ("tcp/22",),
                               selector={"set": ["home"]}, table="mangle"),
    "mark-that-lets-in-before-bans": Shape(
        marked(SET_MARK % "home", BY_MARK.replace("DROP", "ACCEPT") + "\n" + BAN, policy="DROP"),
        blocked=IPV4, ports=WEB, selector={"set": ["home"]}, table="mangle",
        refused="let them through by their source, without a mark"),
    "mark-that-is-missed": Shape(
        marked(SET_MARK % "home", BY_MARK.replace("--mark", "! --mark") + "\n" + BAN),
        blocked=IPV4, banned=("CN",), selector={"set": ["home"]}, table="mangle"),
    "connmark-that-is-missed": Shape(
        marked((SET_MARK % "home").replace("MARK", "CONNMARK"), BAN + BY_MARK.replace(
            "-m mark --mark", "-p tcp -m connmark ! --mark")),
        blocked=IPV4, banned=("CN",), ports=WEB + ("tcp/22",), selector={"set": ["home"]},
        table="mangle"),
    "mark-that-a-ban-writes-too": Shape(
        marked(SET_MARK % "home" + (SET_MARK % "banned").replace("0x7/", "0x1/"),
               BY_MARK.replace("--mark", "! --mark")), blocked=IPV4, ports=WEB,
        selector={"set": ["home"]}, table="mangle", refused="without a mark"),
    "mark-in-a-chain-that-lets-in": Shape(
        marked("-A PREROUTING -m set --match-set home src -j G\n" + SET_MARK.replace(
            "PREROUTING -m set --match-set %s src", "G"), BY_MARK.replace("--mark", "! --mark"),
               chains=":G - [0:0]\n"),
        blocked=IPV4, ports=WEB, selector={"set": ["home"]}, table="mangle",
        refused="mark them in this rule itself"),
    "mark-that-a-list-spares": Shape(
        marked("-A PREROUTING -i eth0 -j G\n-A G -m set --match-set home src -j RETURN\n"
               "-A G -j MARK --set-xmark 0x7/0xff\n"
               "-A G -m set --match-set banned src -j MARK --set-xmark 0x7/0xff\n", BY_MARK,
               chains=":G - [0:0]\n"), blocked=IPV4, banned=("CN",), selector={"set": ["home"]},
        table="mangle"),
    "connmark-that-a-list-is-accepted-before": Shape(
        marked("-A PREROUTING -m set ! --match-set geo src -j ACCEPT\n-A PREROUTING -p tcp -j G\n"
               "-A G -j CONNMARK --set-xmark 0x7/0xff\n", BY_MARK.replace(
                   "-m mark", "-m connmark"), chains=":G - [0:0]\n"),
        blocked=BLOCKED, ports=WEB + ("tcp/22",), selector={"set": ["geo"]}, table="mangle",
        found=True),
    "mark-that-a-list-spares-at-a-place": Shape(
        marked("-A PREROUTING -i eth0 -m set --match-set home src -j ACCEPT\n"
               "-A PREROUTING -j MARK --set-xmark 0x7/0xff\n", BY_MARK), blocked=IPV4,
        selector={"set": ["home"]}, table="mangle", refused="have both ask for the same"),
    "mark-for-nothing": Shape(marked(SET_MARK % "geo", ""), ports=WEB, selector={"set": ["geo"]},
                              table="mangle", refused="no rule is seen that decides by"),
    "set-filled-by-source": Shape(filtered(
        ESTABLISHED + "-A INPUT -m set --match-set geo src -j SET --add-set banned src\n" + BAN),
        blocked=BLOCKED, ports=WEB, selector={"set": ["geo"]}, refused="into ipset banned, by which other rules"),
    "set-filled-for-statistics": Shape(filtered(
        ESTABLISHED + BAN + "-A INPUT -m set --match-set geo src -j SET --add-set seen src --exist"
        "\n-A INPUT -m set --match-set geo src -j NFLOG --nflog-prefix geo --nflog-group 2\n"
        "-A INPUT -m set --match-set geo src -j DROP"), blocked=BLOCKED, banned=("CN",),
                                       selector={"set": ["geo"]}, found=True),
}
