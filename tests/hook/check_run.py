# SPDX-License-Identifier: GPL-3.0-or-later
"""run: exit statuses, signals, leases.

When COMMAND ends, run and the watchdog both close, and either may be the first.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time

from bench import PATIENCE, POLICY, wait_until
from watched import opening


def test_status_is_the_commands(b):
    for status in (0, 1, 3, 42, 255):
        b.ok("run", "--", "sh", "-c", f"exit {status}", status=status)
        b.closed()


def test_open_while_it_runs(b):
    script = f"cat {b.path('live.json')}; cat {b.state}/window-*.json"
    done = b.ok("run", "--", "sh", "-c", script)
    assert '"until"' in done.out and '"state":"open"' in done.out
    b.closed()


def test_output_and_arguments(b):
    done = b.ok("run", "-q", "--", "printf", "%s|", "a b", "--policy", "", "$HOME")
    assert done.out == "a b|--policy||$HOME|" and not done.err


def test_not_found_and_not_executable(b):
    b.ok("run", "--", "/nonexistent/command", status=127, says="No such file")
    b.closed()
    b.ok("run", "--", "/etc/passwd", status=126)
    b.closed()


def test_lift_fails(b):
    b.behave(plan="refuse")
    done = b.ok("run", "--", "touch", b.path("ran"), status=125, says="COMMAND was not run")
    assert not os.path.exists(b.path("ran"))
    b.ok("run", "--anyway", "--", "sh", "-c", f"touch {b.path('ran')}; exit 7", status=7,
         says="running COMMAND all the same")
    assert os.path.exists(b.path("ran")) and not done.out
    b.behave(inspect=["drifted", "live"], revert="not-done")
    b.ok("run", "--", "touch", b.path("ran2"), status=3)
    assert not os.path.exists(b.path("ran2"))


def test_close_fails(b):
    for end, says in (("exit 9", "status 9"), ("kill -9 $$", "signal 9")):
        b.behave(revert="not-done")
        b.ok("run", "--", "sh", "-c", end, status=3, says="COMMAND ended with " + says)
        assert b.lifts()
        b.behave()
        b.ok("restore")
        b.closed()


def test_dies_of_the_same_signal(b):
    for sig in (signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV, signal.SIGINT):
        b.ok("run", "--", "sh", "-c", f"kill -{int(sig)} $$", status=-sig)
        b.closed()


def ready(b):
    return os.path.exists(b.path("ready"))


def trapping(b, *names):
    traps = " ".join(f"trap 'echo {n}; exit 5' {n};" for n in names)
    return ["sh", "-c", f"{traps} touch {b.path('ready')}; while :; do sleep 0.05; done"]


def test_forwards_term_and_hup(b):
    for name, sig in (("TERM", signal.SIGTERM), ("HUP", signal.SIGHUP)):
        process = b.start("run", "--", *trapping(b, name))
        wait_until(lambda: ready(b))
        process.send_signal(sig)
        out, _ = process.communicate(timeout=PATIENCE)
        assert process.returncode == 5 and name in out
        b.closed()
        os.unlink(b.path("ready"))


def test_ignores_int_and_quit(b):
    process = b.start("run", "--", "sh", "-c",
                      f"touch {b.path('ready')}; read line; exit 4", stdin=subprocess.PIPE)
    wait_until(lambda: ready(b))
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGQUIT)
    time.sleep(0.2)
    assert process.poll() is None
    process.communicate("go\n", timeout=PATIENCE)
    assert process.returncode == 4
    b.closed()


def test_the_commands_signals_are_the_callers(b):
    done = b.ok("run", "-q", "--", "grep", "-E", "^Sig(Blk|Ign)", "/proc/self/status")
    direct = subprocess.run(["grep", "-E", "^Sig(Blk|Ign)", "/proc/self/status"], text=True,
                            capture_output=True, check=True)
    assert done.out == direct.stdout, (done.out, direct.stdout)
    done = b.ok("run", "-q", "--", "sh", "-c", "umask; ls /proc/self/fd | wc -l")
    direct = subprocess.run(["sh", "-c", "umask; ls /proc/self/fd | wc -l"], text=True,
                            capture_output=True, check=True, stdin=subprocess.DEVNULL)
    assert done.out == direct.stdout, (done.out, direct.stdout)


def test_the_terminal(b):
    """COMMAND is in the foreground there, as its caller is, and may ask."""
    place = ("cut -d' ' -f5,6,8 /proc/$$/stat; read answer </dev/tty; test $answer = yes")
    terminal = f"""
import os, pty, sys
pid, fd = pty.fork()
if not pid:
    os.execv(sys.argv[1], sys.argv[1:])
os.write(fd, b"yes\\n")
said = b""
try:
    while (more := os.read(fd, 4096)):
        said += more
except OSError:
    pass
