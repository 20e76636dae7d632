# SPDX-License-Identifier: GPL-3.0-or-later
"""A firewall with several interfaces: a flow is judged by the way back to where it came from."""
from bed import must
from flowbed import HOME, TRACKED, Scene, cut_after_revert
from program import require

# The firewall's other networks: the addresses of their only members.
SIDES = {"lan0": "192.168.1.5", "wg0": "10.8.0.5", "wan1": "203.0.113.5"}
GUARD = """table inet filter {
    set home { type ipv4_addr; flags interval; elements = { 78.46.0.0/15 }; }
    set inner { type ifname; elements = { "lan0", "wg0" }; }
    chain geo { %s; }
    chain trusted { accept; }
    chain input { type filter hook input priority 0; policy drop;
        ct state established,related accept
        iifname "lo" accept
        %s
    }
}"""
BLOCK = "ip saddr != @home tcp dport { 80, 443 } drop"
OPEN = "tcp dport { 80, 443 } accept"
ALL = ("RU", "lan0", "wan1", "wg0")
# What the chain geo has, what the chain input has, which flows are covered. The target is what
# asks for the set.
GUARDS = {
    "iifname": ("", 'iifname "lan0" accept; iifname "wg0" accept; %s; %s' % (BLOCK, OPEN),
                ("RU", "wan1")),
    "iif": ("", 'iif "lan0" accept; iif "wg0" accept; %s; %s' % (BLOCK, OPEN), ("RU", "wan1")),
    "set": ("", 'iifname @inner accept; %s; %s' % (BLOCK, OPEN), ("RU", "wan1")),
    "anonymous": ("", 'iifname { "lan0", "wg0" } accept; iif { "wan1" } accept; %s; %s' % (
        BLOCK, OPEN), ("RU",)),
    "wildcard": ("", 'iifname "w*" accept; %s; %s' % (BLOCK, OPEN), ("RU", "lan0")),
    "not-wan": ("", 'iifname != "eth0" accept; %s; %s' % (BLOCK, OPEN), ("RU",)),
    "not-wans": ("", 'iifname != { "eth0", "wan1" } accept; %s; %s' % (BLOCK, OPEN),
                 ("RU", "wan1")),
    "jump": (BLOCK, 'iifname "eth0" jump geo; iifname "wan1" jump geo; %s' % OPEN, ("RU", "wan1")),
    "vmap": (BLOCK, 'iifname vmap { "eth0" : jump geo, "lan0" : jump trusted,'
             ' "wg0" : goto trusted }; %s' % OPEN, ("RU",)),
    "own-test": ("", 'iifname "eth0" %s; %s' % (BLOCK, OPEN), ("RU",)),
    "own-tests": ("", 'iifname { "eth0", "wan1" } %s; %s' % (BLOCK, OPEN), ("RU", "wan1")),
    "allowed": ("", 'iifname "lan0" accept; ip saddr @home %s' % OPEN, ("RU", "wan1", "wg0")),
    "allowed-own": ("", 'iifname "eth0" ip saddr @home %s; iifname != "eth0" %s' % (OPEN, OPEN),
                    ("RU",)),
    "mark": ("", 'iifname "lan0" meta mark set 7; meta mark 7 accept; %s; %s' % (BLOCK, OPEN),
             ("RU", "wan1", "wg0")),
    "returns": ('iifname { "lan0", "wg0" } return; %s' % BLOCK, 'jump geo; %s' % OPEN,
                ("RU", "wan1")),
    "behind": ("", '%s; iifname "lan0" accept; %s' % (BLOCK, OPEN), ALL),
    "none": ("", '%s; %s' % (BLOCK, OPEN), ALL),
    # Where it comes from is not told by any route: what cannot be told lives on.
    "mac": ("", 'ether saddr 02:00:00:00:00:77 accept; %s; %s' % (BLOCK, OPEN), ()),
    "ipsec": ("", 'meta ipsec exists accept; %s; %s' % (BLOCK, OPEN), ()),
    "group": ("", 'iifgroup 7 accept; %s; %s' % (BLOCK, OPEN), ()),
    "mac-drop": ("", 'ether saddr 02:00:00:00:00:77 drop; %s; %s' % (BLOCK, OPEN), ALL),
    "dropped-there": ("", 'iifname "lan0" ip saddr 192.168.1.9 drop; %s; %s' % (BLOCK, OPEN), ALL),
}
DEVICE = """table netdev filter {
    set home { type ipv4_addr; flags interval; elements = { 78.46.0.0/15 }; }
    chain in { type filter hook ingress %%s priority 0; %s; }
}""" % ("tcp flags syn / syn,ack " + BLOCK)


