# SPDX-License-Identifier: GPL-3.0-or-later
"""
fail2ban's, Docker's and the lists' refreshers' own commands in the middle of a window: they work,
what they have done stays, and what is lifted stays lifted until post; and what is theirs alone is
never lifted.
"""
from beds import BLOCKED, LegacyBed, LegacyProgram, deny_matrix, require, result_text
from scene import PORTS, Scene

# Its actions start, ban, check and unban, in the order of a restart.
FAIL2BAN = """
iptables-legacy -w -N f2b-web
iptables-legacy -w -A f2b-web -j RETURN
iptables-legacy -w -I INPUT -p tcp -m multiport --dports 80,443 -j f2b-web
iptables-legacy -w -n -L INPUT | grep -q 'f2b-web[ \\t]'
iptables-legacy -w -I f2b-web 1 -s 78.46.1.1 -j REJECT --reject-with icmp-port-unreachable
iptables-legacy -w -I f2b-web 1 -s 203.0.113.9 -j REJECT --reject-with icmp-port-unreachable
iptables-legacy -w -C f2b-web -s 203.0.113.9 -j REJECT --reject-with icmp-port-unreachable
iptables-legacy -w -D f2b-web -s 203.0.113.9 -j REJECT --reject-with icmp-port-unreachable
iptables-legacy -w -D INPUT -p tcp -m tcp --dport 22 -j f2b-sshd
iptables-legacy -w -F f2b-sshd
iptables-legacy -w -X f2b-sshd
ip6tables-legacy -w -N f2b-web
ip6tables-legacy -w -I INPUT -p tcp -m multiport --dports 80,443 -j f2b-web
"""
DOCKER_RULES = """*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
:DOCKER - [0:0]
-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
-A DOCKER -p tcp -m tcp --dport 80 -j DNAT --to-destination 172.30.0.2:8080
-A DOCKER -p tcp -m tcp --dport 8080 -j DNAT --to-destination 172.30.0.2:8080
COMMIT
*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:DOCKER - [0:0]
:DOCKER-USER - [0:0]
-A FORWARD -j DOCKER-USER
-A FORWARD -j DOCKER
-A DOCKER-USER -i eth0 -m set --match-set geo src -j DROP
-A DOCKER-USER -j RETURN
COMMIT
"""
# A container is started, its jumps are moved to the top, and another one is stopped.
DOCKER = """
new="DOCKER -p tcp -d 0/0 --dport 8081 -j DNAT --to-destination 172.30.0.3:80"
iptables-legacy --wait -t nat -C $new || iptables-legacy --wait -t nat -A $new
iptables-legacy --wait -t filter -A DOCKER -d 172.30.0.3/32 -o br0 -p tcp --dport 80 -j ACCEPT
iptables-legacy --wait -t nat -A POSTROUTING -s 172.30.0.3 -p tcp --dport 80 -j MASQUERADE
iptables-legacy --wait -t filter -C FORWARD -j DOCKER-USER
iptables-legacy --wait -t filter -D FORWARD -j DOCKER-USER
iptables-legacy --wait -t filter -I FORWARD -j DOCKER-USER
iptables-legacy --wait -t filter -N DOCKER-ISOLATION-STAGE-1
iptables-legacy --wait -t filter -A DOCKER-ISOLATION-STAGE-1 -j RETURN
iptables-legacy --wait -t filter -I FORWARD -j DOCKER-ISOLATION-STAGE-1
iptables-legacy --wait -t filter -n -L DOCKER-USER
iptables-legacy --wait -t filter -D DOCKER -d 172.30.0.3/32 -o br0 -p tcp --dport 80 -j ACCEPT
"""
SWAP = """
ipset create new hash:net family inet
ipset add new 77.88.0.0/18
ipset add new 80.94.96.0/20
ipset swap new geo
ipset destroy new
"""


def left_by(bed, script):
    """What there is after it; sh ends at the first command that fails."""
    bed.must(["sh", "-ec", script])
    return bed.state()


