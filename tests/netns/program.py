# SPDX-License-Identifier: GPL-3.0-or-later
"""The program under test on a bed's firewall: a policy, a state directory, and what to expect."""
import json
import os
import re
import shutil
import signal
import tempfile
import time

from bed import BedError, counters, matrix_difference, matrix_text, normalised

HANDLE = re.compile(r"# handle (\d+)$")


class Failure(Exception):
    """What was expected and what came instead, for a person to read."""


def result_text(done):
    return "exit %d\n--- stdout\n%s--- stderr\n%s" % (done.returncode, done.stdout, done.stderr)


def require(condition, message):
    if not condition:
        raise Failure(message)


def run_cases(cases, args):
    """Those of args.cases, by name; the exit status."""
    failed = 0
    for name in args.cases:
        try:
            cases[name](args)
            print("ok", name, flush=True)
        except (Failure, BedError, ValueError) as e:
            failed += 1
            print("FAILED %s: %s" % (name, e), flush=True)
    return 1 if failed else 0


class Snapshot:
    """A ruleset as nft shows it and as the kernel holds it."""

    def __init__(self, bed, understood=True):
        """nft may not understand the ruleset (it aborts then): then only the kernel's view."""
        text = bed.listing() if understood else ""
        self.text, self.counters = normalised(text), counters(text)
        self.raw = bed.raw_rules()
        self.saves = bed.saves() if bed.iptables else []

    def require_same(self, later, when):
        for mine, others, what in ((self.text.splitlines(), later.text.splitlines(), "nft -a list"),
                                   (self.raw, later.raw, "the kernel's rules"),
                                   (self.saves, later.saves, "iptables-save and ipset save")):
            if mine != others:
                raise Failure("%s: %s differ:\n%s" % (when, what, line_difference(mine, others)))
        for number, (a, b) in enumerate(zip(self.counters, later.counters)):
            require(b[0] >= a[0] and b[1] >= a[1],
                    "%s: counter %d of the listing went from %s to %s" % (when, number, a, b))


def line_difference(a, b):
    lines = ["- " + x for x in a if x not in b] + ["+ " + x for x in b if x not in a]
    return "\n".join(x[:600] for x in lines) or "the same lines in another order"


class Program:
    """Use as a context; the state directory is private and goes away with it."""

    def __init__(self, path, bed):
        self.path, self.bed = os.path.abspath(path), bed

    def __enter__(self):
        require(os.access(self.path, os.X_OK), "there is no program at " + self.path)
        self.dir = tempfile.mkdtemp(prefix="geopause-test-")
        self.state = os.path.join(self.dir, "state")
        os.mkdir(self.state, 0o700)
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.dir, ignore_errors=True)

    def write_policy(self, policy, name="policy.json", mode=0o600):
        path = os.path.join(self.dir, name)
        with open(path, "w", encoding="utf-8") as f:
            f.write(policy if isinstance(policy, str) else json.dumps(policy, indent=1) + "\n")
        os.chmod(path, mode)
        return path

    def policy_for(self, targets, **more):
        """A policy file with these targets; "@REGEX@" among handles is the rule that matches."""
        full = []
        for number, target in enumerate(targets):
            target = json.loads(json.dumps(target))
            handles = target.get("rules", {}).get("handle", [])
            target["rules"]["handle"] = [self.handle(h) for h in handles]
            if not handles:
                del target["rules"]["handle"]
            full.append({"name": "target-%d" % number, "backend": "nftables", **target})
        return self.write_policy({"version": 1, **more, "targets": full})

    def handle(self, wanted):
        if not isinstance(wanted, str):
            return wanted
        found = [line for line in self.bed.listing().splitlines() if re.search(wanted[1:-1], line)]
        require(len(found) == 1, "%d rules match %s" % (len(found), wanted))
        return int(HANDLE.search(found[0]).group(1))

    def run(self, verb, *options, policy=None, wrap=(), where=None, **more):
        """
        Without a policy the default file must not be the machine's: it is hidden. where: in that
        network namespace, which has a state directory of its own.
        """
        argv = list(wrap) + [self.path, verb, "--state", self.state + (where or "")]
        if policy:
            argv += ["--policy", policy]
        elif os.path.isdir("/etc/geopause"):
            argv = ["unshare", "-m", "sh", "-c",
                    'mount -t tmpfs none /etc/geopause && exec "$@"', "-"] + argv
        done = self.bed.run(argv + list(options), namespace=where, **more)
        require((done.stdout + done.stderr).isascii(), "this is not ASCII: " + result_text(done))
        return done

    def expect(self, status, verb, *options, **more):
        done = self.run(verb, *options, **more)
        require(done.returncode == status, "%s: expected exit %d, got %s"
                % (" ".join((verb,) + options), status, result_text(done)))
        return done

    def require_matrix(self, want, when, stagger=0.0, policy=None, ports=()):
        """A busy machine is forgiven once: what differs is asked again, with more patience."""
        if ports:
            want = {name: {port: row[port] for port in ports} for name, row in want.items()}
        ports = list(next(iter(want.values())))
        got = self.bed.matrix(0.5, stagger, ports)
        if matrix_difference(got, want):
            got = self.bed.matrix(1.5, stagger, ports, proof=False)
        difference = matrix_difference(got, want)
        if difference:
            plan = self.run("plan", policy=policy)
            raise Failure("%s: %s\n%s--- plan: %s\n--- ruleset\n%s" % (
                when, "; ".join(difference), matrix_text(got), result_text(plan),
                shortened(self.bed.listing())))

    def kill_watchdog(self):
        for name in os.listdir(self.state):
            if name.startswith("watchdog-"):
                with open(os.path.join(self.state, name), encoding="ascii") as f:
                    os.kill(int(f.read()), signal.SIGKILL)

    def forget_journal(self):
        for name in os.listdir(self.state):
            if name.startswith("window-"):
                os.unlink(os.path.join(self.state, name))

    def left_behind(self):
        return [name for _, _, names in os.walk(self.state) for name in names
                if name not in ("lock", "history")]

    def require_no_journal(self, when):
        """The watchdog sees within 50 ms that the window is closed, and ends."""
        require(not [n for n in self.left_behind() if n.startswith("window-")],
                "%s: the state directory still holds %s" % (when, self.left_behind()))
        end = time.monotonic() + 5
        while self.left_behind() and time.monotonic() < end:
            time.sleep(0.01)
        require(not self.left_behind(),
                "%s: the state directory still holds %s" % (when, self.left_behind()))


def shortened(listing):
    """Long element lists say nothing about rules."""
    return re.sub(r"(elements = \{[^}]{80})[^}]*", r"\1 ...", listing)
