# SPDX-License-Identifier: GPL-3.0-or-later
"""What examples/exec and the manual have, with the real nftables and packets."""
import json
import os
import re
import shutil
import socket
import subprocess

from bed import FAILED, HERE, require, requires

EXAMPLE = os.path.join(HERE, "..", "..", "examples", "exec")
MANUAL = os.path.join(HERE, "..", "..", "backends", "exec", "geopause-exec.5.scd")
ROUTER = """table inet filter {
	set acme_open { type inet_proto . inet_service; flags timeout; }
	set geo { type ipv4_addr; flags interval; elements = { 127.0.0.2 } }
	chain input {
		type filter hook input priority filter; policy accept;
		meta l4proto . th dport @acme_open accept
		ip saddr @geo drop
	}
}
"""


def reaches(port):
    """From the blocked address; with packets."""
    with socket.socket() as server, socket.socket() as client:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(("127.0.0.1", port))
        server.listen()
        client.bind(("127.0.0.2", 0))
        client.settimeout(1)
        try:
            client.connect(("127.0.0.1", port))
            return True
        except TimeoutError:
            return False


def router(b, **config):
    """The example, with nft here instead of on a router."""
    program = b.path("router-set")
    shutil.copy(os.path.join(EXAMPLE, "router-set"), program)
    with open(os.path.join(EXAMPLE, "policy.json"), encoding="ascii") as file:
        policy = json.load(file)
    policy["targets"][0]["command"] = [program]
    policy["targets"][0]["config"].update(dict({"nft": ["nft"]}, **config))
    b.policy(*policy["targets"])
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)


def case_example(b):
    b.nft(ROUTER)
    before = b.ruleset()
    router(b)
    require(not reaches(80) and not reaches(443), "there is no block")
    requires(b.run("plan"), "inet filter acme_open", r"tcp \. 80", r"tcp \. 443")
    b.run("pre", "--lease", "a", "--owner", "none", "--window", "60s")
    require(reaches(80) and reaches(443) and not reaches(22), "80 and 443 alone are not open")
    requires(b.run("status"), r"closes by itself in [56]\d s")
    b.run("pre", "--lease", "b", "--owner", "none", "--window", "10m")
    requires(b.run("status"), r"closes by itself in (59\d|600) s")
    b.run("post", "--lease", "a")
    b.run("post", "--lease", "b")
    require(b.ruleset() == before, b.ruleset())
    require(not reaches(80), "it is open")


def case_example_own_elements(b):
    """What the administrator has opened stays open; with dns-01 too."""
    b.nft(ROUTER + "add element inet filter acme_open { tcp . 80, udp . 99 timeout 1h }")
    router(b)
    b.run("pre", "--lease", "a", "--owner", "none", "--challenge", "http-01,dns-01")
    requires(b.ruleset(), r"udp \. 53 timeout (10m|9m)", r"tcp \. 53 timeout (10m|9m)")
    b.run("post", "--lease", "a")
    requires(b.ruleset(), r"tcp \. 80", r"udp \. 99")
    require(". 53 " not in b.ruleset() and reaches(80), b.ruleset())
    requires(b.run("pre", "--lease", "a", "--owner", "none", "--challenge", "http-01"),
             "nothing blocks tcp 80|no geo-block|nothing")


def case_example_fails(b):
    router(b)
    requires(b.pre(status=FAILED), "target router: plan failed", "cannot be read on the router")
    b.nft(ROUTER.replace("flags timeout; ", ""))
    requires(b.pre(status=FAILED), "is not inet_proto . inet_service with flags timeout")
    b.nft("flush ruleset\n" + ROUTER)
    router(b, set="no such; set")
    requires(b.pre(status=FAILED), "the request has no .config.set")
    lost = b.path("lost")
    with open(lost, "w", encoding="ascii") as file:
        file.write("#!/bin/sh\nnft \"$@\"\ncase $1 in -f) exit 255;; esac\n")
    os.chmod(lost, 0o755)
    # The connection is lost after each change: it was made all the same.
    router(b, nft=[lost])
    before = b.ruleset()
    b.pre()
    require(reaches(80), "it is not open")
    b.post()
    require(b.ruleset() == before, b.ruleset())


def example_of_manual(directory):
    """The script in geopause-exec(5), with a fwctl that keeps its marks in a file."""
    with open(MANUAL, encoding="ascii") as file:
        blocks = file.read().split("```\n")
    script = next(x for x in blocks if x.startswith("#!/bin/sh\n")).replace("\\\\", "\\")
    fwctl = os.path.join(directory, "fwctl")
    with open(fwctl, "w", encoding="ascii") as file:
        file.write("""#!/bin/sh
cd %s || exit
case $1 in
allow)  echo "$*" >>allowed ;;
forget) grep -v -e "$3" allowed >kept; mv kept allowed ;;
list)   cat allowed ;;
esac
""" % directory)
    os.chmod(fwctl, 0o755)
    with open(os.path.join(directory, "allowed"), "w", encoding="ascii"):
        pass
    with open(os.path.join(directory, "fw"), "w", encoding="ascii") as file:
        file.write(re.sub(r"\bfwctl (allow|forget|list)", fwctl + r" \1", script))
    os.chmod(file.name, 0o755)
    return file.name


def case_manual(b):
    """Its example works as it stands there."""
    b.policy(dict(b.target("fw"), command=[example_of_manual(b.dir)]))
    requires(b.run("plan"), "allow tcp/80", "allow tcp/443")
    b.pre()
    with open(b.path("allowed"), encoding="ascii") as file:
        requires(file.read(), r"^allow --name geopause-[0-9a-f]{12} tcp/80 tcp/443\n$")
    requires(b.run("status"), "lifted")
    b.post()
    require(os.path.getsize(b.path("allowed")) == 0, "it is still allowed")