def add_sides(bed):
    """Each behind its interface, and with a route of its own."""
    for name, address in SIDES.items():
        namespace = bed.prefix + name
        bed._namespace(namespace)
        here = "link add {0} type veth peer name eth0 netns {1}\naddr add {2}1/24 dev {0}\n" \
            "link set {0} up\n".format(name, namespace, address[:-1])
        there = "addr add %s/24 dev eth0\nlink set eth0 up\nlink set lo up\n" % address
        must(["ip", "-n", bed.fw, "-batch", "-"], input=here)
        must(["ip", "-n", namespace, "-batch", "-"], input=there)


def open_sides(bed):
    for name, address in SIDES.items():
        # A device that has just been made may lose the first packet.
        question = ("open", name, bed.prefix + name, address, address[:-1] + "1", "tcp/443")
        require(bed.ask(*question) or bed.ask(*question), name + " should be open")
    for source in ("RU", "DE"):
        bed.must_open(source, "tcp/443", source)


def covered_sides(bed):
    by_address = {a: name for name, a in SIDES.items()}
    return sorted(by_address.get(w[:-8], w[:-8]) for w in bed.covered())


def guarded(name):
    geo, rules, _ = GUARDS[name]
    return GUARD % (geo or "return", rules)


# Routes and rules: what is done before the flows are opened, what after that and what undoes it;
# the guard, and which flows are covered.
SECOND = "route add default via 203.0.113.5 dev wan1 table 100"
ROUTINGS = {
    "marks-differ": ((), (SECOND, "rule add fwmark 1 table 100"), (), "own-test", ()),
    "marks-agree": ((), (SECOND, "rule add fwmark 1 table 100"), (), "own-tests", ("RU", "wan1")),
    "mark-blackhole": ((), ("route add blackhole default table 100",
                            "rule add fwmark 1 table 100"), (), "own-test", ("RU",)),
    "by-source": ((SECOND, "rule add from 203.0.113.1 table 100"), (), (), "own-test", ("RU",)),
    "user": ((), (SECOND, "rule add uidrange 7-7 table 100"), (), "own-test", ()),
    "user-no-interface": ((), (SECOND, "rule add uidrange 7-7 table 100"), (), "none", ALL),
    # What the kernel adds with the first VRF.
    "vrf": ((), ("rule add l3mdev pref 1000",), (), "own-test", ()),
    "vrf-no-interface": ((), ("rule add l3mdev pref 1000",), (), "none", ALL),
    "next-hops": ((), ("route replace default nexthop via 198.51.100.1 nexthop via 203.0.113.5",),
                  ("route replace default via 198.51.100.1",), "own-test", ()),
}


def judge_sides(args, what, ruleset, wanted, targets=None, before=(), after=(), undo=()):
    scene = Scene(args, targets or HOME)
    with scene as bed:
        add_sides(bed)
        bed.must(["ip", "-batch", "-"], input="\n".join(before))
        bed.nft(ruleset)
        bed.nft(TRACKED)
        scene.lift()
        open_sides(bed)
        bed.must(["ip", "-batch", "-"], input="\n".join(after))
        got = covered_sides(bed)
        require(got == sorted(wanted), "%s: %s are covered" % (what, got))
        require(cut_after_revert(bed) == len(wanted), what + ": not all were cut")
        bed.must(["ip", "-batch", "-"], input="\n".join(undo))
        for name in wanted:
            require(bed.is_dead(name), "%s: %s lives on" % (what, name))
        for name in ("RU", "DE", *SIDES):
            require(name in wanted or bed.lives(name), "%s: %s was cut" % (what, name))


def sides(args):
    """What may come in by one interface and not by another is judged by the way back."""
    for what, (_, _, wanted) in GUARDS.items():
        judge_sides(args, what, guarded(what), wanted)
    for devices, wanted in (('device "eth0"', ("RU",)),
                            ('devices = { "eth0", "wan1" }', ("RU", "wan1"))):
        judge_sides(args, devices, DEVICE % devices, wanted,
                    [dict(HOME[0], table="netdev filter")])


def routing(args):
    """A way back that may be another one than the way in decides nothing."""
    for what, (before, after, undo, guard, wanted) in ROUTINGS.items():
        judge_sides(args, what, guarded(guard), wanted, None, before, after, undo)
