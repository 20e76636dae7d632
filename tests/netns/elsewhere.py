# SPDX-License-Identifier: GPL-3.0-or-later
"""Another machine, as far as a ruleset sees one: a network namespace with nobody in it."""
import os
import re

from bed import BedError, inside, must, normalised
from netns import within
from program import Failure, line_difference, require, result_text
import rawrules

# The devices of a bed, which netdev tables and ingress hooks ask for.
DEVICES = "link add eth0 type veth peer name peer\nlink add br0 type bridge\nlink add docker0 type bridge\n"


class Elsewhere:
    """Use as a context."""

    def __init__(self, program):
        self.program, self.name = program, "gp%delse" % os.getpid()

    def __enter__(self):
        must(["ip", "netns", "add", self.name])
        try:
            must(["ip", "-n", self.name, "-batch", "-"], input=DEVICES)
        except BedError:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        must(["ip", "netns", "del", self.name])

    def must(self, argv, **more):
        return must(inside(self.name, argv), **more)

    def load(self, text):
        self.must(["nft", "flush", "ruleset"])
        self.must(["nft", "-f", "-"], input=text)

    def look(self):
        """The ruleset as nft shows it and as the kernel holds it, whatever its handles are."""
        with within(self.name):
            rules = [re.sub(r'"handle": \d+', "", line) for line in rawrules.rules()]
        return normalised(self.must(["nft", "list", "ruleset"])).splitlines(), rules

    def restore(self):
        done = self.program.run("restore", where=self.name)
        require(done.returncode == 0, "restore elsewhere: " + result_text(done))

    def require_restorable(self, before, saved, when):
        """What was saved in a window is what was there before it, after one restore."""
        self.load(before)
        want = self.look()
        try:
            self.load(saved)
        except BedError as e:
            raise Failure("%s: what was saved cannot be loaded: %s" % (when, e)) from e
        self.restore()
        for mine, others, what in zip(want, self.look(), ("nft list", "the kernel's rules")):
            require(mine == others, "%s, saved, loaded elsewhere and restored: %s differ:\n%s" % (
                when, what, line_difference(mine, others)))
