# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands in the way of a change: locks, deaths, memory, missing programs."""
import errno
import os
import signal
import time

from beds import LOCK, require
from scene import (Scene, at_the_replacement, held_lock, kill_running, no_memory_for_ipv6, start,
                   wait_until)


def lock_is_held(args):
    with Scene(args) as scene:
        with held_lock():
            scene.expect(4, "pre", "--lease", "a", says=[LOCK, "lslocks"])
        scene.unchanged("busy")
        scene.expect(0, "pre", "--lease", "a")
        scene.expect(0, "post", "--lease", "a")


def waits_for_the_lock(args):
    with Scene(args) as scene:
        with held_lock():
            pre = start(scene, "pre", "--lease", "a")
            time.sleep(0.5)
            require(pre.poll() is None, "it does not wait for the lock")
        require(pre.wait(timeout=10) == 0, "pre: exit %s" % pre.returncode)
        scene.matrix(True, "lifted")
        scene.expect(0, "post", "--lease", "a")
        scene.unchanged("after post")


def killed_while_it_waits(args):
    with Scene(args) as scene:
        with held_lock():
            pre = start(scene, "pre", "--lease", "a")
            time.sleep(0.5)
            pre.send_signal(signal.SIGKILL)
            pre.wait()
        time.sleep(0.5)
        scene.unchanged("killed while it waited")
        with held_lock():
            pass
        scene.expect(0, "restore")
        scene.unchanged("restored")


def killed_before_the_change(args):
    with Scene(args) as scene:
        pre = start(scene, "pre", "--lease", "a", wrap=at_the_replacement(scene, REPLACE_WAIT=3))
        time.sleep(0.5)
        kill_running(pre)
        time.sleep(3)
        scene.unchanged("killed before the change")
        scene.expect(0, "restore")
        scene.unchanged("restored")


def killed_before_the_counters(args):
    """The rules are changed at once; what was counted before is lost, and nothing else."""
    with Scene(args) as scene:
        pre = start(scene, "pre", "--lease", "a", wrap=at_the_replacement(scene, COUNTERS_WAIT=4))
        wait_until(scene.marks, "it does not lift")
        kill_running(pre)
        scene.expect(0, "restore")
        now = scene.bed.state()
        scene.before.require_same_rules(now, "restored")
        require(scene.before.lower_counters(now), "it was killed too late")


def end_watchdogs(scene):
    """If there are any; a file may name a process that has ended, and its number another one."""
    state = scene.program.state
    for name in os.listdir(state) if os.path.isdir(state) else []:
        if not name.startswith("watchdog-"):
            continue
        try:
            with open(os.path.join(state, name), encoding="ascii") as f:
                pid = int(f.read())
            with open("/proc/%d/cmdline" % pid, "rb") as f:
                if scene.program.path.encode() in f.read():
                    os.kill(pid, signal.SIGKILL)
        except (OSError, ValueError):
            pass


def killed_at_any_time(args):
    """
    pre and post, killed every 2 ms of the time that they take: `restore` makes it exact, but for
    counters if it was just between the rules and them.
    """
    lost = 0
    with Scene(args) as scene:
        for verb in ("pre", "post"):
            for delay in range(0, 100, 2):
                if verb == "post":
                    scene.expect(0, "pre", "--lease", "a")
                child = start(scene, verb, "--lease", "a")
                time.sleep(delay / 1000)
                child.send_signal(signal.SIGKILL)
                child.wait()
                end_watchdogs(scene)
                scene.expect(0, "restore")
                now = scene.bed.state()
                scene.before.require_same_rules(now, "%s killed after %d ms" % (verb, delay))
                if scene.before.lower_counters(now):
                    lost += 1
                    scene.bed.load_legacy(scene.rules, scene.rules6, sets="")
    require(lost <= 10, "counters were lost %d times" % lost)


def second_family_fails(args):
    """The first one's lift is taken back."""
    with Scene(args) as scene:
        scene.expect(1, "pre", "--lease", "a", wrap=no_memory_for_ipv6(scene),
                     says=["table filter, IPv6", os.strerror(errno.ENOMEM)])
        scene.unchanged("IPv6 failed")
        require(not scene.program.left_behind(), "left: %s" % scene.program.left_behind())


def without_programs(args):
    """Of iptables none is needed."""
    with Scene(args) as scene:
        scene.expect(0, "pre", "--lease", "a", wrap=hidden_programs(scene))
        scene.matrix(True, "lifted")
        scene.expect(0, "post", "--lease", "a", wrap=hidden_programs(scene))
        scene.unchanged("after post")


def hidden_programs(scene):
    folder = scene.program.state + ".sbin"
    script = ('mkdir -p {0}/real {0}/some && mount --bind /usr/sbin {0}/real && '
              'for p in {0}/real/*; do case $p in */ip*tables*|*/xtables*) ;; *) '
              'ln -sf $p {0}/some/;; esac; done && mount --bind {0}/some /usr/sbin && '
              'exec "$@"').format(folder)
    return ["unshare", "-m", "sh", "-c", script, "-"]


CASES = (lock_is_held, waits_for_the_lock, killed_while_it_waits, killed_before_the_change,
         killed_before_the_counters, killed_at_any_time, second_family_fails, without_programs)
