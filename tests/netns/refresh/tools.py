# SPDX-License-Identifier: GPL-3.0-or-later
"""
Rulesets as the tools make them, and how each refreshes its own: with the same commands, in the same
order, with networks of a later day.
"""
import json
import os
import time

WAN = "eth0"
HERE = os.path.dirname(os.path.abspath(__file__))
RANGES = os.path.join(os.path.dirname(HERE), "fixtures", "ranges.nft")


def filler(count, day=0):
    """That many networks of nobody in the bed, others each day."""
    return ["%d.%d.%d.0/24" % (20 + n // 12800, n // 100 % 128, n % 100 * 2 + day % 2)
            for n in range(count)]


def filler6(count, day=0):
    return ["2c0f:%x:%x::/48" % (n // 256, n % 256 * 2 + day % 2) for n in range(count)]


def defined():
    """The countries of ranges.nft, by name."""
    with open(RANGES, encoding="ascii") as f:
        text = "".join(line for line in f if not line.startswith("#"))
    return {part.split("=")[0].strip(): " ".join(part.split("{")[1].split("}")[0].split())
            for part in text.split("define ")[1:]}


COUNTRY = defined()


def networks(name, day, count=500):
    """Of a country and of nobody, comma separated."""
    more = filler6 if name.endswith("6") else filler
    shift = 0 if name.startswith("RU") else count
    return ", ".join([COUNTRY[name]] + more(count + shift, day)[shift:])


class Tool:
    """
    target   the policy's, without what is the same everywhere
    keeps    the refresh takes nothing away of a lift
    dated    a second refresh has less to do than the first
    count    how many networks of nobody a list holds beside the country's
    """
    keeps = False
    dated = False
    count = 500
    sources = ("RU", "CN", "RU6", "CN6")

    def clear(self, bed):
        """What was there before start."""
        bed.must(["nft", "flush", "ruleset"])

    def start(self, bed):
        """Loads the ruleset of the first day."""
        raise NotImplementedError

    def refresh(self, bed):
        """As the tool does it; every command has to succeed, as without a window."""
        raise NotImplementedError


class GeoipShell(Tool):
    """A set a list and a day; then one transaction that takes out all it does not know."""
    target = {"table": "inet geoip-shell", "rules": {"set": ["??_?_20*"]}}
    dated = True
    DAYS = ("2026-11-23", "2026-11-24")
    CHAINS = ("GEOIP-SHELL_BASE_IN", "GEOIP-SHELL_IN")

    def sets(self, day):
        return {"%s_%s_%s" % (name[:2], name[2], self.DAYS[day]): networks(name, day, self.count)
                for name in ("RU4", "RU6", "CN4", "CN6")}

    def add_sets(self, day):
        return ["add set inet geoip-shell %s { type ipv%s_addr; flags interval; auto-merge; }\n"
                "add element inet geoip-shell %s { %s }" % (name, name[3], name, elements)
                for name, elements in self.sets(day).items()]

    def add_rules(self, day):
        base, chain = ("inet geoip-shell " + name for name in self.CHAINS)
        yield "add chain %s { type filter hook prerouting priority -141; policy accept; }" % base
        yield "add chain " + chain
        yield 'add rule %s iifname "%s" ct state established,related accept comment ' \
            '"geoip-shell_aux_est-rel"' % (chain, WAN)
        yield 'add rule %s iifname "%s" tcp dport 22 counter accept comment ' \
            '"geoip-shell_aux_tcp"' % (chain, WAN)
        for name in self.sets(day):
            yield 'add rule %s iifname "%s" %s saddr @%s counter drop comment "geoip-shell"' % (
                chain, WAN, {"4": "ip", "6": "ip6"}[name[3]], name)
        yield 'add rule %s jump %s comment "geoip-shell_enable"' % (base, self.CHAINS[1])

    def start(self, bed):
        bed.nft("\n".join(["add table inet geoip-shell", *self.add_sets(0), *self.add_rules(0)]))

    def refresh(self, bed):
        listed = json.loads(bed.must(["nft", "-jt", "list", "table", "inet", "geoip-shell"]))
        known = self.sets(1)
        unknown = [o["set"]["name"] for o in listed["nftables"]
                   if "set" in o and o["set"]["name"] not in known]
        base, chain = ("inet geoip-shell " + name for name in self.CHAINS)
        bed.nft("\n".join([
            *self.add_sets(1), "flush chain " + base, "flush chain " + chain,
            "delete chain " + base, "delete chain " + chain,
            *("delete set inet geoip-shell " + name for name in unknown), *self.add_rules(1)]))


class NftGeoFilter(Tool):
    """A process a command: dormant while it downloads; the new rules first, then away the old."""
    target = {"table": "inet geo-filter", "rules": {"set": ["filter-v4", "filter-v6"]}}
    DOWNLOAD_S = 0.1
    SETS = (("ip", "filter-v4", "ipv4_addr", "4"), ("ip6", "filter-v6", "ipv6_addr", "6"))

    def _set(self, bed, day, name, kind, version):
        exists = name in bed.must(["nft", "-j", "list", "sets", "inet"])
        for number, country in enumerate(("RU", "CN")):
            bed.must(["nft", "add", "table", "inet", "geo-filter", "{ flags dormant; }"])
            time.sleep(self.DOWNLOAD_S)
            bed.must(["nft", "add", "table", "inet", "geo-filter"])
            if exists and number == 0:
                bed.must(["nft", "flush", "set", "inet", "geo-filter", name])
            bed.nft("table inet geo-filter {\nset %s {\ntype %s\nflags interval\nauto-merge\n"
                    "elements = {\n%s\n}\n}\n}" % (name, kind, networks(country + version, day, self.count)))

    def _run(self, bed, day):
        chain = ["inet", "geo-filter", "filter-chain"]
        bed.must(["nft", "add", "table", "inet", "geo-filter"])
        bed.must(["nft", "--", "add", "chain", *chain,
                  "{ type filter hook prerouting priority -190; policy accept; }"])
        old = [o["rule"]["handle"] for o in
               json.loads(bed.must(["nft", "-j", "list", "chain", *chain]))["nftables"]
               if "rule" in o]
        for family, name, kind, version in self.SETS:
            self._set(bed, day, name, kind, version)
            bed.must(["nft", "add", "rule", *chain, family, "saddr", "@" + name, "counter", "drop"])
        for handle in old:
            bed.must(["nft", "delete", "rule", *chain, "handle", str(handle)])

    def start(self, bed):
        self._run(bed, 0)

    def refresh(self, bed):
        self._run(bed, 1)


class BanIP(Tool):
    """Finds its rules by the shape of their JSON; one transaction a feed."""
    target = {"table": "inet banIP", "rules": {"set": ["country.v4", "country.v6"]}}
    FEEDS = (("country.v4", "ip", "4"), ("country.v6", "ip6", "6"))
    START = """
table inet banIP {
	set allowlist.v4 { type ipv4_addr; flags interval; auto-merge; elements = { 198.51.100.0/24 }; }
	set allowlist.v6 { type ipv6_addr; flags interval; auto-merge; elements = { 2001:db8:1::/64 }; }
	set blocklist.v4 { type ipv4_addr; flags interval, timeout; auto-merge; }
	set country.v4 { type ipv4_addr; flags interval; auto-merge; policy memory; }
	set country.v6 { type ipv6_addr; flags interval; auto-merge; policy memory; }
	chain wan-input {
		type filter hook input priority -100; policy accept;
		iifname != "eth0" counter accept
		ct state established,related counter accept
		icmpv6 type { nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert } accept
		meta mark set 1 counter jump _inbound
	}
	chain _inbound {
		ip saddr @allowlist.v4 counter accept
		ip6 saddr @allowlist.v6 counter accept
		ip saddr @blocklist.v4 counter drop
		ip saddr @country.v4 counter drop
		ip6 saddr @country.v6 counter drop
	}
}
"""

    def _fill(self, feed, version, day):
        return "add element inet banIP %s { %s, %s }" % (
            feed, *(networks(name + version, day, self.count) for name in ("RU", "CN")))

    def start(self, bed):
        bed.nft("\n".join([self.START] + [self._fill(feed, version, 0)
                                          for feed, _, version in self.FEEDS]))

    def refresh(self, bed):
        for feed, family, version in self.FEEDS:
            ruleset = json.loads(bed.must(["nft", "-tj", "list", "ruleset"]))["nftables"]
            found = [o["rule"] for o in ruleset if "rule" in o and any(
                e.get("match", {}).get("right") == "@" + feed for e in o["rule"]["expr"][:3])]
            bed.nft("\n".join(
                ["flush set inet banIP " + feed]
                + ["delete rule inet banIP %s handle %d" % (r["chain"], r["handle"]) for r in found]
                + [self._fill(feed, version, 1),
                   "add rule inet banIP _inbound %s saddr @%s counter drop" % (family, feed)]))


class CountryBlock(Tool):
    """One file: the table is destroyed and made again. Its elements live for a day."""
    target = {"table": "netdev countryblock", "rules": {"set": ["countryblock-*"]}}
    count = 400
    START = """
add table netdev countryblock
delete table netdev countryblock
table netdev countryblock {
%s
	chain countryblock-ingress-chain {
		type filter hook ingress device "eth0" priority 0; policy accept;
		ip saddr 198.51.100.0/24 accept
		ip protocol udp ip saddr @countryblock-ru4 drop
		ip protocol tcp tcp flags == syn ip saddr @countryblock-ru4 drop
		ip6 nexthdr udp ip6 saddr @countryblock-ru6 drop
		ip6 nexthdr tcp tcp flags == syn ip6 saddr @countryblock-ru6 drop
		ip saddr @countryblock-cn4 drop
		ip6 saddr @countryblock-cn6 drop
	}
}
"""

    def _load(self, bed, day):
        sets = "\n".join(
            "\tset countryblock-%s {\n\t\ttype ipv%s_addr; flags interval, timeout; auto-merge;\n"
            "\t\telements = { %s };\n\t}" % (
                name.lower(), name[2], ", ".join(
                    n + " timeout 1d" for n in networks(name, day, self.count).split(", ")))
            for name in ("RU4", "RU6", "CN4", "CN6"))
        bed.nft(self.START % sets)

    def start(self, bed):
        self._load(bed, 0)

    def refresh(self, bed):
        self._load(bed, 1)


class Reload(Tool):
    """Debian's nftables.service: `nft -f /etc/nftables.conf`, which begins with a flush."""
    target = {"table": "inet filter", "rules": {"set": ["geo4", "geo6"]}}
    START = """
flush ruleset
table inet filter {
	set geo4 { type ipv4_addr; flags interval; auto-merge; elements = { %s, %s }; }
	set geo6 { type ipv6_addr; flags interval; auto-merge; elements = { %s, %s }; }
	chain input {
		type filter hook input priority filter; policy accept;
		ct state established,related accept
		ip saddr @geo4 counter drop comment "geo"
		ip6 saddr @geo6 counter drop comment "geo"
		tcp dport 8080 counter drop
	}
}
"""

    def text(self, day):
        return self.START % tuple(networks(name, day, self.count)
                                  for name in ("RU4", "CN4", "RU6", "CN6"))

    def start(self, bed):
        bed.nft(self.text(0))

    def refresh(self, bed):
        bed.nft(self.text(1))


class Script(Tool):
    """A shell script of the administrator's: flushes its chain, then a process a command."""
    target = {"table": "inet filter", "rules": {"set": ["country-*"]}}
    PAUSE_S = 0.02  # it looks something up
    others = 16
    START = """
table inet filter {
	chain input {
		type filter hook input priority filter; policy accept;
	}
}
"""

    def _run(self, bed, day):
        chain = ["inet", "filter", "input"]
        bed.must(["nft", "flush", "chain", *chain])
        bed.must(["nft", "add", "rule", *chain, "ct", "state", "established,related", "accept"])
        lists = {"aa": "203.0.113.0/25", "ab": "203.0.113.128/25",
                 **{name.lower(): networks(name, day, 300) for name in ("CN4", "CN6")},
                 **{"b%d" % n: "192.0.2.%d/32" % n for n in range(self.others)},
                 **{name.lower(): networks(name, day, 300) for name in ("RU4", "RU6")}}
        for name, elements in lists.items():
            kind = "ipv6" if name.endswith("6") and ":" in elements else "ipv4"
            bed.nft("add set inet filter country-%s { type %s_addr; flags interval; auto-merge; }\n"
                    "flush set inet filter country-%s\nadd element inet filter country-%s { %s }"
                    % (name, kind, name, name, elements))
            bed.must(["nft", "add", "rule", *chain, {"ipv4": "ip", "ipv6": "ip6"}[kind], "saddr",
                      "@country-" + name, "counter", "drop"])
            time.sleep(self.PAUSE_S)

    def start(self, bed):
        bed.nft(self.START)
        self._run(bed, 0)

    def refresh(self, bed):
        self._run(bed, 1)


class SlowScript(Script):
    """Between two commands the ruleset is quiet."""
    PAUSE_S = 0.12
    others = 4


class Refill(Reload):
    """Only the elements are other ones: nothing of a lift goes away."""
    keeps = True

    def refresh(self, bed):
        bed.nft("\n".join(
            "flush set inet filter geo%s\nadd element inet filter geo%s { %s, %s }" % (
                v, v, networks("RU" + v, 1, self.count), networks("CN" + v, 1, self.count))
            for v in "46"))


TOOLS = {"geoip-shell": GeoipShell, "nft-geo-filter": NftGeoFilter, "banip": BanIP,
         "country-block": CountryBlock, "script": Script, "reload": Reload, "refill": Refill}
