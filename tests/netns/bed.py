#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""
A firewall under test and an "internet" with one address a country, in private namespaces.

    PREFIXnet                                   PREFIXfw                      PREFIXctr
    lo: one address a country                   servers: tcp 80 443 22 8080 53,
                                                         udp 53
    p0 198.51.100.1/24, 2001:db8:1::1/64 ------ eth0 .10, ::10
                                                br0 172.30.0.1/24 ----------- eth0 172.30.0.2/24
                                               (or docker0 172.17.0.1/24)     servers: tcp 8080 8443

By hand, as root:
    bed.py up PREFIX [RULESET] [--container]; bed.py probe PREFIX; bed.py down PREFIX
"up" stays in the foreground until it is interrupted, since the servers die with it.
"""
import argparse
import json
import os
import re
import signal
import subprocess
import sys

import rawrules
from netns import within
from probe import PORTS

HERE = os.path.dirname(os.path.abspath(__file__))
LINKS = """\
link add {wan} address 02:00:00:00:00:10 type veth \
    peer name p0 address 02:00:00:00:00:01 netns {net}
addr add 198.51.100.10/24 dev {wan}
addr add 2001:db8:1::10/64 dev {wan} nodad
link set lo up
link set {wan} up
route add default via 198.51.100.1
route add ::/0 via 2001:db8:1::1
neigh replace 198.51.100.1 lladdr 02:00:00:00:00:01 dev {wan} nud permanent
neigh replace 2001:db8:1::1 lladdr 02:00:00:00:00:01 dev {wan} nud permanent
"""
INTERNET = """\
addr add 198.51.100.1/24 dev p0
addr add 2001:db8:1::1/64 dev p0 nodad
link set lo up
link set p0 up
neigh replace 198.51.100.10 lladdr 02:00:00:00:00:10 dev p0 nud permanent
neigh replace 2001:db8:1::10 lladdr 02:00:00:00:00:10 dev p0 nud permanent
""" + "".join("addr add %s dev lo%s\n" % (a, " nodad" if ":" in a else "") for a in (
    "77.88.8.8/32", "112.80.248.75/32", "175.45.176.5/32", "80.94.96.10/32", "78.46.10.10/32",
    "23.178.112.100/32", "2a02:6b8::feed/128", "240e:0:1::1/128", "2a01:8fe0::10/128",
    "2003:1::1/128", "2600:1f16::100/128"))
CONTAINER = """\
link add {bridge} type bridge
addr add {net}.1/24 dev {bridge}
link set {bridge} up
link add vethc type veth peer name eth0 netns {ctr}
link set vethc master {bridge} up
"""
CONTAINER_PORTS = ["tcp/8080", "tcp/8443"]
BRIDGES = {"br0": "172.30.0", "docker0": "172.17.0"}
SETTINGS = ("for f in all default; do echo 0 >/proc/sys/net/ipv4/conf/$f/rp_filter;"
            " echo 0 >/proc/sys/net/ipv6/conf/$f/accept_dad; done;"
            " echo 0 >/proc/sys/net/ipv4/icmp_ratelimit; echo 0 >/proc/sys/net/ipv6/icmp/ratelimit;"
            " echo 1 >/proc/sys/net/ipv4/ip_forward")


class BedError(Exception):
    """The bed itself does not work: a failure of the test, never a reason to skip it."""


def must(argv, **more):
    done = subprocess.run(argv, capture_output=True, text=True, **more)
    if done.returncode != 0:
        raise BedError("%s: exit %d: %s" % (" ".join(argv), done.returncode, done.stderr.strip()))
    return done.stdout


def inside(namespace, argv):
    return ["nsenter", "--net=/run/netns/" + namespace] + argv


class Bed:
    """
    Use as a context; everything is removed on the way out. container: True, or its bridge's name.
    """

    def __init__(self, prefix=None, container=False, wan="eth0"):
        self.prefix = prefix or "gp%d" % os.getpid()
        self.fw, self.net = self.prefix + "fw", self.prefix + "net"
        self.ctr = self.prefix + "ctr" if container else None
        self.bridge = container if isinstance(container, str) else "br0"
        self.wan = wan
        self.iptables = False  # the ruleset is of iptables-nft
        self.children = []
        self.made = []

    def __enter__(self):
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        try:
            self._up()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    def _namespace(self, name):
        must(["ip", "netns", "add", name])
        self.made.append(name)
        must(inside(name, ["sh", "-c", SETTINGS]))

    def _up(self):
        for name in filter(None, (self.fw, self.net, self.ctr)):
            self._namespace(name)
        must(["ip", "-n", self.fw, "-batch", "-"], input=LINKS.format(wan=self.wan, net=self.net))
        must(["ip", "-n", self.net, "-batch", "-"], input=INTERNET)
        if self.ctr:
            net = BRIDGES[self.bridge]
            must(["ip", "-n", self.fw, "-batch", "-"],
                 input=CONTAINER.format(ctr=self.ctr, bridge=self.bridge, net=net))
            must(["ip", "-n", self.ctr, "-batch", "-"], input="addr add %s.2/24 dev eth0\n"
                 "link set eth0 up\nlink set lo up\nroute add default via %s.1\n" % (net, net))
        self._serve()

    def _serve(self):
        servers = [self.fw, *PORTS, "tcp/53"] + ([self.ctr, *CONTAINER_PORTS] if self.ctr else [])
        self.prober = self._child(self.net, ["probe.py", *servers])

    def _child(self, namespace, script):
        """One that says when it is ready."""
        child = subprocess.Popen(
            inside(namespace, [sys.executable, os.path.join(HERE, script[0])] + script[1:]),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.children.append(child)
        if child.stdout.readline() != "ready\n":
            raise BedError("%s did not start" % script[0])
        return child

    def close(self):
        for child in self.children:
            child.kill()
            child.wait()
            child.stdin.close()
            child.stdout.close()
        self.children = []
        for name in self.made:
            subprocess.run(["ip", "netns", "del", name], check=False)
        self.made = []

    def run(self, argv, namespace=None, **more):
        """A command on the firewall, or there; the caller looks at its status."""
        more.setdefault("timeout", 60)
        return subprocess.run(inside(namespace or self.fw, argv), capture_output=True, text=True,
                              **more)

    def must(self, argv, namespace=None, **more):
        return must(inside(namespace or self.fw, argv), **more)

    def nft(self, text):
        return self.must(["nft", "-I", os.path.join(HERE, "fixtures"), "-f", "-"], input=text)

    def load(self, path):
        """
        NAME.nft; NAME.py, which prints one; or NAME.rules for iptables-nft-restore, with
        NAME.rules6 for IPv6 and NAME.ipset. NAME.legacy: what iptables-legacy-restore makes.
        """
        legacy = os.path.splitext(path)[0] + ".legacy"
        if os.path.exists(legacy):
            with open(legacy, encoding="ascii") as f:
                self.must(["iptables-legacy-restore"], input=f.read())
        if path.endswith(".py"):
            self.nft(must([sys.executable, path]))
        elif path.endswith(".rules"):
            self.iptables = True
            stem = path[:-len(".rules")]
            for end, argv in ((".ipset", ["ipset", "restore"]),
                              (".rules", ["iptables-nft-restore", "-c"]),
                              (".rules6", ["ip6tables-nft-restore", "-c"])):
                if os.path.exists(stem + end) and os.path.getsize(stem + end):
                    with open(stem + end, encoding="ascii") as f:
                        self.must(argv, input=f.read())
        else:
            with open(path, encoding="utf-8") as f:
                self.nft(f.read())

    def matrix(self, timeout=0.5, stagger=0.0, ports=(), proof=True):
        """See probe.py."""
        self.prober.stdin.write(" ".join(["%g %g %d" % (timeout, stagger, proof), *ports]) + "\n")
        self.prober.stdin.flush()
        line = self.prober.stdout.readline()
        if not line:
            raise BedError("the prober died")
        return json.loads(line)

    def listing(self):
        return self.must(["nft", "-a", "list", "ruleset"])

    def saves(self):
        """What iptables' own tools save, without counters and comments; and the ipsets."""
        text = "".join(self.must([tool + "-nft-save"]) for tool in ("iptables", "ip6tables"))
        text = re.sub(r"^#.*\n", "", text, flags=re.M)
        text = re.sub(r"\[\d+:\d+\]", "[0:0]", text)
        sets = re.sub(r" (timeout \d+|initval 0x\w+)", "", self.must(["ipset", "save"], timeout=60))
        return text.splitlines() + sorted(sets.splitlines())

    def raw_rules(self):
        with within(self.fw):
            return list(rawrules.rules())


