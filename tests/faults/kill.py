#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""
SIGKILL at every system call of pre (opening and joining), post and restore.

    kill.py --program build/geopause [--every N]

strace kills at the i-th call of each name, as often as the name occurs in a run that is let alone;
a point at which nothing dies is a failure. Afterwards somebody comes by, in turn with `restore`,
with `pre` and `post`, or with `post` alone: the ruleset must be identical, handles included, and no
window be left. --every N takes each Nth point only, for a quick look.

Everything happens in a network namespace of its own. Needs root, nft and strace.
"""
import argparse
import collections
import itertools
import os
import re
import subprocess
import sys
import tempfile

RULES = """
table inet filter {
	set geo4 { type ipv4_addr; flags interval; elements = { 5.136.0.0/13, 77.88.0.0/18 }; }
	set allowed6 { type ipv6_addr; flags interval; elements = { 2003::/19 }; }
	chain input {
		type filter hook input priority filter; policy accept;
		ip saddr @geo4 counter drop comment "geo"
		ip6 saddr @allowed6 tcp dport { 80, 443 } accept
		ip6 saddr { 2a02:6b8::/32, 240e::/20 } drop comment "geo6"
		meta nfproto ipv6 tcp dport { 80, 443 } drop
	}
}
"""
POLICY = """{ "version": 1, "targets": [ { "backend": "nftables", "table": "inet filter",
  "rules": { "set": ["geo4", "allowed6"] } },
  { "backend": "nftables", "table": "inet filter", "rules": { "comment": "geo6" } } ] }"""
SPARED = ("execve", "exit_group")  # before there is a process to kill, and after all is done


class Firewall:
    def __init__(self, program, work):
        self.program, self.work = program, work
        policy = os.path.join(work, "policy.json")
        with open(policy, "w", encoding="ascii", opener=lambda p, f: os.open(p, f, 0o600)) as f:
            f.write(POLICY)
        self.options = ["--state", os.path.join(work, "state"), "--policy", policy]
        subprocess.run(["nft", "-f", "-"], input=RULES, text=True, check=True)
        self.before = self.listing()

    def listing(self):
        return subprocess.run(["nft", "-a", "list", "ruleset"], capture_output=True, text=True,
                              check=True).stdout

    def geopause(self, *argv, wrap=()):
        # LeakSanitizer, where it is compiled in, cannot work in a process that is traced.
        return subprocess.run(list(wrap) + [self.program] + list(argv) + self.options,
                              env={**os.environ, "ASAN_OPTIONS": "detect_leaks=0"},
                              capture_output=True, text=True, check=False)

    def must(self, *argv):
        done = self.geopause(*argv)
        if done.returncode:
            raise AssertionError("%s: exit %d\n%s" % (argv[0], done.returncode, done.stderr))

    def prepare(self, verb, joining):
        """pre opens or joins; the others find a window."""
        if verb != "pre" or joining:
            self.must("pre", "--challenge", "http-01")

    def points(self, verb, joining):
        """(name of the system call, how many times) of a run that is let alone."""
        trace = os.path.join(self.work, "trace")
        self.prepare(verb, joining)
        done = self.geopause(verb, wrap=("strace", "-o", trace))
        if done.returncode:
            raise AssertionError("%s under strace: %s" % (verb, done.stderr))
        with open(trace, encoding="utf-8", errors="replace") as f:
            names = [m.group(1) for m in map(re.compile(r"(\w+)\(").match, f) if m]
        self.must("restore")
        return collections.Counter(n for n in names if n not in SPARED)

    def rescue(self, number):
        """The next caller, whoever that is. Returns what is wrong afterwards, or None."""
        if number % 3 == 0:
            self.must("restore")
        elif number % 3 == 1:
            self.must("pre")
        for _ in range(3 if number % 3 else 0):
            self.must("post")
        status = self.geopause("status").stdout
        if not status.startswith("closed"):
            return "a window is left:\n" + status
        return None if self.listing() == self.before else "the ruleset differs:\n" + self.listing()


def kill_at(firewall, verb, joining, name, i, number):
    firewall.prepare(verb, joining)
    inject = "inject=%s:signal=KILL:when=%d" % (name, i)
    done = firewall.geopause(verb, wrap=("strace", "-o", "/dev/null", "-e", inject))
    wrong = None if done.returncode == -9 else "it did not die: exit %d" % done.returncode
    return firewall.rescue(number) or wrong


def inside(args):
    failed = 0
    counter = itertools.count()
    with tempfile.TemporaryDirectory() as work:
        firewall = Firewall(os.path.abspath(args.program), work)
        for verb, joining in (("pre", False), ("pre", True), ("post", False), ("restore", False)):
            for name, times in sorted(firewall.points(verb, joining).items()):
                for i in range(1, times + 1):
                    number = next(counter)
                    if number % args.every:
                        continue
                    wrong = kill_at(firewall, verb, joining, name, i, number // args.every)
                    if wrong:
                        failed += 1
                        print("FAILED %s%s, %s number %d: %s" % (
                            verb, " (joining)" if joining else "", name, i, wrong), flush=True)
                        firewall.must("restore")
    killed = (next(counter) + args.every - 1) // args.every
    print("%d passed, %d failed" % (killed - failed, failed))
    return 1 if failed or not killed else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.strip().split("\n", 1)[0])
    parser.add_argument("--program", required=True)
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.inside:
        return inside(args)
    return subprocess.run(["unshare", "--net", sys.executable, os.path.abspath(__file__),
                           "--inside"] + sys.argv[1:], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