def fail2ban(args):
    with Scene(args) as scene:
        wanted = left_by(scene.bed, FAIL2BAN)
    with Scene(args) as scene:
        wanted.sets = scene.before.sets  # each bed has numbers of its own for their hashes
        scene.expect(0, "pre", "--lease", "a")
        left_by(scene.bed, FAIL2BAN)
        scene.matrix(True, "lifted still")
        require(len(scene.marks()) == 2, "the lift is gone: " + scene.bed.saved())
        scene.expect(0, "post", "--lease", "a")
        wanted.require_same_rules(scene.bed.state(), "after post")
        scene.matrix(False, "after post")


def docker(args):
    ports = ("tcp/80", "tcp/8080")
    states = []
    for windowed in (False, True):
        with LegacyBed(container=True) as bed, LegacyProgram(args.program, bed) as program:
            def cells(lifted, when, program=program):
                program.require_cells(deny_matrix(ports, BLOCKED, lifted), when, ports)
            bed.load_legacy(DOCKER_RULES)
            policy = program.policy(program.target({"chain": ["DOCKER-USER"]}))
            cells((), "before")
            sets = bed.state().sets
            if windowed:
                program.expect(0, "pre", policy=policy)
                cells(ports[:1], "lifted")
            left_by(bed, DOCKER)
            if windowed:
                cells(ports[:1], "lifted still")
                program.expect(0, "post", policy=policy)
            cells((), "after it")
            states.append(bed.state())
            require(states[-1].sets == sets, "the sets differ")
    states[0].sets = sets  # each bed has numbers of its own for their hashes
    states[0].require_same_rules(states[1], "after post")


def swapped(scene, lifted, when):
    scene.program.require_cells(
        deny_matrix(PORTS, ("RU", "MC", "RU6", "CN6"), lifted), when, PORTS)


def set_swapped(args):
    """CSF's and IPFire's way of refreshing: the lift stays, and the new set counts after it."""
    with Scene(args) as scene:
        scene.bed.must(["ipset", "flush", "countries"])  # a list refers to geo by its number
        scene.expect(0, "pre", "--lease", "a")
        sets = left_by(scene.bed, SWAP).sets
        swapped(scene, PORTS[:2], "lifted still")
        require(len(scene.marks()) == 2, "the lift is gone: " + scene.bed.saved())
        scene.expect(0, "post", "--lease", "a")
        scene.before.sets = sets
        scene.unchanged("after post")
        swapped(scene, (), "the new set counts")


def theirs_alone(args):
    """Bans are no geo-block: not found, and nothing is lifted without a policy."""
    with LegacyBed() as bed, LegacyProgram(args.program, bed) as program:
        bed.load_legacy(BANS, sets=BAN_SETS)
        before = bed.state()
        done = program.expect(5, "discover")
        require("f2b" not in done.stdout and "crowdsec" not in done.stdout, result_text(done))
        program.expect(5, "pre")
        before.require_same(bed.state(), "refused")
        require(not program.left_behind(), "left: %s" % program.left_behind())


BAN_SETS = """
create f2b-sshd hash:ip family inet timeout 600
add f2b-sshd 77.88.8.8 timeout 6000
create crowdsec-blacklists-0 hash:net family inet timeout 3000
add crowdsec-blacklists-0 175.45.176.5 timeout 30000
"""
BANS = """*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:CROWDSEC_CHAIN - [0:0]
:f2b-web - [0:0]
-A INPUT -j CROWDSEC_CHAIN
-A INPUT -p tcp -m multiport --dports 80,443 -j f2b-web
-A CROWDSEC_CHAIN -m set --match-set crowdsec-blacklists-0 src -j DROP
-A f2b-web -m set --match-set f2b-sshd src -j REJECT --reject-with icmp-port-unreachable
-A f2b-web -s 112.80.248.75/32 -j REJECT --reject-with icmp-port-unreachable
-A f2b-web -j RETURN
COMMIT
"""

CASES = (fail2ban, docker, set_swapped, theirs_alone)
