# SPDX-License-Identifier: GPL-3.0-or-later
"""
A firewall with a geo-block, an ACME client (a process that sleeps) and a state directory, in a
network namespace of their own. Whoever makes a Bed is inside of it afterwards; several may exist at
a time, see enter().

Nothing outside is touched: processes are ended by their pid, and only those of this namespace.
"""
import ctypes
import glob
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from provider import Provider, RulesProvider

HEARTBEAT_S = 3  # the shortest that a policy may ask for
WINDOW_S = 10    # of a window without a watchdog; the shortest, too
DEAD_S = 10      # within which a watchdog that lives has closed after its client's death
NFT = """
table inet filter {
	set geo4 { type ipv4_addr; flags interval; elements = { 5.136.0.0/13, 77.88.0.0/18 }; }
	set allowed6 { type ipv6_addr; flags interval; elements = { 2003::/19 }; }
	chain input {
		type filter hook input priority filter; policy accept;
		ip saddr @geo4 counter drop comment "geo"
		ip6 saddr @allowed6 tcp dport { 80, 443 } accept
		ip6 saddr { 2a02:6b8::/32, 240e::/20 } drop comment "geo6"
		meta nfproto ipv6 tcp dport { 80, 443 } drop
	}
}
"""
SETS = """
create geo4 hash:net
create geo6 hash:net family inet6
add geo4 5.136.0.0/13
add geo4 77.88.0.0/18
add geo6 2a02:6b8::/32
"""
TABLE = """*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:GEO - [0:0]
-A INPUT -i lo -p icmp -j ACCEPT
-A INPUT -j GEO
-A GEO -m set --match-set geo%s src -j DROP
COMMIT
"""
BOX_TARGET = """
  { "name": "box", "backend": "exec", "command": ["%(work)s/box", "%(work)s/lifted"] }"""
XTABLES_LOCK = "/run/xtables.lock"
BLOCKED = "5.136.0.1"
CLONE_NEWNS = 0x00020000
CLONE_NEWNET = 0x40000000
ADDR_NO_RANDOMIZE = 0x0040000
LIBC = ctypes.CDLL(None, use_errno=True)


class Wrong(Exception):
    """What geopause promises did not hold."""


class Missed(Wrong):
    """Nothing has come to the point."""


def check_call(result):
    if result:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def wait_until(condition, seconds):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


def state_of(pid):
    """"S", "T", ... as in proc(5); "" if there is no such process."""
    try:
        with open("/proc/%d/stat" % pid, encoding="utf-8", errors="replace") as f:
            return f.read().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return ""


def leave_systemd_alone():
    """The machine's would be asked for a scope for each watchdog, and get thousands of messages."""
    if os.path.isdir("/run/systemd"):
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/run/systemd"], check=True)


def have_mounts_of_our_own():
    check_call(LIBC.unshare(CLONE_NEWNS))
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)


def run(*argv, text=None):
    return subprocess.run(argv, input=text, capture_output=True, text=True, check=True).stdout


class Box:
    """box.c: what it has lifted are files."""

    def __init__(self, bed):
        shutil.copy(os.path.join(bed.tools, "box"), bed.work)
        self.dir = os.path.join(bed.work, "lifted")
        self.target = BOX_TARGET % {"work": bed.work}
        os.mkdir(self.dir)

    @staticmethod
    def prepare():
        pass

    def lifted(self):
        return os.listdir(self.dir)

    def is_open(self, port):
        return bool(glob.glob("%s/*.%d.*" % (self.dir, port)))

    def close(self):
        pass


class Nftables:
    """Handles included, counters not: packets are counted whenever they come."""
    without = ()  # subjects that it does not have
    has_children = False  # it is programs that change it, or look at it
    machine_lock = False  # it has one for the whole machine
    expiry_s = HEARTBEAT_S  # in which the kernel closes it when nobody else does
    max_window_s = 3600
    has_rules = True
    outside = None  # the class of what no kernel closes: Box, or a provider
    targets = """
  { "backend": "nftables", "table": "inet filter", "rules": { "set": ["geo4", "allowed6"] } },
  { "backend": "nftables", "table": "inet filter", "rules": { "comment": "geo6" } }"""

    @staticmethod
    def load():
        run("nft", "-f", "-", text="flush ruleset" + NFT)

    @staticmethod
    def listing():
        return re.sub(r"packets \d+ bytes \d+", "", run("nft", "-a", "list", "ruleset"))


