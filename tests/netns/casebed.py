# SPDX-License-Identifier: GPL-3.0-or-later
"""What the cases share: rulesets with a geo-block, and the program on a bed with one."""
import contextlib
import copy
import os

from bed import Bed
from program import Program, Snapshot

HERE = os.path.dirname(os.path.abspath(__file__))
WEB = ("tcp/80", "tcp/443")

DENY = """
include "ranges.nft"
table inet filter {
	set geo4 { type ipv4_addr; flags interval; elements = { $RU4, $CN4 }; }
	set geo6 { type ipv6_addr; flags interval; elements = { $RU6, $CN6 }; }
	chain input {
		type filter hook input priority filter; policy accept;
		ct state established,related accept
		ip saddr @geo4 counter drop comment "geo"
		ip6 saddr @geo6 counter drop comment "geo"
	}
}
"""
DENY_TARGET = {"table": "inet filter", "rules": {"set": ["geo4", "geo6"]}}
DENIED = ("RU", "CN", "RU6", "CN6")

OWN = """
include "ranges.nft"
table inet filter {
	set acme_window { type inet_service; %s }
	set geo4 { type ipv4_addr; flags interval; elements = { $RU4, $CN4 }; }
	chain input {
		type filter hook input priority filter; policy accept;
		ct state established,related accept
		tcp dport @acme_window accept
		ip saddr @geo4 counter drop
	}
}
"""
OWN_TARGET = {"table": "inet filter", "action": "set", "rules": {"set": ["acme_window"]}}


def opened(before, sources, ports):
    after = copy.deepcopy(before)
    for source in sources:
        for port in ports:
            after[source][port] = "OPEN"
    return after


def fixture(name):
    return os.path.join(HERE, "fixtures", name)


class Scene:
    """A bed with a ruleset, the program, and a policy for it."""
    def __init__(self, args, prefix=None):
        self.args = args
        self.stack = contextlib.ExitStack()
        self.prefix = prefix

    def __enter__(self):
        self.bed = self.stack.enter_context(Bed(self.prefix))
        self.program = self.stack.enter_context(Program(self.args.program, self.bed))
        return self

    def __exit__(self, *exc):
        return self.stack.__exit__(*exc)

    def load(self, text, *targets):
        """Returns the policy."""
        self.bed.nft(text)
        self.before = self.bed.matrix(1)
        self.snapshot = Snapshot(self.bed)
        self.policy = self.program.policy_for(targets) if targets else None
        return self.policy

    def unchanged(self, when):
        self.snapshot.require_same(Snapshot(self.bed), when)
        self.program.require_no_journal(when)
        self.program.require_matrix(self.before, when, policy=self.policy)
