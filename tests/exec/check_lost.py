# SPDX-License-Identifier: GPL-3.0-or-later
"""Nobody can sweep what a program has lifted: what becomes of it when the journal is lost, in
another network namespace, or under another policy.
"""
import os
import subprocess

from bed import (NFT_TARGET, OPEN, RULESET, kill_watchdog, lose_journal, require, requires, until,
                 watchdogs)

ELSEWHERE = ["unshare", "--net"]


def elsewhere(b, command, *more, status=0):
    """In a network namespace that is gone afterwards."""
    return b.run(command, *more, status=status, before=ELSEWHERE)


def case_post_of_a_lost_journal(b):
    b.policy(b.target("a"), b.target("b"))
    b.pre()
    lose_journal(b)
    b.behave(a={"revert": "not-done"})
    requires(b.post(status=OPEN), r"may still be open in a \([^,]*\); run `geopause restore`")
    require(b.is_live("a") and not b.is_live("b"), "b is open, or a is not")
    b.behave()
    b.forget_calls()
    requires(b.post(), "taken back")
    require(b.calls() == ["a revert"], "b was taken back before: %s" % b.calls())
    b.require_closed()


def case_post_from_another_namespace(b):
    """It cannot close there, and says whose window it is; without a journal it can."""
    b.policy(b.target("a"))
    b.pre()
    text = elsewhere(b, "post", "--lease", "test", "--owner", "none", status=OPEN)
    requires(text, r"tcp 80, tcp 443 may still be open in a \(", "geopause restore")
    require(b.is_live("a"), "it was closed")
    elsewhere(b, "post", "--lease", "somebody's", "--owner", "none")
    require(b.is_live("a"), "it was closed")
    b.post()
    b.require_closed()
    b.pre()
    lose_journal(b)
    elsewhere(b, "post", "--lease", "somebody's", "--owner", "none")
    require(b.is_live("a"), "it was closed under its holder")
    elsewhere(b, "post", "--lease", "test", "--owner", "none")
    b.require_closed()


def case_container_restarted(b):
    """Its namespace and /run are gone, the boot is the same, and what it lifted stands."""
    b.policy(b.target("a"))
    elsewhere(b, "pre", "--lease", "test", "--owner", "none")
    lose_journal(b)
    requires(b.run("status", status=OPEN), "leftover: .*: a")
    b.run("restore", "--stale")
    require(b.is_live("a"), "it was closed under its holder")
    requires(b.run("restore"), "taken back")
    b.require_closed()
    elsewhere(b, "pre", "--lease", "test", "--owner", "none", "--window", "5s")
    lose_journal(b)
    until(lambda: b.run("restore", "--stale") and not b.is_live("a"), "its time is over")
    b.require_closed()


def case_namespace_gone(b):
    """Its journal is there, nobody can go there any more, and what a program did has to be undone."""
    b.nft(RULESET)
    b.policy(b.target("a"), b.target("b"))
    elsewhere(b, "pre", "--lease", "test", "--owner", "none")
    kill_watchdog(b)
    b.run("restore", "--stale")
    require(b.is_live("a"), "it was closed under its holder")
    b.behave(a={"revert": "not-done"})
    requires(b.run("restore", status=OPEN), r"may still be open in a \([^,]*\); run")
    require(not b.is_live("b"), "the other one was not closed")
    b.behave()
    requires(b.run("restore"), "taken back")
    b.require_closed()
    b.run("status")


def case_lost_under_the_watchdog(b):
    """It knows what was lifted, and goes on trying."""
    b.policy(b.target("a"))
    b.pre()
    b.behave(a={"revert": "not-done"})
    b.forget_calls()
    lose_journal(b, watched=True)
    until(lambda: len(b.calls("revert")) > 3, "it tries again")
    b.behave()
    until(lambda: not b.is_live("a"), "it takes it back")
    until(lambda: not watchdogs(b), "and ends")
    b.require_closed()
    b.run("status")


def less_rights(b):
    """Of calls that had not all that this test has."""
    with open("/proc/self/status", encoding="ascii") as file:
        mine = next(x.split()[1] for x in file if x.startswith("CapEff:"))
    with open(b.path("rights"), encoding="ascii") as file:
        return {x for x in file.read().splitlines() if x.split()[1] != mine}


def case_rights_of_another_policy(b):
    """Whose policy has no program any more, and yet has to run one."""
    b.nft(RULESET)
    b.policy(b.target("a"))
    b.pre()
    lose_journal(b)
    b.policy(NFT_TARGET)
    b.pre()
    require(not b.is_live("a"), "the next window did not take it back")
    b.post()
    b.policy(b.target("a"))
    b.pre()
    kill_watchdog(b)
    b.policy(NFT_TARGET)
    b.run("pre", "--owner", "none", "--lease", "other", "--window", "8s")
    b.post()
    # Closed by the watchdog that this one has brought.
    until(lambda: not b.is_live("a"), "the watchdog reverts")
    require(not less_rights(b), sorted(less_rights(b)))


def case_program_moved(b):
    """The record has the old path: it says what is missing, and for which target."""
    b.policy(b.target("a"))
    b.pre()
    moved = b.path("moved.py")
    os.rename(b.scripted, moved)
    b.policy(dict(b.target("a"), command=[moved]))
    requires(b.post(status=OPEN), "the program .*scripted.py: No such file",
             r"may still be open in a \(.*scripted.py\)")
    requires(b.run("status", status=OPEN), "scripted.py: No such file")
    subprocess.run(["ln", "-s", moved, b.scripted], check=True)
    b.run("restore")
    b.require_closed()
