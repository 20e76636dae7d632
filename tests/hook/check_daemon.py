# SPDX-License-Identifier: GPL-3.0-or-later
"""What the watchdog is: a process of its own, with nothing of who started it, and few rights."""

import contextlib
import fcntl
import os
import signal
import subprocess
import time

import sandbox
from bench import PATIENCE, wait_until
from watched import SOON, Client, closes, fds_of, opening, seen, stays_open, watches

CAP_SYS_RESOURCE = 24  # linux/capability.h; a container's root may not have it


def boottime():
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def proc(pid, name):
    with open(f"/proc/{pid}/{name}", encoding="ascii") as f:
        return f.read()


def test_nothing_of_the_callers(b):
    """Whoever waits for the end of the hook's output waits for the hook alone."""
    for behaviour, status in (({}, 0), ({"apply": "not-done"}, 1), ({"apply": "kill-after"}, -9)):
        b.behave(**behaviour)
        with contextlib.ExitStack() as stack:
            ends_of = [os.pipe() for _ in range(5)]
            lock = stack.enter_context(open(b.path("theirs"), "w", encoding="ascii"))
            fcntl.flock(lock, fcntl.LOCK_EX)
            extra = [w for _, w in ends_of[2:]] + [lock.fileno()]
            high = fcntl.fcntl(ends_of[4][1], fcntl.F_DUPFD, 900)
            process = subprocess.Popen(
                b.argv("pre", "--lease", "a"), stdin=subprocess.PIPE, stdout=ends_of[0][1],
                stderr=ends_of[1][1], pass_fds=extra + [high], env={}, cwd=b.dir)
            for _, write_end in ends_of:
                os.close(write_end)
            os.close(high)
            assert process.wait(PATIENCE) == status
            began = time.monotonic()
            for read_end, _ in ends_of:
                while os.read(read_end, 4096):
                    pass
                os.close(read_end)
            assert time.monotonic() - began < SOON
            process.stdin.close()
            lock.close()
            with open(b.path("theirs"), encoding="ascii") as again:
                fcntl.flock(again, fcntl.LOCK_EX | fcntl.LOCK_NB)
        b.behave()
        if status == 0:
            seen(b)
            b.ok("post", "--lease", "a", says="closed")
        closes(b, f"pre: {status}")


def test_a_daemon(b):
    b.use_module()
    b.ok("pre", "--lease", "a")
    pid = seen(b)
    assert os.readlink(f"/proc/{pid}/cwd") == "/"
    fds = {}

    def looks():
        """It has begun to, and does not hold the lock that it needs to change something."""
        fds.clear()
        fds.update(fds_of(pid))
        targets = fds.values()
        return "anon_inode:[signalfd]" in targets and os.path.join(b.state, "lock") not in targets
    wait_until(looks)
    assert [fds.pop(fd) for fd in range(3)] == ["/dev/null"] * 3
    for target in fds.values():
        if target == b.module:  # it must not be taken for the next one
            continue
        assert target.startswith(("anon_inode:", b.state)), fds
    assert os.getsid(pid) == pid and os.getpgid(pid) == pid
    ours = int(proc("self", "status").split("CapEff:\t")[1].split()[0], 16)
    if ours >> CAP_SYS_RESOURCE & 1:
        assert int(proc(pid, "oom_score_adj")) == -900
    assert proc(pid, "comm") == "geopause-watch\n"