print(pid, os.waitpid(pid, 0)[1], said.decode())
"""
    argv = b.argv("run", "-q", "--", "sh", "-c", place)
    done = subprocess.run([sys.executable, "-c", terminal, *argv], text=True, capture_output=True,
                          timeout=PATIENCE, check=True)
    run, status, said = done.stdout.split(None, 2)
    assert status == "0" and f"{run} {run} {run}" in said, done.stdout
    b.closed()


def test_killing_run_closes_nothing(b):
    process = b.start("run", "--", "sh", "-c",
                      f"echo $$ > {b.path('pid')}; touch {b.path('ready')}; read line",
                      stdin=subprocess.PIPE)
    wait_until(lambda: ready(b))
    process.kill()
    process.wait()
    assert len(b.lifts()) == 1
    with open(b.path("pid"), encoding="ascii") as f:
        pid = int(f.read())
    b.ok("post", "--lease", "x", says=f"stays open for sh (process {pid})")
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not b.journals())
    b.closed()
    process.communicate()


def zombies_of(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as f:
        children = f.read().split()
    found = []
    for child in children:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            with open(f"/proc/{child}/stat", encoding="ascii") as f:
                if f.read().rsplit(") ", 1)[1][0] == "Z":
                    found.append(child)
    return found


def test_leaves_no_zombies(b):
    """A child that ends before COMMAND does, as a watchdog that is killed."""
    process = b.start("run", "--", "sh", "-c", f"touch {b.path('ready')}; read line",
                      stdin=subprocess.PIPE)
    wait_until(lambda: ready(b) and b.watchdog() > 0)
    os.kill(b.watchdog(), signal.SIGKILL)
    wait_until(lambda: not b.watchdogs() and not zombies_of(process.pid))
    process.communicate(timeout=PATIENCE)
    assert process.returncode == 1, process.returncode  # read's, at the end of its input
    b.closed()


def test_stays_open_beyond_the_heartbeat(b):
    b.policy(dict(POLICY, heartbeat="3s"))
    b.ok("run", "--", "sleep", "3.8")
    b.closed()
    until = [int(c.split()[-1]) for c in b.calls() if c.startswith("extend")]
    assert len(until) >= 2 and all(u == 3 for u in until), b.calls()


def test_restore_in_the_middle(b):
    process = b.start("run", "--window", "2s", "--", "sh", "-c",
                      f"touch {b.path('ready')}; sleep 2.5")
    wait_until(lambda: ready(b))
    b.ok("restore")
    b.closed()
    _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0 and "was closed already (restore)" in err, err
    b.closed()


def test_two_runs(b):
    first = b.start("run", "--", "sh", "-c", f"touch {b.path('ready')}; read line; exit 0",
                    stdin=subprocess.PIPE)
    wait_until(lambda: ready(b))
    b.ok("run", "--", "true", says="stays open")
    assert len(b.lifts()) == 1
    first.communicate("go\n", timeout=PATIENCE)
    assert first.returncode == 0
    b.closed()


def test_guard(b):
    pre = " ".join(b.argv("pre", "-q"))
    b.ok("run", "--guard", "--", "sh", "-c", f"{pre}; {pre}; exit 6", status=6)
    b.closed()
    b.ok("run", "--guard", "--", "true")
    assert b.verbs().count("apply") == 1
    b.ok("pre", "--lease", "other")
    b.ok("run", "--guard", "--", "sh", "-c", f"{pre}; exit 6", status=6,
         says="stays open for lease other")
    assert len(b.lifts()) == 1 and len(b.journal()["leases"]) == 1


def test_an_odd_name(b):
    """Escaped once, wherever it is told."""
    command = b.path('o d"d')
    os.symlink("/bin/true", command)
    b.ok("run", "--", command, says=r"held by o d\x22d (process ")
    window, = json.loads(b.ok("history", "--json").out)["windows"]
    assert window["who"].startswith(r"o d\x22d (process "), window


def test_somebody_was_first(b):
    """It is told who has closed the window: not that there is none."""
    process = b.start("run", "--", "sh", "-c", f"touch {b.path('ran')}; exec sleep 100")
    wait_until(lambda: os.path.exists(b.path("ran")))
    owner, = [lease["owner"]["pid"] for lease in b.journal()["leases"]]
    process.send_signal(signal.SIGSTOP)
    os.kill(owner, signal.SIGKILL)
    wait_until(lambda: not b.journals())
    process.send_signal(signal.SIGCONT)
    _, err = process.communicate(timeout=PATIENCE)
    assert "was closed already (owner ended)" in err, err


def test_no_place_for_a_window(b):
    """Nothing can be open, so COMMAND's status counts."""
    b.state = b.path("none", "state")
    for args in (("--guard",), ("--anyway",)):
        done = b.ok("run", *args, "--", "sh", "-c", "exit 6", status=6, says="there is no window")
        assert "stays open" not in done.err, done.err


def test_the_proc_of_another_pid_namespace(b):
    """As `unshare --pid` leaves it: COMMAND could not be watched over."""
    argv = ["unshare", "--pid", "--fork"] + b.argv("run", "--", "true")
    done = subprocess.run(argv, text=True, capture_output=True, check=False)
    assert done.returncode == 125, done
    assert "is /proc that of this pid namespace?" in done.stderr, done.stderr
    b.closed()


def test_hooks_inside_run(b):
    """A client with hooks of its own under run: its post must not close run's window."""
    pre, post = (" ".join(b.argv(verb, "-q")) for verb in ("pre", "post"))
    b.ok("run", "--", "sh", "-c", f"{pre} && {post} && grep until {b.path('live.json')}")
    b.closed()


def test_killed_while_lifting(b):
    b.behave(apply="kill-after")
    done = b.run("run", "--", "touch", b.path("ran"))
    assert done.returncode == -signal.SIGKILL
    assert not os.path.exists(b.path("ran")), "COMMAND must not start without us"
    b.behave()
    b.ok("restore")
    b.closed()


def test_interrupted_while_lifting(b):
    with opening(b, "--", "touch", b.path("ran"), verb="run") as process:
        process.terminate()
    process.communicate(timeout=PATIENCE)
    assert process.returncode == -signal.SIGTERM, process.returncode
    assert not os.path.exists(b.path("ran"))
    b.closed()
