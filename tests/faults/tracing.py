# SPDX-License-Identifier: GPL-3.0-or-later
"""
System calls: which ones a verb or a phase of the watchdog's life makes, and how strace is put
between. strace counts the calls of each name, for each process by itself; so does a point: (name,
how many of that name before and with it).

A verb runs under strace; its watchdog, a child, is not followed. The watchdog is attached to while
it is stopped, so that none of its calls is missed:

start   as a child, see below
others  SIGSTOP, strace, then what the phase is about, SIGCONT

A child (the watchdog, a program of an exec target or of iptables) is left stopped at its birth by
nth_child.c, which gets at a verb while that waits for the state's lock: it is held here.
"""
import collections
import contextlib
import fcntl
import os
import re
import signal
import subprocess
import time

from bed import HEARTBEAT_S, Wrong, state_of, wait_until

CALL = re.compile(r"(\w+)\(")
DEADLINE_S = 20


def trace_of(bed):
    return os.path.join(bed.work, "trace")


def count(names):
    """Points, in the order of the calls."""
    seen = collections.Counter()
    points = []
    for name in names:
        seen[name] += 1
        points.append((name, seen[name]))
    return points


def strace(path="/dev/null", inject=None):
    return ["strace", "-o", path] + (["-e", "inject=" + inject] if inject else [])


def read(path):
    with open(path, encoding="utf-8", errors="replace") as f:
        return f.read()


def read_names(path):
    return [m.group(1) for m in map(CALL.match, read(path).splitlines()) if m]


# --- verbs ---

Verb = collections.namedtuple("Verb", "name argv client")
VERBS = (
    Verb("pre", ["pre", "--challenge", "http-01"], 0),
    Verb("pre (joining)", ["pre"], 1),
    Verb("post", ["post"], 0),
    Verb("restore", ["restore"], None),
)


def prepare_verb(bed, verb):
    if verb.name != "pre":
        bed.open()
        bed.watchdog()


def argv_of(bed, verb):
    return verb.argv + (bed.owner(verb.client) if verb.client is not None else [])


def run_verb(bed, verb, path="/dev/null", inject=None):
    return bed.geopause(argv_of(bed, verb), wrap=strace(path, inject))


def verb_points(bed, verb):
    path = trace_of(bed)
    prepare_verb(bed, verb)
    done = run_verb(bed, verb, path)
    if done.returncode:
        raise Wrong("%s under strace: exit %d, %s" % (verb.name, done.returncode, done.stderr))
    return count(read_names(path))


# --- children ---

class NthChild:
    """Of a process, from now on: waits for it, and leaves it stopped."""

    def __init__(self, bed, pid, n):
        self.process = subprocess.Popen([os.path.join(bed.tools, "nth_child"), str(pid), str(n)],
                                        stdout=subprocess.PIPE, text=True)
        if "attached" not in self.process.stdout.readline():
            raise Wrong("nth_child cannot attach to process %d" % pid)

    def pid(self):
        """0: the process has ended with fewer children."""
        line = self.process.stdout.readline()
        self.process.stdout.close()
        status = self.process.wait(DEADLINE_S)
        if status > 1:
            raise Wrong("nth_child: exit %d" % status)
        return int(line or 0)


