# SPDX-License-Identifier: GPL-3.0-or-later
"""The policy's "alert": who is told what, and that nobody waits for it."""

import copy
import json
import os
import socket
import subprocess
import time

from bench import PATIENCE, POLICY, wait_until

PROGRAM = """#!/bin/sh
cat > "$1/alert-$$.tmp"
{ env; grep -e Cap -e NoNewPrivs /proc/self/status; ls -l /proc/self/fd; } > "$1/alert.env"
mv "$1/alert-$$.tmp" "$1/alert-$GEOPAUSE_EVENT.json"
%s
"""


def prepare(b, end=""):
    """A policy with an alert program that writes what it gets."""
    with open(b.path("program"), "w", encoding="ascii") as f:
        f.write(PROGRAM % end)
    os.chmod(b.path("program"), 0o755)
    policy = copy.deepcopy(POLICY)
    policy["alert"] = [b.path("program"), b.dir]
    b.policy(policy)


def told(b, event):
    """What the program got by this event, once it got it; a watchdog tells of its own."""
    path = b.path("alert-%s.json" % event)
    wait_until(lambda: os.path.exists(path))
    with open(path, encoding="ascii") as f:
        alert = json.load(f)
    os.unlink(path)
    assert alert["event"] == event, alert
    return alert


def test_alert_success(b):
    prepare(b)
    b.ok("pre", "--lease", "a")
    b.ok("post", "--lease", "a")
    b.ok("restore")
    b.ok("run", "--", "true")
    b.ok("run", "--", "false", status=1)
    time.sleep(0.3)
    assert not [n for n in os.listdir(b.dir) if n.startswith("alert")], os.listdir(b.dir)


def test_alert_of_pre(b):
    prepare(b)
    b.behave(apply="not-done")
    done = b.ok("pre", "--lease", "a", status=1)
    alert = told(b, "pre")
    assert alert["version"] == 1 and alert["status"] == 1, alert
    assert alert["host"] == socket.gethostname(), alert
    assert abs(alert["time"] - time.time()) < 30, alert
    assert alert["message"] in done.err and "nothing" in alert["message"], (alert, done.err)


def test_alert_of_the_others(b):
    prepare(b)
    b.ok("pre", "--lease", "a")
    b.behave(revert="not-done", sweep="not-done")
    b.ok("post", "--lease", "a", status=3)
    assert told(b, "post")["status"] == 3
    b.ok("restore", status=3)
    alert = told(b, "restore")
    assert alert["status"] == 3 and "geopause restore" in alert["message"], alert
    b.behave(apply="not-done")
    b.ok("restore")
    b.ok("run", "--", "true", status=125)
    told(b, "run")


def test_alert_program(b):
    """Its environment, its rights, and nothing of geopause's."""
    prepare(b)
    b.behave(apply="not-done")
    b.ok("pre", "--lease", "a", status=1, env={"SECRET": "x", "PATH": "/nonexistent"})
    alert = told(b, "pre")
    with open(b.path("alert.env"), encoding="utf-8") as f:
        text = f.read()
    assert "SECRET" not in text and "GEOPAUSE_EVENT=pre\n" in text, text
    assert "GEOPAUSE_STATUS=1\n" in text, text
    assert "GEOPAUSE_MESSAGE=" + alert["message"] + "\n" in text, text
    with open("/proc/self/status", encoding="ascii") as f:
        rights = [line for line in f if line.startswith("Cap") or line.startswith("NoNew")]
    assert len(rights) == 6, rights
    for line in rights:
        assert line in text, (line, text)
    assert b.state not in text, text


def test_alert_never_waits(b):
    """The hook, and whoever reads its output to the end, are done before a slow program."""
    prepare(b, end=f"while [ -e {b.path('program')} ]; do sleep 0.1; done")
    b.behave(apply="not-done")
    b.ok("pre", "--lease", "a", status=1)  # and the end of its output
    b.behave()
    b.ok("pre", "--lease", "a")
    b.ok("post", "--lease", "a")
    told(b, "pre")


def test_alert_outlives_the_terminal(b):
    """The whole process group of the hook is killed, as a terminal or a shell may do."""
    prepare(b)
    b.behave(inspect="unknown")
    with b.changing():  # the firewall's lock: pre waits until the alerter has its session
        shell = subprocess.Popen(
            ["sh", "-c", '"$@"; kill -9 0', "-"] + b.argv("pre", "--lease", "a"),
            start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        wait_until(lambda: "geopause-alert" in b.processes().values())
    shell.communicate(timeout=PATIENCE)
    told(b, "pre")
