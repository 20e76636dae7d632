# SPDX-License-Identifier: GPL-3.0-or-later
"""One target or several, each operation and each way to fail."""
import json
import os
import re
import signal
import subprocess

from bed import (FAILED, NFT_TARGET, OPEN, RULESET, kill_watchdog, require, requires, until)


def case_protocol(b):
    b.policy(b.target("a", config={"x": [1, None]}), window="5m")
    text = b.run("plan")
    requires(text, "box a", r"it is the block", r"  - a\n  - b\n", r"  \+ c", "note: a: a note of a")
    require(b.calls() == [], "plan changed something")
    got = b.asked("a")
    require(got["argv"] == ["eth0", "plan"], got["argv"])
    asked = got["asked"]
    txn = asked.pop("txn")
    require(re.fullmatch("[0-9a-f]{12}", txn), txn)
    require(asked == {"version": 1, "operation": "plan", "target": "a", "expiry_s": 300,
                      "ports": [{"protocol": "tcp", "port": 80}, {"protocol": "tcp", "port": 443}],
                      "config": {"x": [1, None]}}, asked)
    require({k for k in got["env"] if k != "LC_CTYPE"} == {"PATH", "LC_ALL"}, got["env"])
    b.pre()
    require(b.is_live("a"), "it is not lifted")
    require(b.calls() == ["a apply"], b.calls())
    status = b.run("status")
    requires(status, b.scripted, "lifted")
    b.post()
    b.require_closed()
    got = b.asked("a")
    require(got["asked"]["operation"] in ("inspect", "revert"), got["asked"])
    require(got["asked"]["record"] == {"by": "apply", "target": "a"}, got["asked"])


def case_lock_is_held(b):
    """A mutator has the lock of the state directory, a read has not."""
    b.policy(b.target("a"))
    b.run("plan")
    require(sorted(b.asked("a")["fds"]) == ["0", "1", "2"], b.asked("a")["fds"])
    b.behave(a={"apply": "hang"})
    child = subprocess.Popen([b.program, "pre", "--policy", b.path("policy.json"), "--state",
                              b.path("state"), "--owner", "none"], stderr=subprocess.PIPE)
    until(lambda: b.calls("apply"), "apply is called")
    until(lambda: b.asked("a")["asked"]["operation"] == "apply", "apply has begun")
    fds = b.asked("a")["fds"]
    require(sorted(fds) == ["0", "1", "2", "3"] and fds["3"] == b.path("state/lock"), fds)
    child.kill()
    child.wait()
    child.stderr.close()
    b.behave()
    b.run("restore")
    b.require_closed()


def case_nothing_in_the_way(b):
    b.policy(b.target("idle"))
    requires(b.pre(), "nothing here")
    require(b.calls() == [], b.calls())
    b.post()
    b.policy(b.target("idle"), b.target("a"))
    b.pre()
    require(b.calls() == ["a apply"], b.calls())
    b.post()
    require(b.calls() == ["a apply", "a revert"], b.calls())


def case_plan_fails(b):
    for how, pattern in (
            ("not-done", r"target a: plan failed: .*exited with status 1: first line; a says no"),
            ("unknown-not", "exited with status 2"), ("hang", "had not ended after 3 s.*it waits"),
            ("killed", "killed by signal 11"), ("much", "more to its stdout than the 1048576"),
            ("garbage", "the answer of .*scripted.py:1:"), ("array", "expected an object"),
            ("empty", "is empty"), ("extra-key", 'unknown key "extra"'),
            ("no-state", 'the key "steps" is missing'), ("deep", "record: is nested deeper than 32"),
            ("large", "record: is longer than 65536 bytes"),
            ("step-type", r"steps\[0\].where: expected a string, got an integer"),
            ("step-key", r'steps\[0\]: unknown key "rules"; did you mean "rule"\?')):
        b.policy(b.target("a", deadline=3))
        b.behave(a={"plan": how})
        requires(b.pre(status=FAILED), pattern)
        require(b.calls() == [], b.calls())
        b.require_closed()


def case_apply_not_done(b):
    b.policy(b.target("a"))
    b.behave(a={"apply": "not-done"})
    text = b.pre(status=FAILED)
    requires(text, 'target a: "apply" was not done: .*status 1: first line; a says no to apply',
             "nothing is open|closed")
    b.require_closed()


def case_apply_unknown(b):
    b.policy(b.target("a", deadline=3))
    for how in ("unknown-done", "hang-done", "garbage", "extra-key"):
        b.behave(a={"apply": how})
        b.pre()
        require(b.is_live("a"), how)
        b.post()
        b.require_closed()
    for how, pattern in (("unknown-not", "status 2"), ("hang", "had not ended after 3 s"),
                         ("killed", "signal 11"), ("odd", "status 77"), ("three", "status 3"),
                         ("much", "1048576")):
        b.behave(a={"apply": how})
        requires(b.pre(status=FAILED), "it is not known whether.*" + pattern)
        b.require_closed()


