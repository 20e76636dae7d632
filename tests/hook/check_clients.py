# SPDX-License-Identifier: GPL-3.0-or-later
"""run and its COMMAND, many clients at once, --stop-client, scripts of cron."""

import contextlib
import os
import shutil
import signal
import subprocess

from bench import PATIENCE, alive, wait_until
from watched import TIMED, Client, closes, lifted, opening, seen, stays_open


# --- run ---

def test_two_runs_at_once(b):
    fifo = b.path("go")
    os.mkfifo(fifo)
    runs = [b.start("run", "--", "sh", "-c", f"touch {b.path(name)}; read line < {fifo}")
            for name in ("one", "two")]
    wait_until(lambda: os.path.exists(b.path("one")) and os.path.exists(b.path("two")))
    assert len(b.lifts()) == 1 and len(b.journal()["leases"]) == 2
    watchdog = seen(b)
    with open(fifo, "w", encoding="ascii") as go:
        go.write("go\n")
        go.flush()
        wait_until(lambda: len(b.journal()["leases"]) == 1)
        stays_open(b)
        assert seen(b) == watchdog
        go.write("go\n")
    for process in runs:
        _, err = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0, err
    closes(b, "both ended")


def test_hooks_below_run(b):
    """A client's own pre and post under run: the window is COMMAND's until it ends."""
    pre, post = (" ".join(b.argv(verb, "-q")) for verb in ("pre", "post"))
    script = (f"{pre} && {pre} && {post} && touch {b.path('done')}; "
              f"while [ ! -e {b.path('go')} ]; do sleep 0.05; done")
    for options in ((), ("--guard",)):
        process = b.start("run", *options, "--", "sh", "-c", script)
        wait_until(lambda: os.path.exists(b.path("done")))
        if options:
            b.closed()
        else:
            stays_open(b)
        with open(b.path("go"), "w", encoding="ascii"):
            pass
        process.communicate(timeout=PATIENCE)
        assert process.returncode == 0
        closes(b, f"COMMAND ended {options}")
        os.unlink(b.path("go"))
        os.unlink(b.path("done"))