def matrix_text(matrix):
    """The form of the files NAME.probe and NAME.lifted."""
    ports = list(next(iter(matrix.values())))
    lines = ["%-5s" % "src" + "".join("%-12s" % p for p in ports)]
    lines += ["%-5s" % name + "".join("%-12s" % row[p] for p in ports)
              for name, row in matrix.items()]
    return "".join(line.rstrip() + "\n" for line in lines)


def matrix_read(path):
    """By columns: a word may fill its column to the next."""
    with open(path, encoding="ascii") as f:
        head, *rows = [line.rstrip("\n") for line in f if line.strip()]
    ports = head.split()[1:]
    return {row[:5].strip(): {port: row[5 + 12 * i:17 + 12 * i].strip()
                              for i, port in enumerate(ports)} for row in rows}


def same_answer(got, want):
    """
    Open or not is what counts. A rejecting rule is silent now and then: the kernel limits its ICMP
    errors, and TCP forgets one that comes before connect(2) is through.
    """
    return got == want or ("OPEN" not in (got, want) and "drop" in (got, want))


def matrix_difference(got, want):
    return ["%s %s: %s, expected %s" % (name, port, got[name][port], want[name][port])
            for name in want for port in want[name]
            if not same_answer(got[name][port], want[name][port])]


OURS = re.compile(r"multiport --dports [0-9,]+ .*--datestop .*--comment \"geopause |"
                  r"-m conntrack ! --ctorigdstport [0-9]+ .*--comment \"geopause .*-j (DROP|REJECT)")


