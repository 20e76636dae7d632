# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line, what is printed, and what needs no window."""

import json
import os
import re
import subprocess

CERTAIN = {"set": "GEOIP_CC_input_10"}
DOUBTFUL = {"set": "somebody_level1"}


def plain(bench, *argv, **more):
    return subprocess.run([bench.exe, *argv], text=True, capture_output=True, check=False, **more)


def test_help_and_version(b):
    for argv in (["--help"], ["-h"]):
        done = plain(b, *argv)
        assert done.returncode == 0 and "Exit status" in done.stdout and not done.stderr
    for verb in "pre post run plan status restore check discover history".split():
        assert re.search(f"^  {verb} ", plain(b, "--help").stdout, re.M), verb
        done = plain(b, verb, "--help")
        assert done.returncode == 0 and "--policy FILE" in done.stdout, done
        assert all(ord(c) < 128 for c in done.stdout)
    assert "--guard" in plain(b, "run", "--help").stdout
    assert "--guard" not in plain(b, "pre", "--help").stdout
    assert plain(b, "--version").stdout.startswith("geopause ")
    assert plain(b, "post", "--version").stdout.startswith("geopause ")


def test_usage_errors(b):
    for argv in ([], ["nonsense"], ["pre", "--nonsense"], ["pre", "extra"], ["run"],
                 ["run", "--guard", "--anyway", "--", "true"], ["pre", "--guard"],
                 ["pre", "--window", "soon"], ["pre", "--window", "0"], ["pre", "--owner", "me"],
                 ["pre", "--owner", "0"], ["pre", "--owner", "99999999999"],
                 ["pre", "--lease", ""], ["pre", "--lease", "a b"], ["pre", "--policy"],
                 ["pre", "--lease", "a", "--owner", "1"], ["pre", "--challenge", "x-01"],
                 ["pre", "--log-format", "xml"], ["run", "--lease", "a", "--", "true"],
                 ["post", "--dry-run"], ["pre", "--json=yes"], ["post", "--stop-client"],
                 ["pre", "--stale"]):
        done = plain(b, *argv)
        assert done.returncode == 2 and done.stderr and not done.stdout, (argv, done)
    assert not os.path.exists(b.state)


def test_what_is_refused_is_named(b):
    for argv, named in ((["-xq"], "-x"), (["-qx"], "-x"), (["--json", "-xv"], "-x"),
                        (["-\u00fc"], r"-\xc3"), (["--nonsense"], "--nonsense"),
                        (["--quiet=1"], "--quiet=1"), (["-q", "--window"], "--window")):
        done = plain(b, "pre", *argv)
        assert done.returncode == 2, (argv, done)
        assert done.stderr.splitlines()[0].endswith(f": {named}"), (argv, done.stderr)


def test_no_such_owner(b):
    b.ok("pre", "--owner", "4194303", status=2, says="no process 4194303")
    b.ok("pre", "--owner", "4194303", "--stop-client", status=2, says="there is no client to stop")
    assert not b.lifts() and not b.journals()


def test_window_longer_than_the_policy_allows(b):
    b.ok("pre", "--window", "2h", status=2, says="max_window")
    assert not b.calls()


def test_policy_missing_or_wrong(b):
    os.unlink(b.path("policy.json"))
    for verb in ("pre", "plan", "check"):
        b.ok(verb, status=5, says="policy.json")
    target = '{"backend": "nftables", "table": "inet filter"%s}'
    for text, says in (
            ('{"version": 1,\n"targets": [' + target % '' + '],\n"nonsense": 1}',
             ':3: unknown key "nonsense"'),
            ('{"version": 1,\n"targets": [\n' + target % ', "rulez": {}' + ']}',
             ':3: targets[0]: unknown key "rulez"'),
            ('{"version": 1,\n"window": "1m",\n"window": "2m", "targets": []}',
             ':3: the key "window" stands here a second time'),
            ('{"version": 1, "targets": [\n' + target % ',\n"rules": {"set": 4}' + ']}',
             ':3: targets[0].rules.set: expected')):
        with open(b.path("policy.json"), "w", encoding="ascii") as f:
            f.write(text)
        for verb in ("pre", "plan", "check"):
            b.ok(verb, status=5, says=b.path("policy.json") + says)
    assert not b.calls() and not os.path.exists(b.state)


