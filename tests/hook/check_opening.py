# SPDX-License-Identifier: GPL-3.0-or-later
"""pre: opening, joining, and every way in which it can fail."""

import os
import signal
import subprocess
import time

from bench import PATIENCE, POLICY
from watched import TIMED, opening


def two_targets():
    second = dict(POLICY["targets"][0], name="forward", table="ip nat")
    return dict(POLICY, targets=[POLICY["targets"][0], second])


def test_opens(b):
    b.ok("pre", says="opened: tcp 80, tcp 443 for input")
    journal = b.journal()
    assert journal["state"] == "open" and len(journal["lifts"]) == 1
    assert os.stat(b.journal_path()).st_mode & 0o777 == 0o600
    assert os.stat(b.state).st_mode & 0o777 == 0o700
    lift = journal["lifts"][0]
    assert list(b.lifts()) == [lift["txn"]] and lift["targets"] == ["input"]
    assert b.calls() == [f"apply {lift['txn']} tcp 80, tcp 443 60"], "no longer than the heartbeat"


def test_window_and_challenge(b):
    b.ok("pre", "--window", "30s", "--challenge", "dns-01")
    assert b.calls()[0].split(None, 2)[2] == "tcp 53, udp 53 30"


def test_nothing_in_the_way(b):
    b.behave(plan="none")
    b.ok("pre", says="nothing blocks tcp 80, tcp 443")
    assert not b.calls() and b.journal()["lifts"] == [] and len(b.journal()["leases"]) == 1
    b.ok("post", says="closed")
    b.closed()


def test_refused_plan(b):
    b.behave(plan="refuse")
    b.ok("pre", status=1, says="cannot be lifted safely; nothing was changed")
    b.behave(plan="misfit")
    b.ok("pre", status=5, says="nothing was changed")
    b.closed()
    assert not b.changes()


def test_apply_not_done(b):
    b.behave(apply="not-done")
    b.ok("pre", status=1, says="not done; nothing was changed")
    b.closed()
    assert b.changes() == ["apply"]


def test_apply_unknown(b):
    b.behave(apply="unknown-done")
    b.ok("pre", says="opened")
    b.ok("post")
    b.closed()
    b.behave(apply="unknown-not")
    b.ok("pre", status=1, says="acknowledgement was lost; nothing was changed")
    b.closed()
    b.behave(apply="unknown-part")
    b.ok("pre", status=1, says="all was rolled back, nothing is open")
    b.closed()
    assert b.changes()[-1] == "revert"


def test_verification_fails(b):
    for state in ("drifted", "not-lifted", "closed", "unknown"):
        b.behave(inspect=[state, "live"])
        b.ok("pre", status=6, says="all was rolled back, nothing is open")
        b.closed()


def test_rollback_fails(b):
    for how in ("not-done", "lies"):
        b.behave(inspect=["drifted", "live"], revert=how)
        done = b.ok("pre", status=3, says="tcp 80, tcp 443 may still be open in inet filter until")
        assert "verification failed" in done.err and "geopause restore" in done.err, done.err
        assert b.journal()["state"] == "closing" and len(b.lifts()) == 1
        b.behave()
        b.ok("restore")
        b.closed()


def test_joining(b):
    b.ok("pre", "--lease", "a", "--window", "30s")
    b.ok("pre", "--lease", "b", "--window", "50s")
    assert b.verbs() == ["apply", "extend"] and 40 < int(b.calls()[1].split()[-1]) <= 50, b.calls()
    b.ok("pre", "--lease", "c", "--window", "20s")
    assert b.verbs() == ["apply", "extend"], "an earlier end must not shorten the window"
    b.ok("pre", "--lease", "c", "--window", "25s", says="renewed")
    assert [lease["name"] for lease in b.journal()["leases"]] == ["a", "b", "c"]


def test_joining_with_more_ports(b):
    b.ok("pre", "--challenge", "http-01", "--lease", "a")
    b.ok("pre", "--challenge", "http-01,tls-alpn-01", "--lease", "b")
    applied = [c.split(None, 2)[2] for c in b.calls() if c.startswith("apply")]
    assert applied == ["tcp 80 60", "tcp 443 60"], b.calls()
    assert len(b.lifts()) == 2
    b.ok("post", "--lease", "b", says="stays open")
    assert len(b.lifts()) == 2
    b.ok("post", "--lease", "a", says="closed")
    b.closed()
    reverted = [c.split()[1] for c in b.calls() if c.startswith("revert")]
    assert reverted == [c.split()[1] for c in b.calls() if c.startswith("apply")][::-1]


def test_joining_with_more_targets(b):
    b.ok("pre", "--challenge", "http-01")
    b.policy(two_targets())
    b.ok("pre")
    ports = [lift["ports"] for lift in b.journal()["lifts"]]
    assert ports == ["tcp 80", "tcp 443", "tcp 80, tcp 443"], ports


def test_joining_fails_and_is_rolled_back(b):
    b.ok("pre", "--challenge", "http-01", "--lease", "a", "--window", "30s")
    before = b.lifts()
    b.policy(two_targets())
    b.forget_calls()
    b.behave(apply=["done", "not-done"])
    b.ok("pre", status=1, says="the window stays open for lease a")
    assert b.lifts() == before and len(b.journal()["leases"]) == 1
    assert b.verbs() == ["apply", "apply", "revert"] and b.journal()["state"] == "open"
    b.behave(plan="refuse")
    b.ok("pre", status=1, says="the window stays open for lease a")
    b.behave(extend="not-done")
    b.ok("pre", "--window", "20m", "--challenge", "http-01", "--lease", "a", status=1,
         says="the window stays open for lease a")
    assert b.lifts() == before
    b.behave(inspect="unknown")
    b.ok("post", "--lease", "a", status=3)
    b.behave()
    b.ok("restore")
    b.closed()


