# SPDX-License-Identifier: GPL-3.0-or-later
"""Several targets in a window: which of them are open, also when a call is killed in the middle."""
import re
import subprocess

from bed import (FAILED, NFT_TARGET, OPEN, RULESET, kill_watchdog, require, requires, until)


def start(b, command, *more):
    return subprocess.Popen(b.argv(command, *more), stdout=subprocess.DEVNULL,
                            stderr=subprocess.DEVNULL)


def kill(process):
    process.kill()
    process.wait()


def joining(b, how="hang-done", watched=False):
    """Somebody holds a; a second pre, for one port more, is killed while it lifts b."""
    b.policy(b.target("a"))
    b.run("pre", "--lease", "x", "--owner", "none", "--challenge", "http-01")
    b.policy(b.target("a"), b.target("b"))
    b.behave(b={"apply": how})
    b.forget_calls()
    process = start(b, "pre", "--lease", "y", "--owner", "none", "--challenge", "dns-01")
    until(lambda: "b apply" in b.calls("apply"), "b is asked")
    until(lambda: how != "hang-done" or b.is_live("b"), "b is lifted")
    if not watched:
        kill_watchdog(b, but=process.pid)
    kill(process)
    b.behave()


def wished(b):
    return [wish["ports"] for wish in b.journal()["wishes"]]


def lifted(b):
    return [(lift["targets"], lift["ports"], lift["applied"]) for lift in b.journal()["lifts"]]


def case_killed_while_joining(b):
    """The watchdog takes back what was begun; who holds the window keeps what is his."""
    for how in ("hang-done", "hang"):
        joining(b, how, watched=True)
        until(lambda: lifted(b) == [(["a"], "tcp 80", True)], "the watchdog looks")
        require(wished(b) == ["tcp 80"], wished(b))
        require(not b.is_live("b"), "b is open")
        b.run("restore")
        b.require_closed()


def case_joining_what_was_begun(b):
    """Whoever comes next does not take it for lifted."""
    joining(b)
    require(lifted(b)[-1][2] is False, lifted(b))
    b.forget_calls()
    b.run("pre", "--lease", "z", "--owner", "none", "--challenge", "http-01")
    changes = b.calls("apply", "revert")
    require(changes == ["b revert", "a revert", "b apply"], changes)
    require(all(x[2] for x in lifted(b)), lifted(b))
    require(set(wished(b)) == {"tcp 80"}, wished(b))
    b.run("restore")
    b.require_closed()


def case_begun_and_closed(b):
    """post of the other client, and the timer."""
    for command in (["post", "--lease", "x"], ["restore", "--stale"]):
        joining(b)
        b.run(*command)
        require(not b.is_live("b"), "what was begun is open")
        b.run("restore")
        b.require_closed()


def case_begun_cannot_be_taken_back(b):
    """It is named, alone, for as long as it stands."""
    joining(b)
    b.behave(b={"revert": "not-done"})
    for command in (["pre", "--lease", "z", "--owner", "none"], ["restore", "--stale"]):
        text = b.run(*command, status=OPEN)
        requires(text, r"tcp 53, udp 53 may still be open in b \([^,]*\); run `geopause restore`")
    require(b.is_live("a") and b.is_live("b"), "not both are open")
    b.run("restore", status=OPEN)
    b.behave()
    b.run("restore")
    b.require_closed()


def case_record_of_apply(b):
    """What the program has told is in the journal before the next one is asked."""
    b.policy(b.target("a"), b.target("b"))
    b.behave(b={"apply": "hang"})
    process = start(b, "pre", "--owner", "none")
    until(lambda: b.calls("apply") == ["a apply", "b apply"], "both are asked")
    kill_watchdog(b, but=process.pid)
    kill(process)
    b.behave()
    b.run("restore")
    require(b.asked("a")["asked"]["record"] == {"by": "apply", "target": "a"}, b.asked("a"))
    b.require_closed()


def case_each_has_its_txn(b):
    """Two targets may be one program: their marks must not be the same."""
    b.policy(b.target("a"), b.target("b"))
    b.pre()
    require(b.asked("a")["asked"]["txn"] != b.asked("b")["asked"]["txn"], "one txn for two")
    requires(b.run("status"), r"in a \(.*scripted.py\): lifted", r"in b \(.*scripted.py\): lifted")
    b.post()
    b.require_closed()


def case_only_what_is_open_is_named(b):
    b.policy(b.target("a"), b.target("b"), b.target("c"))
    b.pre()
    b.behave(b={"revert": "not-done"})
    text = b.post(status=OPEN)
    requires(text, r"may still be open in b \([^,]*\); run `geopause restore`")
    require([x[0] for x in lifted(b)] == [["b"]], lifted(b))
    b.forget_calls()
    b.behave()
    b.run("restore")
    require(b.calls() == ["b revert"], b.calls())
    b.require_closed()


def case_more_than_can_be_named(b):
    names = ["target-with-a-long-name-%d" % i for i in range(12)]
    b.policy(*map(b.target, names))
    b.pre()
    b.behave(**{name: {"revert": "not-done"} for name in names})
    text = b.post(status=OPEN)
    named = len(re.findall(r"target-with-a-long-name-\d+ \(", text.split("may still be open")[1]))
    requires(text, r" and %d more \(see `geopause status`\)" % (len(names) - named))
    b.behave()
    b.run("restore")
    b.require_closed()


def case_slower_than_a_heartbeat(b):
    """What the kernel has closed meanwhile is open again when pre is done."""
    b.nft(RULESET)
    before = b.ruleset()
    b.policy(NFT_TARGET, b.target("a"), heartbeat="3s")
    b.behave(a={"apply": "slow"})
    b.pre()
    requires(b.run("status"), "inet filter: lifted", r"a \(.*: lifted")
    b.behave(a={"revert": "slow"})
    b.post()
    require(b.ruleset() == before, "the ruleset is not what it was:\n" + b.ruleset())
    b.require_closed()


def case_third_of_three(b):
    """Two backends, three lifts: whichever fails, all before it are taken back, backwards."""
    b.nft(RULESET)
    before = b.ruleset()
    b.policy(b.target("a"), NFT_TARGET, b.target("c"))
    for how, status in (("not-done", FAILED), ("unknown-not", FAILED), ("garbage-not", FAILED),
                        ("lies", 6)):
        b.behave(c={"apply": how})
        b.forget_calls()
        requires(b.pre(status=status), "nothing is open")
        require(b.calls() == ["a apply", "c apply", "c revert", "a revert"], (how, b.calls()))
        require(b.ruleset() == before, "the ruleset is not what it was:\n" + b.ruleset())
        b.require_closed()
    b.behave(c={"apply": "not-done"}, a={"revert": "hang"})
    b.policy(b.target("a", deadline=2), NFT_TARGET, b.target("c"))
    requires(b.pre(status=OPEN), r"may still be open in a \([^,]*\); run")
    require(b.ruleset() == before, "the other one was not taken back:\n" + b.ruleset())
    b.behave()
    b.run("restore")
    b.require_closed()