class Iptables(Nftables):
    """With nf_tables underneath."""
    variant = "nft"
    targets = """
  { "backend": "iptables", "table": "filter", "rules": { "set": ["geo4", "geo6"] } }"""

    def load(self):
        if "geo4" not in run("ipset", "list", "-n"):
            run("ipset", "restore", text=SETS)
        for tool, family in (("iptables", "4"), ("ip6tables", "6")):
            run("%s-%s-restore" % (tool, self.variant), text=TABLE % family)

    def listing(self):
        text = run("ipset", "save") + "".join(
            run("%s-%s-save" % (tool, self.variant)) for tool in ("iptables", "ip6tables"))
        if self.variant == "nft":
            text += Nftables.listing()
        return "\n".join(re.sub(r"\[\d+:\d+\]", "", line) for line in text.splitlines()
                         if not line.startswith("#"))


class Legacy(Iptables):
    """The window's end is what the kernel knows: there is no heartbeat."""
    variant = "legacy"
    machine_lock = True
    expiry_s = max_window_s = WINDOW_S


class Exec(Nftables):
    """A program of the administrator's, box.c: nobody but us closes what it has opened."""
    without = ("lift again",)  # nobody sees its firewall change
    expiry_s = 0
    has_rules = False
    has_children = True
    outside = Box
    targets = ""

    @staticmethod
    def load():
        pass

    @staticmethod
    def listing():
        return ""


class Both(Nftables):
    """Of two backends in one window."""
    has_children = True
    outside = Box


class Rest(Exec):
    """A provider's, see provider.py."""
    has_children = False
    outside = Provider


class RestPatch(Rest):
    """The same with a recipe of the other mode."""
    outside = RulesProvider


FIREWALLS = {"nftables": Nftables, "iptables-nft": Iptables, "iptables-legacy": Legacy,
             "exec": Exec, "nftables+exec": Both, "rest": Rest,
             "rest-patch": RestPatch}


def have_a_lock_of_our_own(work):
    """iptables' lock is one for the whole machine."""
    own = os.path.join(work, "xtables.lock")
    for path in (own, XTABLES_LOCK):
        with open(path, "a", encoding="ascii"):
            pass
    subprocess.run(["mount", "--bind", own, XTABLES_LOCK], check=True)