def test_check(b):
    b.ok("check", says="policy OK: 1 target")
    done = json.loads(b.ok("check", "--json").out)
    assert done["valid"] and done["targets"] == 1 and done["version"] == 1
    b.behave(plan="misfit")
    b.ok("check", status=5, says="there is no such table")
    assert not b.calls() and not os.path.exists(b.state)


def test_plan(b):
    done = b.ok("plan")
    for text in ("inet filter input handle 7", "  - ip saddr @geo drop",
                 "  + th dport != @geopause ip saddr @geo drop\n  + second line",
                 "the policy names it", "note: a note", "nothing was changed"):
        assert text in done.out, done.out
    assert b.ok("pre", "--dry-run").out == done.out
    steps = json.loads(b.ok("plan", "--json").out)["steps"]
    assert steps[0]["target"] == "input" and steps[0]["how"] == "skip"
    b.behave(plan="none")
    b.ok("plan", says="nothing blocks tcp 80, tcp 443")
    b.behave(plan="refuse")
    b.ok("plan", status=1, says="cannot be lifted safely; nothing was changed")
    b.behave(open="fail")
    b.ok("plan", status=1, says="CAP_NET_ADMIN; nothing was changed")
    assert not b.calls() and not os.path.exists(b.state)


def test_plan_without_a_policy(b):
    """Why that is taken for a geo-block."""
    b.behave(discover=[CERTAIN])
    done = b.ok("plan", policy=False, says="there is no policy; what is certain:")
    assert ": set name GEOIP_CC_* is made by VyOS\n" in done.out, done.out
    found, = json.loads(b.ok("plan", "--json", policy=False).out)["found"]
    assert found["evidence"] == "set name GEOIP_CC_* is made by VyOS", found
    assert not json.loads(b.ok("plan", "--json").out)["found"], "the policy says it"
    assert "no policy" not in b.ok("plan").out


def test_a_kernel_without_nf_tables(b):
    """There can be nothing of geopause in it; only who names it hears of that."""
    b.behave(open="absent")
    for verb in ("restore", "restore --stale", "post", "status"):
        done = b.ok(*verb.split(), policy=False)
        assert "this kernel has none" not in done.out + done.err, (verb, done.out, done.err)
    done = b.ok("pre", policy=False, status=5)
    assert "this kernel has none" not in done.err, done.err
    b.ok("plan", "-v", policy=False, status=5, says="this kernel has none")
    b.ok("pre", status=1, says="this kernel has none")


def test_plan_looks_once(b):
    b.behave(discover=[CERTAIN], discovers=["ok"])
    b.ok("plan", policy=False, says="what is certain:")
    with open(b.path("counts.json"), encoding="ascii") as f:
        assert json.load(f)["discovers"] == 1


def test_plan_in_a_window(b):
    """What pre would do now: join it, and lift what is missing."""
    b.ok("pre", "--challenge", "http-01", "--lease", "a")
    b.forget_calls()
    done = b.ok("plan", "--challenge", "http-01", says="is open, and would be joined")
    assert "nothing more is to be lifted for tcp 80\n" in done.out and "handle" not in done.out
    done = b.ok("plan", says="is open, and would be joined")
    assert "inet filter input handle 7" in done.out, done.out
    plan = json.loads(b.ok("plan", "--json", "--challenge", "http-01").out)
    assert plan["joins"] and not plan["steps"], plan
    assert not b.changes(), b.calls()
    b.ok("post", "--lease", "a")
    plan = json.loads(b.ok("plan", "--json", "--challenge", "http-01").out)
    assert not plan["joins"] and len(plan["steps"]) == 1, plan


def test_discover_what_is_not_utf8(b):
    b.behave(discover=[dict(CERTAIN, comment="a\\b\n?\u00fc"), dict(CERTAIN, comment="\u00fc")])
    blocks = json.loads(b.ok("discover", "--json", policy=False).out)["blocks"]
    assert [block["comment"] for block in blocks] == ["a\\x5cb\n\\xff\\xc3\\xbc", "\u00fc"], blocks


def test_discover_certain(b):
    b.behave(discover=[CERTAIN])
    done = b.ok("discover", policy=False)
    assert "certain" in done.err
    with open(b.path("policy.json"), "w", encoding="ascii") as f:
        f.write(done.out)
    b.ok("check", says="policy OK: 1 target")
    both = json.loads(b.ok("discover", "--json", policy=False).out)
    assert both["policy"] == json.loads(done.out) and len(both["blocks"]) == 1


