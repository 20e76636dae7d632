# SPDX-License-Identifier: GPL-3.0-or-later
"""Others change the rules in a window, or in the moment of the change."""
import re
import threading
import time

from beds import require, result_text
from scene import RULES, Scene, at_the_replacement, wait_until


def others_change_rules(args):
    """Before and behind the lift, and the lift's own places."""
    with Scene(args) as scene:
        scene.expect(0, "pre", "--lease", "a")
        for options in (("-I", "GEO", "1", "-s", "192.0.2.1", "-j", "DROP"),
                        ("-I", "INPUT", "1", "-s", "192.0.2.2", "-j", "DROP"),
                        ("-A", "GEO", "-s", "192.0.2.3", "-j", "DROP"),
                        ("-D", "GEO", "-s", "10.0.0.0/8", "-j", "RETURN")):
            require(scene.iptables(*options).returncode == 0, " ".join(options))
        scene.expect(0, "post", "--lease", "a")
        rules = [line.split("] ", 1)[1] for line in scene.bed.saved().splitlines()
                 if "-A GEO" in line]
        require(rules == ["-A GEO -s 192.0.2.1/32 -j DROP",
                          "-A GEO -m set --match-set geo src -j DROP",
                          "-A GEO -p tcp -m tcp --dport 9 -j DROP",
                          "-A GEO -s 192.0.2.3/32 -j DROP"], "the chain is now %s" % rules)
        require("[5:300] -A GEO -m set" in scene.bed.saved(), "the counters: " + scene.bed.saved())
        require(not scene.marks(), "marks are left: " + scene.bed.saved())


def others_remove_the_lift(args):
    """A reload: what is gone stays gone, and what is new stays."""
    with Scene(args) as scene:
        scene.expect(0, "pre", "--lease", "a")
        scene.program.kill_watchdog()
        require(scene.iptables("-F", "GEO").returncode == 0, "-F GEO")
        scene.iptables("-A", "GEO", "-m", "set", "--match-set", "geo", "src", "-j", "REJECT")
        scene.expect(0, "post", "--lease", "a")
        saved = scene.bed.saved()
        require(not scene.marks() and saved.count("-A GEO ") == 1 and "-j REJECT" in saved, saved)


def others_refer_to_our_chain(args):
    """It stays, closed, for them."""
    with Scene(args) as scene:
        scene.expect(0, "pre", "--lease", "a")
        chain = next(name for name in scene.marks()
                     if "-A %s -m set --match-set geo src" % name in scene.bed.saved())
        done = scene.iptables("-A", "INPUT", "-p", "tcp", "-j", chain)
        require(done.returncode == 0, result_text(done))
        scene.expect(0, "post", "--lease", "a")
        saved = scene.bed.saved()
        require("--datestop" not in saved and "-A GEO -m set --match-set geo src -j DROP" in saved,
                saved)
        scene.matrix(False, "closed")
        scene.iptables("-D", "INPUT", "-p", "tcp", "-j", chain)
        scene.expect(0, "restore")
        scene.unchanged("swept")


def refresh(args):
    """A reload in the window is lifted again."""
    with Scene(args) as scene:
        scene.expect(0, "pre", "--lease", "a")
        scene.bed.load_legacy(RULES, "", sets="")
        wait_until(scene.marks, "it is not lifted again")
        wait_until(lambda: len(scene.marks()) == 2, "one family is not lifted again")
        scene.matrix(True, "lifted again")
        scene.expect(0, "post", "--lease", "a")
        scene.unchanged("after post")


def renumbered(args):
    """A rule that is the same to the byte, on another set that has got the lifted one's number."""
    rule = "[5:300] -A GEO -m set --match-set geo src -j DROP\n"
    other = "-A GEO -m set --match-set others src -j DROP\n"
    later = "-A GEO -m set --match-set geo9 src -j DROP\n"
    with Scene(args) as scene:
        def lifted():
            return re.findall(r"-A GP-\S+ -m set --match-set (\S+) ",
                              scene.bed.must(["iptables-legacy-save"]))
        scene.bed.must(["ipset", "destroy", "countries"])  # it holds geo
        scene.bed.must(["ipset", "create", "geo9", "hash:net"])
        scene.expect(0, "pre", "--lease", "a")
        # Once, so that the watchdog has read the rule; then at once, so that it sees nothing of
        # what lies between.
        scene.bed.load_legacy(scene.rules, sets="")
        wait_until(lambda: lifted() == ["geo"], "it was not lifted again", 60)
        scene.bed.must(["sh", "-ec", """
            printf %s "$1" | iptables-legacy-restore
            ipset destroy geo
            ipset create others hash:net
            printf %s "$2" | iptables-legacy-restore""", "-", scene.rules.replace(rule, ""),
                        scene.rules.replace(rule, other + later)])
        wait_until(lifted, "what came with it was not lifted", 60)
        saved = scene.bed.must(["iptables-legacy-save"])
        require(lifted() == ["geo9"] and other in saved, "another set's was lifted:\n" + saved)
        scene.expect(0, "post", "--lease", "a")