@contextlib.contextmanager
def locked_state(bed):
    os.makedirs(bed.state, 0o700, exist_ok=True)
    with open(os.path.join(bed.state, "lock"), "a", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield lock.name


def has_open(pid, path):
    try:
        fds = ["/proc/%d/fd/%s" % (pid, fd) for fd in os.listdir("/proc/%d/fd" % pid)]
    except OSError:
        return False
    for fd in fds:
        with contextlib.suppress(OSError):
            if os.readlink(fd) == path:
                return True
    return False


def popen(bed, argv):
    return subprocess.Popen([bed.program, *argv, *bed.options], text=True,
                            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                            env={**os.environ, "ASAN_OPTIONS": "detect_leaks=0"})


def start_verb(bed, argv, nth):
    """The verb (Popen), and its nth child (NthChild)."""
    with locked_state(bed) as lock:
        verb = popen(bed, argv)
        if not wait_until(lambda: has_open(verb.pid, lock), DEADLINE_S):
            raise Wrong("%s does not wait for the lock" % argv[0])
        return verb, NthChild(bed, verb.pid, nth)


# --- the watchdog ---

class Attached:
    """strace that is attached to a stopped process, which goes on with go()."""

    def __init__(self, pid, path="/dev/null", inject=None, more=()):
        self.pid = pid
        self.tracer = subprocess.Popen(strace(path, inject) + list(more) + ["-p", str(pid)],
                                       stderr=subprocess.PIPE, text=True)
        line = self.tracer.stderr.readline()
        if "attached" not in line:
            raise Wrong("strace: " + line)

    def go(self):
        os.kill(self.pid, signal.SIGCONT)

    def ended(self, seconds):
        """The process is dead, and so strace has nothing left to do."""
        try:
            self.tracer.wait(seconds)
            return True
        except subprocess.TimeoutExpired:
            return False

    def detach(self):
        if self.tracer.poll() is None:
            self.tracer.terminate()
        self.tracer.wait()
        self.tracer.stderr.close()


def stop(pid):
    os.kill(pid, signal.SIGSTOP)
    if not wait_until(lambda: state_of(pid) in "T", DEADLINE_S):
        raise Wrong("process %d does not stop" % pid)


class Phase:
    """begin() leaves the watchdog attached to and stopped."""
    name = ""
    closing = False  # the watchdog ends by it
    pre = None       # the opener, where it still runs
    attached = None

    def __init__(self, bed):
        self.bed = bed

    def open(self):
        self.bed.open()

    def begin(self, path="/dev/null", inject=None):
        self.open()
        pid = self.bed.watchdog()
        stop(pid)
        self.attached = Attached(pid, path, inject)
        self.happen()

    def happen(self):
        """What the watchdog will find when it goes on."""

    def finish_pre(self):
        """(exit status, stderr) of the opener."""
        if not self.pre:
            return 0, ""
        _, stderr = self.pre.communicate(timeout=DEADLINE_S)
        return self.pre.returncode, stderr


class Start(Phase):
    name = "start"

    def begin(self, path="/dev/null", inject=None):
        self.pre, child = start_verb(
            self.bed, ["pre", "--challenge", "http-01", *self.bed.owner(0)], 1)
        pid = child.pid()
        if not pid:
            raise Wrong("pre has not forked a watchdog")
        self.attached = Attached(pid, path, inject)


class Beat(Phase):
    name = "heartbeat"

    def happen(self):
        time.sleep(HEARTBEAT_S / 3 + 0.1)


class Relift(Phase):
    name = "lift again"

    def happen(self):
        self.bed.load()


class OwnerDies(Phase):
    name = "the owner dies"
    closing = True

    def happen(self):
        self.bed.end_clients()


class Terminated(Phase):
    name = "SIGTERM"
    closing = True

    def open(self):
        self.bed.must("pre", "--challenge", "http-01", "--lease", "test")

    def happen(self):
        os.kill(self.attached.pid, signal.SIGTERM)


PHASES = (Start, Beat, Relift, OwnerDies, Terminated)


def one_idle_round(names):
    """Without the rounds of polling after the last thing that was done, but the first."""
    last = max(i for i, name in enumerate(names) if name == "flock")
    polls = [i for i, name in enumerate(names) if name in ("poll", "ppoll") and i > last]
    return names[:polls[1]] if len(polls) > 1 else names


def is_idle(path):
    """It has done something, and polls again."""
    names = read_names(path)
    return "flock" in names and len(names) > len(one_idle_round(names))


def phase_points(bed, phase):
    path = trace_of(bed)
    it = phase(bed)
    it.begin(path)
    it.attached.go()
    status, stderr = it.finish_pre()
    ended = it.attached.ended(DEADLINE_S if it.closing else 0.6)
    if not it.closing:
        wait_until(lambda: is_idle(path), DEADLINE_S)
    it.attached.detach()
    if status or ended != it.closing:
        raise Wrong("the watchdog under strace: %s, ended %d, pre %d %s" % (it.name, ended, status,
                                                                           stderr))
    names = read_names(path)
    return count(names if it.closing else one_idle_round(names))


def points_of(bed, what):
    return (verb_points if what in VERBS else phase_points)(bed, what)


SUBJECTS = [(what, points_of) for what in (*VERBS, *PHASES)]