def test_discover_what_is_refused(b):
    """The policy is printed all the same: the way out of a refusal may be a change in it."""
    b.behave(discover=[CERTAIN], plan="refuse")
    done = b.ok("discover", policy=False, says="refused     this policy, as the firewall is now: ")
    assert "cannot be lifted safely" in done.err and len(json.loads(done.out)["targets"]) == 1
    both = json.loads(b.ok("discover", "--json", policy=False).out)
    assert "cannot be lifted safely" in both["refusal"]
    b.behave(discover=[CERTAIN])
    assert json.loads(b.ok("discover", "--json", policy=False).out)["refusal"] is None


def test_discover_doubt(b):
    b.behave(discover=[DOUBTFUL, CERTAIN])
    done = b.ok("discover", policy=False, status=5, says="candidate")
    assert len(json.loads(done.out)["targets"]) == 1
    done = b.ok("discover", "--all", policy=False, status=5)
    sets = json.dumps(json.loads(done.out))
    assert "somebody_level1" in sets and "GEOIP_CC" in sets


def test_discover_nothing(b):
    b.behave(discover=[])
    done = b.ok("discover", policy=False, status=5, says="no geo-block was found")
    assert not done.out
    assert json.loads(b.ok("discover", "--json", policy=False, status=5).out)["policy"] is None


def test_without_a_policy(b):
    assert not os.path.exists("/etc/geopause/policy.json"), "this machine has a policy"
    b.behave(discover=[CERTAIN])
    b.ok("pre", policy=False, says="opened")
    assert len(b.lifts()) == 1
    b.ok("post", policy=False)
    b.closed()
    b.behave(discover=[DOUBTFUL, CERTAIN])
    done = b.ok("pre", policy=False, status=5, says="somebody_level1")
    assert "geopause discover" in done.err and "nothing was changed" in done.err
    b.behave(discover=[])
    b.ok("pre", policy=False, status=5, says="no geo-block was found")
    b.closed()


def test_status(b):
    assert b.ok("status").out == "closed\n"
    assert not os.path.exists(b.state)
    b.ok("pre", "--lease", "a")
    done = b.ok("status")
    assert "held by lease a" in done.out and "lifted" in done.out, done.out
    status = json.loads(b.ok("status", "--json").out)
    assert status["state"] == "open" and status["leases"][0]["name"] == "a"
    assert status["lifts"][0]["live"] == "lifted" and not status["leftovers"]
    assert 50 < status["left_s"] <= 60, "the heartbeat's"
    assert 590 < status["leases"][0]["left_s"] <= 600
    assert status["watchdog"] == {"state": "alive", "pid": b.watchdog()}
    assert f"watched by process {b.watchdog()}\n" in done.out, done.out


def test_status_of_leftovers(b):
    b.set_live({"lifts": {"0123456789ab": {"until": 1 << 40}}})
    b.ok("status", status=3, says="geopause_0123456789ab")
    b.set_live({"lifts": {"0123456789ab": {"until": 1}}})
    b.ok("status", status=0, says="(closed)")
    b.behave(open="fail")
    b.ok("status", says="was not looked at")


def test_json_log(b):
    for verb, events in (("pre", ["opened"]), ("post", ["lease-returned", "closed"])):
        lines = b.ok(verb, "--log-format", "json").err.splitlines()
        seen = [json.loads(line) for line in lines]
        assert all("time" in s and "level" in s and "message" in s for s in seen)
        for event in events:
            assert event in [s["event"] for s in seen], seen
    b.behave(plan="refuse")
    line = json.loads(b.ok("pre", "--log-format", "json", status=1).err)
    assert line["event"] == "failed" and line["status"] == 1 and line["level"] == "error"


# A /dev of its own with a log socket, in a mount namespace that only this process tree sees.
SYSTEM_LOG = """
import os, socket, subprocess, sys
dev = sys.argv[1]
subprocess.run(["mount", "-t", "tmpfs", "none", dev], check=True)
for name in ("null", "urandom"):
    open(os.path.join(dev, name), "w").close()
    subprocess.run(["mount", "--bind", "/dev/" + name, os.path.join(dev, name)], check=True)
log = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
log.bind(os.path.join(dev, "log"))
subprocess.run(["mount", "--rbind", dev, "/dev"], check=True)
log.settimeout(5)
subprocess.run(sys.argv[2:], stdin=subprocess.DEVNULL, check=False)
log.setblocking(False)
while True:
    try:
        print(log.recv(65536).decode("ascii"))
    except BlockingIOError:
        break
"""