class Hammer(threading.Thread):
    """Adds and deletes rules of its own, and knows which of them must be there."""

    def __init__(self, scene, number):
        super().__init__()
        self.scene, self.number, self.mine = scene, number, []
        self.ends, self.failed = threading.Event(), []

    def do(self, *options):
        done = self.scene.iptables(*options)
        if done.returncode != 0:
            self.failed.append(" ".join(options) + ": " + done.stderr)
        return done.returncode == 0

    def run(self):
        count = 0
        while not self.ends.is_set():
            count += 1
            source = "192.0.%d.%d/32" % (self.number, count % 250 + 1)
            chain = ("GEO", "INPUT", "f2b-sshd")[count % 3]
            if self.mine and count % 4 == 3:
                old = self.mine.pop(0)
                self.do("-D", *old)
            elif self.do("-I" if count % 2 else "-A", chain, "-s", source, "-j", "DROP"):
                self.mine.append((chain, "-s", source, "-j", "DROP"))
            time.sleep(0.002)


def concurrent_writers(args):
    """Nobody's change is lost in 30 windows, and every one is exact."""
    with Scene(args) as scene:
        hammers = [Hammer(scene, number) for number in (2, 3)]
        for hammer in hammers:
            hammer.start()
        try:
            for _ in range(30):
                scene.expect(0, "pre", "--lease", "a")
                scene.expect(0, "post", "--lease", "a")
        finally:
            for hammer in hammers:
                hammer.ends.set()
                hammer.join()
        saved = scene.bed.saved()
        for hammer in hammers:
            require(not hammer.failed, "; ".join(hammer.failed))
            require(len(hammer.mine) > 10, "the writer wrote nothing")
            for rule in hammer.mine:
                require("-A " + " ".join(rule) in saved, "lost: %s\n%s" % (rule, saved))
            for rule in hammer.mine:
                require(scene.iptables("-D", *rule).returncode == 0, "deleting %s" % (rule,))
        scene.unchanged("after 30 windows")


def writer_without_lock(scene, change):
    """Between the look at the table and the change of it, once."""
    return at_the_replacement(
        scene, REPLACE_RUN="XTABLES_LOCKFILE=/dev/null iptables-legacy " + change)


def unlocked_insertion(args):
    """The kernel does not take what was made from other rules: it is read and made again."""
    with Scene(args) as scene:
        wrap = writer_without_lock(scene, "-I GEO 1 -s 192.0.2.1 -j DROP")
        scene.expect(0, "pre", "--lease", "a", wrap=wrap)
        require("-A GEO -s 192.0.2.1/32 -j DROP" in scene.bed.saved(), scene.bed.saved())
        scene.matrix(True, "lifted")
        scene.expect(0, "post", "--lease", "a")
        scene.iptables("-D", "GEO", "1")
        scene.unchanged("after post")


def unlocked_deletion(args):
    with Scene(args) as scene:
        wrap = writer_without_lock(scene, "-D GEO 1")
        scene.expect(0, "pre", "--lease", "a", wrap=wrap)
        scene.matrix(True, "lifted")
        scene.expect(0, "post", "--lease", "a")
        scene.iptables("-I", "GEO", "1", "-s", "10.0.0.0/8", "-j", "RETURN")
        scene.unchanged("after post")


def unlocked_insertion_at_the_end(args):
    """When the lift is taken back."""
    with Scene(args) as scene:
        scene.expect(0, "pre", "--lease", "a")
        scene.program.kill_watchdog()
        wrap = writer_without_lock(scene, "-I GEO 1 -s 192.0.2.1 -j DROP")
        scene.expect(0, "post", "--lease", "a", wrap=wrap)
        require(scene.iptables("-D", "GEO", "-s", "192.0.2.1", "-j", "DROP").returncode == 0,
                "the other rule was lost: " + scene.bed.saved())
        scene.unchanged("after post")


CASES = (others_change_rules, others_remove_the_lift, others_refer_to_our_chain, refresh,
         renumbered, concurrent_writers, unlocked_insertion, unlocked_deletion,
         unlocked_insertion_at_the_end)