def test_it_outlives_the_terminal(b):
    """The whole process group of the hook is killed, as a terminal or a shell may do."""
    with Client() as client:
        shell = subprocess.Popen(
            ["sh", "-c", '"$@"; kill -9 0', "-"] + b.argv("pre", *client.owner),
            start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        shell.communicate(timeout=PATIENCE)
        assert shell.returncode == -signal.SIGKILL
        stays_open(b)
        client.die()
        closes(b, "owner ended")


def test_relative_paths(b):
    """The watchdog leaves the directory that they are relative to."""
    with Client() as client:
        argv = [b.exe, "pre", "--state", "state", "--policy", "policy.json", *client.owner]
        done = subprocess.run(argv, cwd=b.dir, text=True, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr
        client.die()
        closes(b, "owner ended")
    done = b.ok("history", "--json")
    assert "owner ended" in done.out, done.out


def lasting(b, pid):
    """Its descriptors, but for the lock, which it may just be holding."""
    lock = os.path.join(b.state, "lock")
    return {fd: target for fd, target in fds_of(pid).items() if target != lock}


def test_it_leaks_nothing(b):
    """Each lease that comes and goes makes it watch all owners anew."""
    with Client() as client:
        b.ok("pre", *client.owner)
        pid = seen(b)
        watches(b, 1)
        before = lasting(b, pid)
        for _ in range(20):
            b.ok("pre", "--owner", str(os.getpid()))
            watches(b, 2)
            b.ok("post", "--owner", str(os.getpid()))
            watches(b, 1)
        wait_until(lambda: lasting(b, pid) == before)


# linux/capability.h
DAC_READ_SEARCH, KILL, NET_ADMIN = 2, 5, 12


def rights_of(pid):
    status = dict(line.split(":\t", 1) for line in proc(pid, "status").splitlines())
    assert status["CapEff"] == status["CapPrm"] and int(status["CapAmb"], 16) == 0, status
    return int(status["CapEff"], 16), status["NoNewPrivs"]


def test_rights_of_the_verbs(b):
    """In the middle of their work, when the policy has been read: what the manual tells of."""
    ours = int(proc("self", "status").split("CapEff:\t")[1].split()[0], 16)
    for verb, args, rights in (("pre", (), (NET_ADMIN, CAP_SYS_RESOURCE)),
                               ("pre", ("--stop-client",), (KILL, NET_ADMIN, CAP_SYS_RESOURCE)),
                               ("run", ("--", "true"), (KILL, NET_ADMIN, CAP_SYS_RESOURCE)),
                               ("post", (), (NET_ADMIN,)),
                               ("restore", (), (DAC_READ_SEARCH, NET_ADMIN))):
        if verb in ("post", "restore"):
            b.ok("pre")
            b.unwatch()
        b.forget_calls()
        with opening(b, *args, verb=verb) as process:
            found, no_new_privs = rights_of(process.pid)
            wanted = sum(1 << right for right in rights) & ours
            assert found == wanted and no_new_privs == "1", (verb, args, f"{found:x}")
        _, err = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0, err
        b.ok("restore")
        b.closed()


def test_rights_of_the_command(b):
    """run gives up its own when COMMAND has been forked."""
    grep = ("grep", "-E", "^(Cap|NoNewPrivs)", "/proc/self/status")
    direct = subprocess.run(grep, text=True, capture_output=True, check=True)
    assert b.ok("run", "-q", "--", *grep).out == direct.stdout


def test_its_rights(b):
    b.ok("pre", "--lease", "a")
    status = dict(line.split(":\t", 1) for line in proc(seen(b), "status").splitlines())
    net_admin = f"{1 << 12:016x}"
    assert status["CapEff"] == status["CapPrm"] == net_admin, status
    assert int(status["CapInh"], 16) & ~(1 << 12) == 0 and int(status["CapAmb"], 16) == 0, status
    assert status["NoNewPrivs"] == "1" and status["Threads"] == "1", status


def test_killed_by_a_sandbox(b):
    """Before it has said that it is there: nobody is told of a window that it watches over."""
    kills = sandbox.kills_at(sandbox.SETSID)
    done = b.ok("pre", "--owner", str(os.getpid()), preexec_fn=kills, says="there is no watchdog")
    assert not b.watchdogs(), done.err
    lease, = b.journal()["leases"]
    assert b.journal()["heartbeat_s"] == 0 and lease["expires"] <= boottime() + 600
    b.ok("post", "--owner", str(os.getpid()))
    b.closed()
