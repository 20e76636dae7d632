# SPDX-License-Identifier: GPL-3.0-or-later
"""
firewalld itself, on a bed's firewall: with its own D-Bus, its own configuration, and nothing of the
machine's. Two ipsets of countries are sources of the zone "drop".
"""
import os
import subprocess
import time

from bed import BedError, inside
from tools import Tool, networks

BUS = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path=%s</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="root"/>
    <allow own="*"/>
    <allow send_type="method_call"/>
    <allow send_destination="*"/>
    <allow receive_sender="*"/>
  </policy>
</busconfig>
"""
# It also asks for kernel modules: those are the machine's.
START = 'mount --bind /bin/true "$(readlink -f "$(command -v modprobe || echo /bin/true)")" && ' \
    'exec setpriv --pdeathsig TERM "$@"'
CONFIG = """DefaultZone=public
CleanupOnExit=yes
Lockdown=no
IPv6_rpfilter=no
IndividualCalls=no
LogDenied=off
FirewallBackend=nftables
NftablesTableOwner=no
FlushAllOnReload=yes
RFC3964_IPv4=yes
"""
ZONES = {
    "drop": '<zone target="DROP"><short>Drop</short><source ipset="blockcountry"/>'
            '<source ipset="blockcountry6"/></zone>',
    "public": '<zone><short>Public</short><interface name="eth0"/><service name="ssh"/>'
              '<service name="http"/><service name="https"/></zone>'}
START_S = 30


class Firewalld(Tool):
    """`firewall-cmd --reload` deletes its table and builds it again."""
    target = {"table": "inet firewalld", "rules": {"set": ["blockcountry*"]}}

    def __init__(self, place):
        self.place = os.path.join(place, "firewalld")
        self.bus = os.path.join(self.place, "bus")
        self.children = []

    def _write(self, name, text):
        path = os.path.join(self.place, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="ascii") as f:
            f.write(text)
        return path

    def _configure(self, day):
        self._write("etc/firewalld.conf", CONFIG)
        for name, text in ZONES.items():
            self._write("etc/zones/%s.xml" % name, '<?xml version="1.0"?>\n%s\n' % text)
        for name, version, family in (("blockcountry", "4", "inet"),
                                      ("blockcountry6", "6", "inet6")):
            entries = ", ".join((networks("RU" + version, day, 300),
                                 networks("CN" + version, day, 300))).split(", ")
            self._write("etc/ipsets/%s.xml" % name, '<?xml version="1.0"?>\n<ipset type="hash:net">'
                        '<option name="family" value="%s"/>\n%s</ipset>\n' % (
                            family, "".join("<entry>%s</entry>\n" % e for e in entries)))

    def _environment(self):
        return {**os.environ, "DBUS_SYSTEM_BUS_ADDRESS": "unix:path=" + self.bus}

    def _child(self, bed, argv):
        with open(os.path.join(self.place, "log"), "ab") as log:
            self.children.append(subprocess.Popen(
                inside(bed.fw, ["unshare", "-m", "sh", "-c", START, "-", *argv]),
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self._environment()))

    def _command(self, bed, *options):
        return bed.run(["firewall-cmd", *options], env=self._environment())

    def launch(self, bed):
        self._configure(0)
        config = self._write("bus.conf", BUS % self.bus)
        self._child(bed, ["dbus-daemon", "--nofork", "--nopidfile", "--config-file=" + config])
        self._wait(lambda: os.path.exists(self.bus), "D-Bus")
        self._child(bed, ["firewalld", "--nofork", "--nopid", "--log-target", "console",
                          "--system-config", os.path.join(self.place, "etc")])
        self._wait(lambda: self._command(bed, "--state").returncode == 0, "firewalld")

    def _wait(self, condition, what):
        start = time.monotonic()
        while not condition():
            dead = [c for c in self.children if c.poll() is not None]
            if dead or time.monotonic() - start > START_S:
                with open(os.path.join(self.place, "log"), encoding="utf-8") as f:
                    raise BedError("%s does not start:\n%s" % (what, f.read()))
            time.sleep(0.05)

    def clear(self, bed):
        """It has to find its table."""

    def start(self, bed):
        if not self.children:
            self.launch(bed)
        self._reload(bed, 0)

    def _reload(self, bed, day):
        self._configure(day)
        done = self._command(bed, "--reload")
        if done.returncode != 0:
            raise BedError("firewall-cmd --reload: exit %d: %s%s" % (
                done.returncode, done.stdout, done.stderr))

    def refresh(self, bed):
        self._reload(bed, 1)

    def stop(self):
        for child in reversed(self.children):
            child.terminate()
            child.wait()
        self.children = []