def case_apply_unknown_and_unseen(b):
    """Neither apply nor inspect tell: it is taken back, and said to be open while that fails."""
    b.policy(b.target("a"))
    b.behave(a={"apply": "unknown-done", "inspect": "not-done", "revert": "done"})
    requires(b.pre(status=OPEN), "may still be open", "geopause restore")
    requires(b.run("restore", status=OPEN), "may still be open")
    b.behave()
    b.run("restore")
    b.require_closed()


def case_lies(b):
    """It says that it lifts, and does not."""
    b.policy(b.target("a"))
    b.behave(a={"apply": "lies"})
    requires(b.pre(status=6), "nothing is open")
    b.require_closed()


def case_revert_fails(b):
    b.policy(b.target("a", deadline=3))
    for how in ("not-done", "unknown-not", "hang", "killed", "lies"):
        b.behave()
        b.pre()
        b.behave(a={"revert": how})
        text = b.post(status=OPEN)
        requires(text, "may still be open in .*scripted.py", "geopause restore")
        require(b.is_live("a"), how)
        b.behave()
        b.run("restore")
        b.require_closed()
    for how in ("unknown-done", "hang-done", "garbage"):
        b.behave()
        b.pre()
        b.behave(a={"revert": how})
        b.post()
        b.require_closed()


def case_inspect_fails(b):
    b.policy(b.target("a", deadline=3))
    b.pre()
    for how, pattern in (("not-done", "target a: inspect failed: .*status 1"),
                         ("hang", "had not ended"), ("no-state", '"state" is missing'),
                         ("empty", "is empty"), ("bad-state", 'state: unknown state "ajar"')):
        b.behave(a={"inspect": how})
        requires(b.run("status"), pattern)
    b.behave(a={"inspect": "left"})
    requires(b.run("status"), "closes by itself in 77 s")
    b.behave(a={"inspect": "drifted"})
    b.post(status=OPEN)
    b.behave()
    b.run("restore")
    b.require_closed()


def case_extend(b):
    b.policy(b.target("a"))
    b.run("pre", "--lease", "test", "--owner", "none", "--window", "60s")
    b.forget_calls()
    b.run("pre", "--lease", "other", "--owner", "none", "--window", "5m")
    require(set(b.calls()) == {"a extend"}, b.calls())
    require(b.asked("a")["asked"]["record"]["by"] == "apply", b.asked("a"))
    b.forget_calls()
    b.run("pre", "--lease", "another", "--owner", "none", "--window", "60s")
    require(not b.calls(), "it was extended, and its end is the same: %s" % b.calls())
    b.behave(a={"extend": "three"})
    requires(b.run("pre", "--lease", "third", "--owner", "none", "--window", "20m", status=FAILED),
             "target a: the lift cannot be extended: .*status 3")
    require(b.is_live("a"), "the others' window was closed")
    b.behave(a={"extend": "unknown-not"})
    requires(b.run("pre", "--lease", "third", "--owner", "none", "--window", "20m", status=FAILED),
             'not known whether "extend" was done')
    b.run("restore")
    b.require_closed()


def case_two_targets(b):
    b.policy(b.target("a"), b.target("b"), b.target("c"))
    b.pre()
    b.post()
    require(b.calls() == ["a apply", "b apply", "c apply", "c revert", "b revert", "a revert"],
            b.calls())
    b.require_closed()
    b.forget_calls()
    b.behave(c={"apply": "not-done"})
    requires(b.pre(status=FAILED), 'target c: "apply" was not done')
    require(b.calls() == ["a apply", "b apply", "c apply", "c revert", "b revert", "a revert"],
            b.calls())
    b.require_closed()
    b.forget_calls()
    b.behave(b={"apply": "not-done"}, a={"revert": "not-done"})
    text = b.pre(status=OPEN)
    requires(text, 'target b: "apply" was not done.*rolling back failed, too',
             'target a: "revert" was not done', r"may still be open in a \([^,]*;")
    require(b.is_live("a") and not b.is_live("b"), "a is not open, or b is")
    require("c apply" not in b.calls(), b.calls())
    b.behave()
    b.run("restore")
    b.require_closed()


def case_program_gone(b):
    """At revert: it says so, says what is open, and does it when the program is back."""
    b.policy(b.target("a"))
    b.pre()
    os.rename(b.scripted, b.path("away"))
    requires(b.run("restore", status=OPEN), "the program .*scripted.py: No such file",
             "may still be open")
    os.rename(b.path("away"), b.scripted)
    os.chmod(b.scripted, 0o777)
    requires(b.run("restore", status=OPEN), "others than its owner can write it")
    os.chmod(b.scripted, 0o755)
    b.run("restore")
    b.require_closed()