def system_log(b, verb, *options):
    os.makedirs(b.path("dev"), exist_ok=True)
    argv = ["unshare", "-m", "python3", "-c", SYSTEM_LOG, b.path("dev")]
    done = subprocess.run(argv + b.argv(verb, "-q", *options), capture_output=True, text=True,
                          timeout=60, check=True)
    return done.stdout


def test_system_log(b):
    """The record for the morning after: also with -q, when certbot says nothing of a failing hook."""
    opened = system_log(b, "pre", "--lease", "mine")
    told = r"geopause\[\d+\].* opened: tcp 80, tcp 443 for input, held by lease mine, until [0-9:]+"
    assert re.search(told, opened), opened
    closed = system_log(b, "post", "--lease", "mine")
    assert "closed after" in closed and "(post)" in closed, closed
    b.behave(plan="refuse")
    failed = system_log(b, "pre")
    assert "nothing was changed" in failed, failed
    b.closed()


def test_quiet_and_json_result(b):
    done = b.ok("pre", "-q", "--json")
    assert not done.err and json.loads(done.out)["lifted"] == "tcp 80, tcp 443"
    done = b.ok("post", "-q", "--json")
    assert not done.err and json.loads(done.out)["state"] == "closed"
    b.behave(apply="not-done")
    assert b.ok("pre", "-q", status=1).err


def test_closed_descriptors(b):
    """Whatever of 0, 1, 2 is closed: the journal and the lock must not become one of them."""
    b.behave(discover=[CERTAIN])
    verbs = [("pre", "--json"), ("status",), ("status", "--json"), ("plan",), ("plan", "--json"),
             ("check",), ("check", "--json"), ("post", "--json"), ("restore", "--json"),
             ("discover",), ("discover", "--json"), ("history",), ("history", "--json"),
             ("run", "--json", "--", "sh", "-c", "exit 7"), ("status", "--help")]
    for closed in range(1, 8):
        def close(which=closed):
            for fd in range(3):
                if which >> fd & 1:
                    os.close(fd)
        for verb in verbs:
            argv = b.argv(*verb[:1]) + list(verb[1:])
            with open(os.devnull, "r+", encoding="ascii") as null:
                done = subprocess.run(argv, stdin=null, stdout=null, stderr=null, preexec_fn=close,
                                      check=False)
            assert done.returncode == (7 if verb[0] == "run" else 0), (closed, verb, done.returncode)
            if verb[0] == "pre":
                assert b.journal()["state"] == "open" and len(b.lifts()) == 1
        b.closed()


def test_without_a_terminal(b):
    """In a session of its own, as under cron; run with a command that would ask one."""
    for verb in (("pre",), ("status",), ("plan",), ("check",), ("post",), ("restore",),
                 ("history",)):
        b.ok(*verb, start_new_session=True)
    b.ok("run", "--", "sh", "-c", "cat </dev/tty || exit 9", start_new_session=True, status=9)
    b.closed()


def test_full_disk_and_closed_pipe(b):
    with open("/dev/full", "w", encoding="ascii") as full:
        done = b.ok("plan", status=1, stdout=full)
    assert "stdout" in done.err
    read_end, write_end = os.pipe()
    os.close(read_end)
    done = b.ok("plan", status=1, stdout=write_end)
    os.close(write_end)
    read_end, write_end = os.pipe()
    os.close(read_end)
    b.ok("pre", stderr=write_end)
    os.close(write_end)
    assert len(b.lifts()) == 1


def test_nobody_reads_that_it_is_open(b):
    """pre has opened, and could not say so on stdout: not the status of a pre that has not."""
    with open("/dev/full", "w", encoding="ascii") as full:
        b.ok("pre", "--json", "--lease", "a", stdout=full, status=3,
             says="stdout failed: No space left on device; the window stays open until")
        assert len(b.lifts()) == 1 and b.journal()["state"] == "open"
        done = b.ok("post", "--json", "--lease", "a", stdout=full, status=1, says="closed after")
        assert done.err.count("stdout failed") == 1, done.err
    b.closed()