def test_joining_a_drifted_window(b):
    for state, verbs in (("part", ["revert", "apply"]), ("gone", ["revert", "apply"])):
        b.ok("pre", "--lease", "a")
        b.unwatch()
        b.forget_calls()
        live = b.live()
        for lift in live["lifts"].values():
            lift["part"] = True
        if state == "gone":
            live["lifts"] = {}
        b.set_live(live)
        b.ok("pre", "--lease", "b", says="added")
        assert b.verbs() == verbs, b.calls()
        assert len(b.lifts()) == 1 and len(b.journal()["lifts"]) == 1
        b.ok("restore")
        b.closed()


def test_joining_a_window_that_the_kernel_closed(b):
    b.ok("pre", "--lease", "a")
    live = b.live()
    for lift in live["lifts"].values():
        lift["until"] = 1
    b.set_live(live)
    b.ok("pre", "--lease", "b")
    assert b.verbs() == ["apply", "extend"]


def test_an_expired_window(b):
    """Without a watchdog, whoever comes next closes it."""
    b.ok("pre", "--lease", "a", "--window", "4s")
    b.unwatch()
    time.sleep(4.1)
    assert "expired" in b.ok("status").out
    b.ok("pre", "--lease", "b", says="closed after")
    assert b.verbs() == ["apply", "revert", "apply"]
    assert [lease["name"] for lease in b.journal()["leases"]] == ["b"]


def test_max_window(b):
    b.policy(dict(POLICY, window="20s", max_window="30s"))
    b.ok("pre", "--lease", "a", "--window", "20s")
    b.rewrite(lambda j: j.update(opened=j["opened"] - 20, deadline=j["deadline"] - 20))
    b.ok("pre", "--lease", "b", "--window", "20s", says="max_window")
    leases = {lease["name"]: lease["expires"] for lease in b.journal()["leases"]}
    assert leases["b"] == b.journal()["deadline"] < leases["a"]


def test_a_dead_owner(b):
    owner = subprocess.Popen(["sleep", "60"])
    b.ok("pre", "--owner", str(owner.pid), says="opened")
    b.ok("pre", "--owner", str(owner.pid), says="renewed")
    assert len(b.journal()["leases"]) == 1
    b.ok("post", "--lease", "other", says=f"stays open for process {owner.pid}")
    b.unwatch()
    owner.kill()
    owner.wait()
    b.ok("post", "--lease", "other", says="closed")
    b.closed()


def test_a_reused_pid(b):
    b.ok("pre", "--owner", str(os.getpid()))
    b.unwatch()

    def older(journal):
        journal["leases"][0]["owner"]["start"] -= 1
    b.rewrite(older)
    b.ok("pre", "--lease", "b", says="its owner has ended")
    assert [lease["kind"] for lease in b.journal()["leases"]] == ["name"]


def test_interrupted(b):
    """A signal that arrives while the firewall is changed: all is rolled back, then it acts."""
    for sig in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        b.forget_calls()
        with opening(b) as process:
            process.send_signal(sig)
        _, err = process.communicate(timeout=PATIENCE)
        assert process.returncode == -sig, (process.returncode, err)
        assert "interrupted by signal" in err and "nothing is open" in err, err
        b.closed()


def test_killed_at_each_mutation(b):
    """Dying before or after: the next caller finds what it needs in the journal."""
    for op, verb in (("apply", "pre"), ("inspect", "pre"), ("revert", "post"), ("sweep", "restore")):
        for when in ("kill-before", "kill-after"):
            if op == "inspect" and when == "kill-after":
                continue
            for rescue in ("pre", "post", "restore"):
                b.behave()
                if verb != "pre":
                    b.ok("pre")
                b.behave(**{op: when})
                process = b.run(verb)
                if (op, when) == ("sweep", "kill-after"):
                    continue
                assert process.returncode == -signal.SIGKILL, (op, when, process.err)
                b.behave()
                b.ok(rescue)
                if rescue == "pre":
                    assert len(b.lifts()) == 1 and b.journal()["state"] == "open"
                    b.ok("restore")
                b.closed()


def test_twenty_at_once(b):
    b.behave(apply="slow")
    for _ in range(2):
        pres = [b.start("pre", *TIMED) for _ in range(20)]
        for process in pres:
            _, err = process.communicate(timeout=60)
            assert process.returncode == 0, err
        assert len(b.lifts()) == 1 and len(b.journal()["leases"]) == 20
        assert len(b.watchdogs()) == 1
        posts = [b.start("post", *TIMED) for _ in range(20)]
        for process in posts:
            _, err = process.communicate(timeout=60)
            assert process.returncode == 0, err
        b.closed()
    mixed = []
    for i in range(20):
        script = " && ".join(" ".join(b.argv(v, "--lease", f"l{i}")) for v in ("pre", "post"))
        mixed.append(subprocess.Popen(["sh", "-c", script], stderr=subprocess.PIPE, text=True))
    for process in mixed:
        _, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
    b.closed()
    assert "overlap" not in b.calls()
