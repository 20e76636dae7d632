#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""
The core assertion, for one ruleset: what is open before, during and after a window, and that the
ruleset afterwards is the one before.

    matrix.py --program PATH RULESET...

RULESET is NAME.nft, NAME.py (prints one) or NAME.rules (iptables-nft-restore, with NAME.rules6 and
NAME.ipset where there are such); with NAME.legacy, for iptables-legacy-restore. Beside it stand
NAME.probe and NAME.lifted (who reaches what, before and during a window) and, if there is more to
say, NAME.json (--notes DIR: there), with any of
  targets    the administrator's policy, without what is the same everywhere
  container  the bed has one, at 172.30.0.2 ("docker0": at 172.17.0.2)
  stagger    seconds between two probes, for rulesets that count them
  discover   the exit status of `discover`, where only one is right
  never      what no discovered policy may name: blocks that are none of countries
  candidates what it must say may be a geo-block, regular expressions
  left       the same for rules that it leaves alone
  refused    a regular expression: `pre` with the targets must fail and say this,
  exit       with this status (1)
  policy_alone  without a policy it is not refused, since what is found is named better
  shown      how many rules of ours iptables shows in a window
  steps      how many rules the targets' plan changes
  limited    ports that the ruleset limits the rate of: only looked at once, before
  busy       [NUMBER, SOURCE, PORT]: so many connects at once in a window are too many
  program_decides  the lifted rules hand packets to a program: no connection is known to be blocked
A ruleset with NOLIFT in its name holds no geo-block.
"""
import argparse
import json
import os
import re
import sys

from bed import Bed, BedError, matrix_read, without_ours
from elsewhere import Elsewhere
from program import Failure, Program, Snapshot, line_difference, require, result_text


ENDS, OVER = re.compile(r"--datestop \S+"), "--datestop 2001-01-01T00:00:00"


class Case:
    def __init__(self, path, notes):
        self.path = path
        stem = os.path.splitext(path)[0]
        self.name = os.path.basename(stem)
        self.probe, self.lifted = (matrix_read(stem + "." + k) for k in ("probe", "lifted"))
        notes = os.path.join(notes or os.path.dirname(path), self.name + ".json")
        self.notes = {}
        if os.path.exists(notes):
            with open(notes, encoding="utf-8") as f:
                self.notes = json.load(f)
        self.stagger = self.notes.get("stagger", 0.0)
        self.discover = 5 if "NOLIFT" in self.name else self.notes.get("discover")


class Round:
    """A program, a case and the ruleset before anything happened."""

    def __init__(self, program, case):
        self.program, self.case, self.before = program, case, Snapshot(program.bed)
        self.listed = program.bed.must(["nft", "list", "ruleset"])
        self.planned = ""
        self.elsewhere = False  # once is enough
        self.saved = []  # in the middle of windows, by iptables' tools, with rules of ours

    def matrix(self, want, when, policy):
        limited = self.case.notes.get("limited", [])
        some = {name: {port: cell for port, cell in row.items() if port not in limited}
                for name, row in want.items()}
        self.program.require_matrix(some, when, self.case.stagger, policy)

    def unchanged(self, when):
        self.before.require_same(Snapshot(self.program.bed), when)
        self.program.require_no_journal(when)

    def window(self, how, policy):
        """One window; with a policy file, or with what `pre` finds by itself."""
        if policy:
            self.program.expect(0, "check", policy=policy)
        self.planned = self.program.expect(0, "plan", policy=policy).stdout
        require(policy or "there is no policy; what is certain:" in self.planned,
                "plan does not say why these are geo-blocks: " + self.planned)
        self.program.expect(0, "pre", policy=policy)
        self.matrix(self.case.lifted, how + ", lifted", policy)
        self.status(policy)
        self.saved_meanwhile(how)
        self.loaded_elsewhere(how)
        self.program.expect(0, "post", policy=policy)
        require(self.program.expect(0, "status").stdout == "closed\n", "status after post")
        self.unchanged(how + ", after post")
        self.matrix(self.case.probe, how + ", after post", policy)
        self.program.expect(0, "restore", policy=policy)
        self.program.expect(0, "restore", policy=policy)
        self.unchanged(how + ", after restore")

    def saved_meanwhile(self, how):
        """
        What iptables' tools save in the middle of a window is what was there before, but for our own
        rules, which do no harm.
        """
        bed = self.program.bed
        if not bed.iptables:
            return
        saves = bed.saves()
        kept = without_ours(saves)
        require(len(saves) - len(kept) == self.case.notes.get("shown", 0),
                "%s: iptables-save shows\n%s" % (how, "\n".join(saves)))
        if kept != self.before.saves:
            raise Failure("%s: iptables-save in the window differs:\n%s" % (
                how, line_difference(self.before.saves, kept)))
        if kept != saves:
            self.saved.append((how, [(tool, bed.must([tool + "-nft-save", "-c"]))
                                     for tool in ("iptables", "ip6tables")]))

    def load_saved(self):
        """
        What was saved in a window, loaded when its time is over: as closed as before, and the next
        restore takes our rules out. The time that it ends is written into it, instead of waiting.
        """
        for how, saved in self.saved:
            for tool, text in saved:
                self.program.bed.must([tool + "-nft-restore", "-c"], input=ENDS.sub(OVER, text))
            require(without_ours(self.program.bed.saves()) != self.program.bed.saves(),
                    how + ": nothing of ours was loaded")
            self.matrix(self.case.probe, how + ", saved in it and loaded later", None)
            self.program.expect(0, "restore")
            if self.program.bed.saves() != self.before.saves:
                raise Failure("%s: loaded and swept, iptables-save differs:\n%s" % (
                    how, line_difference(self.before.saves, self.program.bed.saves())))

    def loaded_elsewhere(self, how):
        """Saved by nft in the window, and loaded: one `restore` there makes it what it was before."""
        bed = self.program.bed
        if bed.iptables or self.elsewhere:
            return
        self.elsewhere = True
        saved = bed.must(["nft", "list", "ruleset"])
        with Elsewhere(self.program) as elsewhere:
            if "do not save" not in self.planned:  # nft's own limit, behind a port translation
                elsewhere.require_restorable(self.listed, saved, how)

    def status(self, policy):
        """Open; or closed, if nothing stood in the way and so nothing was done."""
        want = "open" if self.case.lifted != self.case.probe else ("open", "closed")
        done = self.program.expect(0, "status", policy=policy)
        require(done.stdout.startswith(want), "status in the window: " + result_text(done))

    def limited(self):
        """A rate limit behind the geo-block goes on working for whom the window lets in."""
        bed, ask = self.program.bed, [str(word) for word in self.case.notes["busy"]]
        self.program.expect(0, "pre")
        burst = os.path.join(os.path.dirname(os.path.abspath(__file__)), "burst.py")
        got = json.loads(bed.must([sys.executable, burst] + ask, namespace=bed.net))
        require(got.keys() == {"OPEN", "drop"}, "%s: the rate limit should stop some: %s" % (
            " ".join(ask), got))
        self.program.expect(0, "post")
        self.unchanged("after a burst")

    def refused(self, policy, pattern):
        done = self.program.expect(self.case.notes.get("exit", 1), "pre", policy=policy)
        for said in (pattern, "nothing was changed$"):
            require(re.search(said, done.stderr), "refused without saying /%s/: %s"
                    % (said, result_text(done)))
        if "policy_alone" not in self.case.notes:
            done = self.program.run("pre")
            require(done.returncode in (1, 5) and "nothing was changed" in done.stderr,
                    "pre without a policy: " + result_text(done))
        self.unchanged("refused")
        self.matrix(self.case.probe, "refused", policy)

    def nothing_certain(self):
        """Without a policy nothing may be opened on a guess."""
        done = self.program.expect(5, "pre")
        require("discover" in done.stderr or "policy" in done.stderr,
                "pre without a policy does not say what to do: " + result_text(done))
        self.unchanged("pre without a policy")
        self.matrix(self.case.probe, "pre without a policy", None)

    def discovery(self):
        """Returns the exit status and, with 0, a policy file."""
        done = self.program.run("discover")
        said = result_text(done)
        require(done.returncode in (0, 5), "discover: " + said)
        if self.case.discover is not None:
            require(done.returncode == self.case.discover,
                    "discover: expected exit %d: %s" % (self.case.discover, said))
        for name in self.case.notes.get("never", []):
            require(name not in done.stdout, "discover takes %s for a geo-block: %s" % (name, said))
        for verdict, key in (("left alone", "left"), ("candidate", "candidates")):
            for why in self.case.notes.get(key, []):
                require(re.search("^%s .*%s" % (verdict, why), done.stderr, re.M),
                        "discover does not say %s, and why, of /%s/: %s" % (verdict, why, said))
        if "NOLIFT" in self.case.name:
            require(not done.stdout and "\ncertain " not in "\n" + done.stderr,
                    "discover takes something for a geo-block: " + said)
        if done.returncode != 0:
            return 5, None
        json.loads(done.stdout)
        return 0, self.program.write_policy(done.stdout, "discovered.json")

    def require_named(self):
        """What the administrator's policy names must at least have been seen."""
        done = self.program.run("discover", "-v")
        for target in self.case.notes.get("targets", []):
            if target.get("action") == "set":
                continue  # a set of ports has whatever name it has
            names = [re.sub(r"[*?].*", "", name) for key in ("set", "map")
                     for name in target["rules"].get(key, [])]
            require(not names or any(name in done.stdout + done.stderr for name in names),
                    "discover -v does not mention %s: %s" % (names, result_text(done)))