def without_ours(saves):
    """
    Without the rules of a window that iptables shows: those that end with it, and guards, which
    block what is blocked anyway.
    """
    return [line for line in saves if not OURS.search(line)]


COUNTER = re.compile(r"packets (\d+) bytes (\d+)")
ELEMENTS = re.compile(r"\n\t\telements = \{[^}]*\}")


def normalised(listing):
    """Without what changes by itself: counters, remaining times, sets that rules fill."""
    text = COUNTER.sub("packets N bytes N", listing)
    text = re.sub(r" expires [0-9a-z]+", "", text)
    text = re.sub(r" used \d+ \w+", "", text)
    blocks = re.split(r"(?=\n\t(?:set|map|chain) )", text)
    return "".join(ELEMENTS.sub("", b) if re.search(r"flags [a-z,]*dynamic", b) else b
                   for b in blocks)


def counters(listing):
    """In the order of the listing."""
    return [(int(p), int(b)) for p, b in COUNTER.findall(listing)]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 2)[1])
    parser.add_argument("verb", choices=("up", "probe", "down"))
    parser.add_argument("prefix")
    parser.add_argument("ruleset", nargs="?")
    parser.add_argument("--container", action="store_true")
    args = parser.parse_args()
    bed = Bed(args.prefix, args.container)
    if args.verb == "up":
        with bed:
            if args.ruleset:
                bed.load(args.ruleset)
            print("ready: nsenter --net=/run/netns/%s; end with Ctrl-C" % bed.fw, flush=True)
            signal.pause()
    elif args.verb == "probe":
        out = must(inside(bed.net, [sys.executable, os.path.join(HERE, "probe.py")]),
                   input="0.5 0 0\n")
        print(matrix_text(json.loads(out.split("\n", 1)[1])), end="")
    else:
        bed.made = [n for n in (bed.fw, bed.net, bed.prefix + "ctr")
                    if os.path.exists("/run/netns/" + n)]
        bed.close()


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        pass