class Bed:
    firewall = None  # one of FIREWALLS
    tools = None     # the directory of box and nth_child

    def __init__(self, program):
        check_call(LIBC.unshare(CLONE_NEWNET))
        LIBC.personality(ADDR_NO_RANDOMIZE)  # else the number of brk(2) differs
        self.netns = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        self.program = program
        self.work = tempfile.mkdtemp(prefix="geopause-faults-")
        self.state = os.path.join(self.work, "state")
        subprocess.run(["ip", "-batch", "-"], input="link set lo up\naddr add %s/32 dev lo\n" %
                       BLOCKED, text=True, check=True)
        self.outside = self.firewall.outside(self) if self.firewall.outside else None
        policy = os.path.join(self.work, "policy.json")
        with open(policy, "w", encoding="ascii", opener=lambda p, f: os.open(p, f, 0o600)) as f:
            f.write('{ "version": 1, "heartbeat": "%ds", "window": "%ds", "max_window": "%ds", '
                    '"targets": [%s ] }' % (HEARTBEAT_S, WINDOW_S, self.firewall.max_window_s,
                                           ",".join(self.targets())))
        self.options = ["--state", self.state, "--policy", policy]
        self.clients = [subprocess.Popen(["sleep", "600"]) for _ in range(2)]
        self.load()

    def targets(self):
        return [text for text in (self.firewall.targets, self.outside and self.outside.target)
                if text]

    def enter(self):
        check_call(LIBC.setns(self.netns, CLONE_NEWNET))

    def close(self):
        self.end_clients()
        self.end_processes()
        if self.outside:
            self.outside.close()
        os.close(self.netns)
        shutil.rmtree(self.work)

    # --- the firewall ---

    def load(self):
        """Also again, as an administrator's reload does."""
        self.firewall.load()
        self.before = self.listing()

    def listing(self):
        return self.firewall.listing()

    def lifted(self):
        """What no kernel closes."""
        return self.outside.lifted() if self.outside else []

    def is_identical(self):
        return self.listing() == self.before and not self.lifted()

    def ways(self, port):
        """Whether each way through is open."""
        if self.firewall.has_rules:
            yield self.is_passed(port)
        if self.outside:
            yield self.outside.is_open(port)

    def is_open(self, port=80):
        return all(self.ways(port))

    def is_ajar(self, port):
        return any(self.ways(port))

    @staticmethod
    def is_passed(port=80):
        """By a packet from the blocked country: nobody listens, so it is refused or lost."""
        with socket.socket() as s:
            s.bind((BLOCKED, 0))
            s.settimeout(0.1)
            try:
                s.connect(("127.0.0.1", port))
            except ConnectionRefusedError:
                return True
            except socket.timeout:
                return False
        raise Wrong("somebody listens on port %d of a new network namespace" % port)

    # --- processes ---

    def owner(self, client):
        return ["--owner", str(self.clients[client].pid)]

    def geopause(self, argv, wrap=()):
        # LeakSanitizer, where it is compiled in, cannot work in a process that is traced.
        return subprocess.run([*wrap, self.program, *argv, *self.options], capture_output=True,
                              text=True, check=False, timeout=60,
                              env={**os.environ, "ASAN_OPTIONS": "detect_leaks=0"})

    def must(self, *argv):
        done = self.geopause(argv)
        if done.returncode:
            raise Wrong("%s: exit %d\n%s" % (argv[0], done.returncode, done.stderr))
        return done

    def status(self):
        return self.geopause(["status"])

    def open(self):
        self.must("pre", "--challenge", "http-01", *self.owner(0))

    def end_clients(self):
        for client in self.clients:
            client.kill()
            client.wait()

    def processes(self):
        """All in this namespace that are not ours: watchdogs, verbs that are not over yet."""
        ours = {os.getpid()} | {client.pid for client in self.clients}
        here = os.readlink("/proc/self/ns/net")
        found = []
        for pid in (int(name) for name in os.listdir("/proc") if name.isdigit()):
            try:
                if pid not in ours and os.readlink("/proc/%d/ns/net" % pid) == here:
                    found.append(pid)
            except OSError:
                continue  # it has ended
        return found

    def end_processes(self):
        """Without a last word."""
        for pid in self.processes():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        if not wait_until(lambda: not self.processes(), DEAD_S):
            raise Wrong("a process cannot be killed")

    def watchdog(self):
        """Its pid, once it waits for something to happen."""
        def waits():
            try:
                with open("/proc/%d/wchan" % pid, encoding="ascii") as f:
                    return "poll" in f.read()
            except OSError:
                return False
        with open(glob.glob(self.state + "/watchdog-*")[0], encoding="ascii") as f:
            pid = int(f.read())
        wait_until(waits, DEAD_S)
        return pid

    # --- what is left ---

    def journal(self):
        """And its copies that outlive the boot."""
        return glob.glob(self.state + "/window-*.json") + glob.glob(self.state + "/lasting/*.json")

    def must_be_closed(self):
        """Exactly as it was, and nobody is left to watch."""
        if self.journal():
            raise Wrong("a journal is left: " + self.status().stdout)
        if not self.is_identical():
            raise Wrong("it differs: %s%s" % (self.listing(), self.lifted()))
        if not wait_until(lambda: not self.processes(), DEAD_S):
            raise Wrong("a process is left: %s" % self.processes())