def test_run_is_killed(b):
    process = b.start("run", "--", "sh", "-c", f"echo $$ > {b.path('pid')}; exec sleep 100",
                      stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_until(lambda: os.path.exists(b.path("pid")) and os.path.getsize(b.path("pid")))
    with open(b.path("pid"), encoding="ascii") as f:
        pid = int(f.read())
    process.kill()
    process.wait()
    stays_open(b)
    assert alive(pid)
    os.kill(pid, signal.SIGTERM)
    closes(b, "COMMAND ended, run killed")


def test_run_hangs(b):
    """run is given a moment to close by itself, and no more."""
    process = b.start("run", "--", "sh", "-c", f"touch {b.path('ran')}; {wait_for(b, 'go')}exit 7")
    wait_until(lambda: os.path.exists(b.path("ran")))
    process.send_signal(signal.SIGSTOP)
    stays_open(b, 0.2)
    touch(b, "go")
    closes(b, "COMMAND ended, run stopped")
    process.send_signal(signal.SIGCONT)
    process.communicate(timeout=PATIENCE)
    assert process.returncode == 7


# --- many ---

def test_fifty_pairs_at_once(b):
    """Clients of all kinds; every one finds it open in between, and there is one window at a time."""
    pairs = []
    look = f"grep -q until {b.path('live.json')}"
    for i in range(50):
        whose = [f"--lease l{i}", "--owner $$", "--owner none"][i % 3]
        pre, post = (" ".join(b.argv(verb)) + " " + whose for verb in ("pre", "post"))
        script = f"{pre} || exit 10; {look} || exit 11; {post} || exit 12; exit 0"
        pairs.append(subprocess.Popen(["sh", "-c", script], stderr=subprocess.PIPE, text=True))
    for process in pairs:
        _, err = process.communicate(timeout=100)
        assert process.returncode == 0, (process.returncode, err)
    closes(b, "100 hooks")
    calls = [c.split()[:2] for c in b.calls() if not c.startswith(("sweep", "extend"))]
    assert "overlap" not in b.verbs(), calls
    for lift, revert in zip(calls[::2], calls[1::2]):
        assert (lift[0], revert[0]) == ("apply", "revert") and lift[1] == revert[1], calls


def test_many_look_while_it_starts(b):
    """status reads the watchdog's lock; that must not keep one from starting."""
    lookers = [subprocess.Popen(["sh", "-c", f"while {' '.join(b.argv('status'))}; do :; done"],
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
               for _ in range(2)]
    try:
        for _ in range(30):
            done = b.ok("pre", "--lease", "a")
            assert "no watchdog" not in done.err, done.err
            b.ok("post", "--lease", "a")
    finally:
        for process in lookers:
            process.kill()
            process.wait()


# --- clients ---

def client_script(b, name, text):
    path = b.path(name)
    with open(path, "w", encoding="ascii") as f:
        f.write("#!/bin/sh\n" + text)
    os.chmod(path, 0o755)
    return path


def test_stop_client(b):
    """A client that goes on after a failing hook, as certbot does: it is ended."""
    pre = " ".join(b.argv("pre", "--stop-client"))
    client = client_script(b, "dehydrated", f"{pre} || :\ntouch {b.path('went-on')}\n")

    def run():
        with contextlib.suppress(FileNotFoundError):
            os.unlink(b.path("went-on"))
        process = subprocess.Popen([client], stderr=subprocess.PIPE, text=True)
        _, err = process.communicate(timeout=PATIENCE)
        return process, err
    process, err = run()
    assert process.returncode == 0 and os.path.exists(b.path("went-on")), err
    assert "SIGTERM" not in err, err
    closes(b, "the client ended")
    b.behave(plan="refuse")
    process, err = run()
    assert process.returncode == -signal.SIGTERM, (process.returncode, err)
    assert not os.path.exists(b.path("went-on"))
    assert f"sent SIGTERM to dehydrated (process {process.pid})" in err, err


def test_stop_client_of_an_option(b):
    b.behave(plan="refuse")
    with Client() as client:
        b.ok("pre", "--stop-client", *client.owner, status=1,
             says=f"sent SIGTERM to the client (process {client.pid})")
        assert client.process.wait(PATIENCE) == -signal.SIGTERM
    for whose in (TIMED, ("--lease", "a")):
        b.ok("pre", "--stop-client", *whose, status=1, says="there is no client to stop")


def test_stop_client_that_has_ended(b):
    """It is a zombie by then, which takes any signal."""
    b.behave(apply="not-done")
    with Client() as client:
        with opening(b, "--stop-client", *client.owner) as process:
            client.process.kill()
            os.waitid(os.P_PID, client.pid, os.WEXITED | os.WNOWAIT)
        _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1, err
    assert f"process {client.pid} could not be stopped: No such process" in err, err


# A shell by the name of a daemon that runs scripts: nobody above them lives as long as an issuance.
def cron(b, script):
    if not os.path.exists(b.path("cron")):
        shutil.copy("/bin/sh", b.path("cron"))
    return subprocess.Popen([b.path("cron"), "-c", f"sh {script} & wait"], stdin=subprocess.DEVNULL,
                            stderr=subprocess.PIPE, text=True, start_new_session=True)


def wait_for(b, name):
    return f"while [ ! -e {b.path(name)} ]; do sleep 0.05; done\n"


def touch(b, name):
    with open(b.path(name), "w", encoding="ascii"):
        pass


def test_no_client_above(b):
    pre, post = (" ".join(b.argv(verb)) for verb in ("pre", "post"))
    script = client_script(b, "renew", f"{pre}\n{post}\n")
    _, err = cron(b, script).communicate(timeout=PATIENCE)
    assert "no ACME client was found above this hook: a timed lease, until" in err, err
    assert "closed after" in err, err
    closes(b, "post")


def test_lease_of_another_script(b):
    """A post whose own pre failed does not give back what a script that still runs has taken."""
    pre, post = (" ".join(b.argv(verb)) for verb in ("pre", "post"))
    first = cron(b, client_script(b, "first", f"{pre}\n{wait_for(b, 'go')}{post}\n"))
    wait_until(lambda: lifted(b))
    b.behave(plan="refuse")
    second = client_script(b, "second", f"{pre} --challenge dns-01 && exit 9\n{post}\n")
    process = cron(b, second)
    _, err = process.communicate(timeout=PATIENCE)
    assert "the window stays open for a timed lease" in err, err
    assert "no lease of this caller" in err, err
    b.behave()
    with b.changing(generations=1):
        pass
    stays_open(b)  # and the watchdog does not lift what the second one wanted
    touch(b, "go")
    _, err = first.communicate(timeout=PATIENCE)
    assert "closed after" in err, err
    closes(b, "post of the same script")


def test_lease_of_a_script_that_ended(b):
    """Two entries of a crontab, one that opens and one that closes."""
    pre, post = (" ".join(b.argv(verb)) for verb in ("pre", "post"))
    cron(b, client_script(b, "opens", f"{pre}\n")).communicate(timeout=PATIENCE)
    stays_open(b)
    _, err = cron(b, client_script(b, "closes", f"{post}\n")).communicate(timeout=PATIENCE)
    assert "closed after" in err, err
    closes(b, "post of another script")
