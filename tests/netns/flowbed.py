# SPDX-License-Identifier: GPL-3.0-or-later
"""A firewall with flows through it, which a driver of the backend lifts, covers and cuts."""
import contextlib
import json
import subprocess

from bed import CONTAINER_PORTS, Bed, BedError, inside
from probe import FIREWALL, PORTS, SOURCES
from program import Failure, Program, require

# Without a rule that asks for it nothing is tracked.
TRACKED = "table inet tracked { chain c { type filter hook prerouting priority -150;" \
    " ct state new counter; }; }"
HOME = [{"table": "inet filter", "rules": {"set": ["home"]}}]


def destination(source):
    return next(a for a in FIREWALL.values() if (":" in a) == (":" in SOURCES[source]))


class FlowBed(Bed):
    """Servers that hold their connections, and somebody who makes them."""

    def __init__(self, args, container=False):
        super().__init__(container=container)
        self.args = args

    def close(self):
        """What a dead child did not read cannot be written when its pipe is closed."""
        for child in self.children:
            with contextlib.suppress(OSError):
                child.stdin.close()
        super().close()

    def _serve(self):
        self.peers = self._child(self.net, ["peer.py"])
        self.ask("serve", self.fw, PORTS + ["tcp/53"])
        if self.ctr:
            self.ask("serve", self.ctr, CONTAINER_PORTS)

    def ask(self, *question):
        self.peers.stdin.write(json.dumps(question) + "\n")
        self.peers.stdin.flush()
        line = self.peers.stdout.readline()
        if not line:
            raise BedError("the peers died")
        return json.loads(line)

    def open(self, source, port, name=None):
        return self.ask("open", name or "%s %s" % (source, port), self.net, SOURCES[source],
                        destination(source), port)

    def lives(self, name):
        return self.ask("says", name, True)

    def is_dead(self, name):
        return not self.ask("says", name, False)

    def must_open(self, source, port, name=None):
        if not (self.open(source, port, name) or self.open(source, port, name)):
            raise Failure("%s %s should be open" % (source, port))

    def drive(self, policy, challenges="http-01,tls-alpn-01"):
        self.driver = subprocess.Popen(
            inside(self.fw, [self.args.driver, self.args.backend, policy, challenges]),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.children.append(self.driver)

    def do(self, *words):
        """The lines that the last one answers."""
        for word in words:
            lines = []
            try:
                self.driver.stdin.write(word + "\n")
                self.driver.stdin.flush()
            except OSError as e:
                raise BedError("the driver is dead at " + word) from e
            for line in iter(self.driver.stdout.readline, ""):
                if line == ".\n":
                    break
                lines.append(line.rstrip("\n"))
            else:
                raise BedError("the driver died at " + word)
            require(not any(x.startswith("error") for x in lines), "%s: %s" % (word, lines))
        return lines

    def covered(self):
        """The covered flows as names."""
        by_address = {a: name for name, a in SOURCES.items()}
        found = []
        for line in self.do("flows"):
            proto, source, _, _, port, *_ = line.split()
            found.append("%s %s/%s" % (by_address.get(source, source), proto, port))
        return found


class Scene:
    def __init__(self, args, targets, challenges="http-01,tls-alpn-01", container=False):
        self.args, self.targets, self.challenges = args, targets, challenges
        self.bed = FlowBed(args, container)

    def __enter__(self):
        self.bed.__enter__()
        # Only for its policy: the program itself is not run.
        self.program = Program(self.args.driver, self.bed).__enter__()
        return self.bed

    def __exit__(self, *exc):
        self.program.__exit__(*exc)
        self.bed.__exit__(*exc)

    def lift(self):
        self.bed.drive(self.program.policy_for(self.targets), self.challenges)
        self.bed.do("lift", "cover")


def cut_after_revert(bed):
    """As at the end of a window; how many."""
    return int(bed.do("cover", "revert", "cut")[0])
