# SPDX-License-Identifier: GPL-3.0-or-later
"""A bed whose firewall is made with iptables-legacy, and the program on it."""
import argparse
import atexit
import ctypes
import functools
import os
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "netns"))
# pylint: disable=wrong-import-position
from bed import Bed, BedError, inside, matrix_difference, matrix_read, matrix_text  # noqa: E402
from program import Failure, Program, require, result_text, run_cases  # noqa: E402

CLONE_NEWNS = 0x00020000
LOCK = "/run/xtables.lock"
TABLES = ("filter", "mangle", "raw", "nat")
COUNTERS = re.compile(r"\[(\d+):(\d+)\]")
SETS = """\
create geo hash:net family inet
add geo 77.88.0.0/18
add geo 112.80.0.0/13
add geo 175.45.176.0/22
create geo6 hash:net family inet6
add geo6 2a02:6b8::/32
add geo6 240e::/18
create home hash:net family inet
add home 78.46.0.0/15
add home 80.94.96.0/20
create home6 hash:net family inet6
add home6 2003::/19
add home6 2a01:8fe0::/32
create banned hash:ip family inet
add banned 112.80.248.75
create seen hash:net family inet
create web bitmap:port range 0-1023
add web 80
add web 443
create countries list:set size 8
add countries geo
add countries geo6
"""
BLOCKED, BLOCKED6 = ("RU", "CN", "KP"), ("RU6", "CN6")
AT_HOME = ("DE", "MC", "DE6", "MC6")


class LegacyBed(Bed):
    def load_legacy(self, rules="", rules6="", sets=SETS):
        if sets:
            self.must(["ipset", "restore"], input=sets)
        for program, text in (("iptables", rules), ("ip6tables", rules6)):
            if text:
                self.must([program + "-legacy-restore", "-c"], input=text)

    def saved(self):
        """What there is; asking for a table that is not there would make it."""
        text = ""
        for program, names in (("iptables", "ip_tables_names"), ("ip6tables", "ip6_tables_names")):
            there = self.must(["cat", "/proc/thread-self/net/" + names]).split()
            for table in TABLES:
                if table in there:
                    text += self.must([program + "-legacy-save", "-c", "-t", table])
        return "".join(line + "\n" for line in text.splitlines() if not line.startswith("#"))

    def state(self):
        return State(self.saved(), self.must(["ipset", "save"]))


class State:
    def __init__(self, saved, sets):
        self.saved, self.sets = saved, sets

    def require_same_rules(self, later, when):
        mine, others = (COUNTERS.sub("[]", s.saved).splitlines() for s in (self, later))
        gone = ["- " + x for x in mine if x not in others]
        come = ["+ " + x for x in others if x not in mine]
        require(mine == others, "%s: the rules differ:\n%s" % (when, "\n".join(
            gone + come or ["the same in another order"])))
        require(self.sets == later.sets, "%s: the sets differ" % when)

    def lower_counters(self, later):
        """For the same rules."""
        return ["%s went to %s" % (line, after) for line, after in
                zip(self.saved.splitlines(), later.saved.splitlines())
                if any(int(b) < int(a) for a, b in zip(counters(line), counters(after)))]

    def require_same(self, later, when):
        self.require_same_rules(later, when)
        lower = self.lower_counters(later)
        require(not lower, "%s: a counter is lower: %s" % (when, "; ".join(lower)))


def counters(line):
    return [n for pair in COUNTERS.findall(line) for n in pair]


class LegacyProgram(Program):
    def target(self, rules, table="filter", **more):
        target = {"name": "geo", "backend": "iptables", "table": table, **more}
        if rules:
            target["rules"] = rules
        return target

    def policy(self, *targets, **more):
        return self.write_policy({"version": 1, **more, "targets": list(targets)})

    def require_cells(self, want, when, ports):
        """want: {source: {port: answer}}; everything twice before it is a failure."""
        got = self.bed.matrix(0.4, 0.0, ports)
        if matrix_difference(got, want):
            got = self.bed.matrix(1.2, 0.0, ports, proof=False)
        difference = matrix_difference(got, want)
        if difference:
            raise Failure("%s: %s\n%s%s" % (when, "; ".join(difference), matrix_text(got),
                                            self.bed.saved()))


def deny_matrix(ports, blocked, lifted=(), banned=()):
    """Open, but for these sources, but for these ports; the banned are blocked at all of them."""
    everybody = ("RU", "CN", "KP", "MC", "DE", "US", "RU6", "CN6", "MC6", "DE6", "US6")
    return {who: {port: "drop" if who in banned
                  or (who in blocked and port not in lifted) else "OPEN"
                  for port in ports} for who in everybody}


__all__ = ["AT_HOME", "BLOCKED", "BedError", "BLOCKED6", "Failure", "LegacyBed", "LegacyProgram", "SETS",
           "State", "deny_matrix", "inside", "matrix_read", "require", "result_text"]


def run_stems(judged, doc):
    """A test of files: judged(stem, args) of each STEM; the exit status."""
    parser = argparse.ArgumentParser(description=doc.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--program", required=True)
    parser.add_argument("stems", nargs="+", metavar="STEM")
    args = parser.parse_args()
    cases = {os.path.basename(stem): functools.partial(judged, stem) for stem in args.stems}
    args.cases = list(cases)
    return run_cases(cases, args)


def have_a_lock_of_our_own():
    """iptables' lock is one for the whole machine; whoever is started from here sees another file."""
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    with open(LOCK, "a", encoding="ascii"):
        pass
    own = tempfile.NamedTemporaryFile(prefix="xtables-lock-")  # pylint: disable=consider-using-with
    subprocess.run(["mount", "--bind", own.name, LOCK], check=True)
    atexit.register(own.close)


if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNS):
    sys.exit("root is needed for namespaces")
have_a_lock_of_our_own()