def assert_case(program, case):
    program.bed.load(case.path)
    program.require_matrix(case.probe, "before", case.stagger)
    this = Round(program, case)
    how = assert_windows(this)
    this.load_saved()
    return how


def assert_windows(this):
    program, case = this.program, this.case
    status, discovered = this.discovery()
    this.unchanged("discover")
    this.require_named()
    targets = case.notes.get("targets")
    if targets:
        policy = program.policy_for(targets)
        if "steps" in case.notes:
            plan = json.loads(program.expect(0, "plan", "--json", policy=policy).stdout)
            require(len(plan["steps"]) == case.notes["steps"], "the plan is %s" % plan["steps"])
        if "refused" in case.notes:
            this.refused(policy, case.notes["refused"])
        else:
            this.window("the administrator's policy", policy)
    if "refused" in case.notes:
        return "refused"
    if status == 5:
        this.nothing_certain()
        require(targets or case.discover == 5, "discover found nothing certain, and there is no"
                " policy to try")
        return "by policy" if targets else "left alone"
    this.window("discovered policy", discovered)
    this.window("without a policy", None)
    if "busy" in case.notes:
        this.limited()
    return "by policy and by itself" if targets else "by itself"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 2)[1])
    parser.add_argument("--program", required=True)
    parser.add_argument("--notes")
    parser.add_argument("rulesets", nargs="+")
    args = parser.parse_args()
    failed = 0
    for path in args.rulesets:
        case = Case(path, args.notes)
        try:
            with Bed(container=case.notes.get("container", False)) as bed, \
                    Program(args.program, bed) as program:
                print("ok %s: %s" % (case.name, assert_case(program, case)), flush=True)
        except (Failure, BedError, ValueError) as e:
            failed += 1
            print("FAILED %s: %s" % (case.name, e), flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