def case_watchdog(b):
    """It ends a window whose time is over, with the program."""
    b.policy(b.target("a"))
    b.run("pre", "--owner", "none", "--window", "10s")
    require(b.is_live("a"), "it is not lifted")
    until(lambda: not b.is_live("a"), "the watchdog reverts")
    until(lambda: not [x for x in os.listdir(b.path("state")) if x.startswith("window-")],
          "the watchdog closes the window")
    b.require_closed()


def case_policy_changed(b):
    """What was lifted is taken back with what it was lifted with."""
    b.policy(b.target("a", config={"old": True}))
    b.pre()
    b.policy(b.target("other", config={"old": False}))
    b.post()
    require(b.calls() == ["a apply", "a revert"], b.calls())
    require(b.asked("a")["asked"]["config"] == {"old": True}, b.asked("a"))
    b.require_closed()


def case_names_count(b):
    """Two targets that differ in their names alone are two; a window that is joined has one more."""
    b.policy(b.target("a"), b.target("b"))
    b.run("pre", "--lease", "x", "--owner", "none")
    b.policy(b.target("a"), b.target("b"), b.target("c"))
    b.run("pre", "--lease", "y", "--owner", "none")
    require(b.calls("apply") == ["a apply", "b apply", "c apply"], b.calls("apply"))
    b.run("post", "--lease", "x")
    require(b.is_live("a") and b.is_live("b") and b.is_live("c"), "the window was closed")
    b.run("post", "--lease", "y")
    require(b.calls("revert") == ["c revert", "b revert", "a revert"], b.calls("revert"))
    b.require_closed()


def case_journal_lost(b):
    """As by a new boot: the copy that lasts has all that is needed."""
    b.policy(b.target("a", config={"x": 1}), b.target("b"))
    b.pre()
    kill_watchdog(b)
    for name in os.listdir(b.path("state")):
        if name.startswith("window-"):
            os.unlink(b.path("state/" + name))
    b.policy(b.target("other"))
    requires(b.run("status", status=OPEN), "leftover: .*a", "geopause restore")
    b.run("restore")
    require(b.calls("revert") == ["b revert", "a revert"], b.calls("revert"))
    require(b.asked("a")["asked"]["config"] == {"x": 1}, b.asked("a"))
    b.require_closed()


def case_all_rights(b):
    """Whoever calls it, in whatever process: it has what geopause was started with."""
    with open("/proc/self/status", encoding="ascii") as file:
        mine = next(x.split()[1] for x in file if x.startswith("CapEff:"))
    b.policy(b.target("a"))
    for command in ("plan", "check", "pre", "status", "post", "pre", "restore"):
        b.run(command, *(["--owner", "none"] if command == "pre" else []))
    b.run("run", "--", "true")
    b.run("pre", "--owner", "none", "--window", "10s")
    until(lambda: not b.is_live("a"), "the watchdog reverts")
    with open(b.path("rights"), encoding="ascii") as file:
        less = {x for x in file.read().splitlines() if x.split()[1] != mine}
    require(not less, "instead of %s: %s" % (mine, sorted(less)))


def case_unsafe_program(b):
    b.policy(b.target("a"))
    os.chmod(b.scripted, 0o775)
    requires(b.pre(status=5), r"targets\[0\]\.command\[0\]: .*others than its owner can write it")


def case_nft_first(b):
    """exec's apply fails: the nftables lift is rolled back."""
    b.nft(RULESET)
    before = b.ruleset()
    b.policy(NFT_TARGET, b.target("a"))
    b.behave(a={"apply": "not-done"})
    requires(b.pre(status=FAILED), 'target a: "apply" was not done')
    require(b.ruleset() == before, "the ruleset is not what it was:\n" + b.ruleset())
    b.require_closed()
    b.behave()
    b.pre()
    require(b.ruleset() != before and b.is_live("a"), "not both are lifted")
    b.post()
    require(b.ruleset() == before, "the ruleset is not what it was:\n" + b.ruleset())
    b.require_closed()


def case_nft_last(b):
    """nftables cannot: nothing is asked of exec, or it is taken back."""
    b.nft(RULESET)
    before = b.ruleset()
    b.policy(b.target("a"), dict(NFT_TARGET, rules={"set": "missing"}))
    b.pre(status=5)
    require(b.calls() == [], b.calls())
    b.policy(b.target("a"), NFT_TARGET)
    b.behave(a={"apply": "flush"})
    text = b.pre(status=5)
    requires(text, "inet filter")
    require(b.calls() == ["a apply", "a revert"], b.calls())
    b.require_closed()
    b.behave()
    b.nft(RULESET)
    before = b.ruleset()
    b.pre()
    b.post()
    require(b.ruleset() == before, "the ruleset is not what it was:\n" + b.ruleset())
    b.require_closed()
