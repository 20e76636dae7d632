# SPDX-License-Identifier: GPL-3.0-or-later
"""
One window over nftables, both variants of iptables and a provider: all of them or none, each taken
back before those that were lifted before it.
"""
import contextlib
import re
import subprocess
import tempfile

from bed import FAILED, OPEN, POLICY, require, requires
from model.message import Reply

NFT = """table inet own {
	set geo { type ipv4_addr; flags interval; elements = { 203.0.113.0/24 } }
	chain input {
		type filter hook input priority 10; policy accept;
		ip saddr @geo drop comment "kept"
	}
}
"""
IPTABLES = """*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m set --match-set geo src -j DROP
COMMIT
"""
KERNEL = {
    "nft": {"backend": "nftables", "table": "inet own", "rules": {"set": "geo"}},
    "tables": {"backend": "iptables", "table": "filter", "rules": {"set": "geo"}},
}
VARIANTS = ("nft", "legacy")


def output(*argv, text=None):
    return subprocess.run(argv, input=text, text=True, capture_output=True, check=True).stdout


@contextlib.contextmanager
def kernel(bed):
    """The geo-blocks, in this network namespace; iptables' lock is our own."""
    with tempfile.NamedTemporaryFile(dir=bed.dir) as lock:
        with open("/run/xtables.lock", "a", encoding="ascii"):
            pass
        output("mount", "--bind", lock.name, "/run/xtables.lock")
        output("nft", "-f", "-", text=NFT)
        output("ipset", "restore", text="create geo hash:net\nadd geo 203.0.113.0/24\n")
        for variant in VARIANTS:
            output("iptables-%s-restore" % variant, text=IPTABLES)
        try:
            yield
        finally:
            output("nft", "flush", "ruleset")
            output("iptables-legacy", "-F")
            output("ipset", "destroy")
            output("umount", "/run/xtables.lock")


def rules_of(variant):
    """Without numbers of packets."""
    return [line.partition(" [")[0] for line in output(
        "iptables-%s-save" % variant).splitlines() if line[:1] in ":-*"]


def listing():
    return (output("nft", "-a", "list", "ruleset").splitlines() + rules_of("nft") +
            rules_of("legacy"))


def lifted():
    """Which of the kernel's blocks are."""
    text = output("nft", "list", "ruleset")
    found = set()
    for name, one in (("nft", "table inet own"), ("iptables-nft", "table ip filter")):
        at = text.find(one)
        if at >= 0 and "@geopause_" in text[at:].split("\n}\n", maxsplit=1)[0]:
            found.add(name)
    if any("--datestop" in line for line in rules_of("legacy")):
        found.add("iptables-legacy")
    return found


ORDERS = (("nft", "tables", "provider"), ("provider", "nft", "tables"),
          ("nft", "provider", "tables"))
EVERYTHING = {"nft", "iptables-nft", "iptables-legacy"}


def serve(bed, *order):
    """order: names of KERNEL, and "provider"."""
    provider = bed.serve("vultr")
    provider.document["deadline"] = "4s"
    bed.targets = []
    bed.policy(targets=[dict(KERNEL[name], name=name) if name in KERNEL else provider.document
                        for name in order], challenges=["http-01", "tls-alpn-01"])
    bed.targets = [provider]
    return provider


def watch(provider, seen):
    """Which of the kernel's were lifted at each write of the provider's; a function may do more."""
    def look(number, when):
        request = provider.model.requests[number - 1]
        if provider.model.is_write(request):
            seen.append((request.method, when, lifted()))
    provider.model.on_request = look


def lifted_before(order):
    """Those of the kernel that come before the provider."""
    names = order[:order.index("provider")]
    return {"nft"} & set(names) | ({"iptables-nft", "iptables-legacy"} if "tables" in names
                                   else set())


def case_mixed(bed):
    """All are open in the window, and are closed in the other order."""
    for order in ORDERS:
        provider, seen = serve(bed, *order), []
        before, closed = provider.model.snapshot(), provider.matrix()
        with kernel(bed):
            there = listing()
            watch(provider, seen)
            bed.pre()
            require(lifted() == EVERYTHING, "lifted: %s" % lifted())
            require(provider.matrix() == provider.lifted(closed), "the provider is not open")
            bed.post()
            for method, when, those in seen:
                require(those == lifted_before(order), "%s %s: lifted were %s, not %s" % (
                    when, method, those, lifted_before(order)))
            require({method for method, _, _ in seen} == {"POST", "DELETE"}, "%s" % seen)
            require(listing() == there, "\n".join(listing()))
            bed.require_closed(before)
        bed.unserve()


def refuse_second_write(provider):
    """The first port is open, and the second is not to be had."""
    writes = []

    def refuse(model):
        if model.requests[-1].method == "POST":
            writes.append(model.requests[-1])
            return "401" if len(writes) > 1 else None
        return None
    provider.model.faults = dict.fromkeys(range(1, 50), refuse)


def case_mixed_provider_fails(bed):
    """Whatever was lifted before it, and the part of it that was, is taken back."""
    for order in ORDERS:
        provider, seen = serve(bed, *order), []
        before = provider.model.snapshot()
        with kernel(bed):
            there = listing()
            watch(provider, seen)
            refuse_second_write(provider)
            requires(bed.pre(status=FAILED)[1], "target vultr", "nothing is open")
            gone = [those for method, _, those in seen if method == "DELETE"]
            require(gone and all(those == lifted_before(order) for those in gone),
                    "not in the other order: %s" % seen)
            require(listing() == there, "\n".join(listing()))
            bed.require_closed(before)
        bed.unserve()


def spoil_kernel(name):
    """It is another ruleset than was looked at."""
    if name == "nft":
        output("nft", "delete", "table", "inet", "own")
    else:
        output("iptables-legacy", "-D", "INPUT", "1")
        output("iptables-nft", "-D", "INPUT", "1")


def case_mixed_kernel_fails(bed):
    """The kernel's part is gone when its turn comes: the provider is closed again."""
    for name in KERNEL:
        provider, seen = serve(bed, "provider", name), []
        before = provider.model.snapshot()
        with kernel(bed):
            def spoil(_number, when, model=provider.model, name=name, seen=seen):
                if when == "after" and model.writes() and not seen:
                    seen.append(name)
                    spoil_kernel(name)
            provider.model.on_request = spoil
            _, text = bed.pre(status=(FAILED, POLICY))
            require(seen and any(r.method == "DELETE" for r in provider.model.writes()),
                    "the provider was not asked to close: " + text)
            require(not lifted(), "lifted: %s" % lifted())
            bed.require_closed(before)
        bed.unserve()


def case_mixed_left_open(bed):
    """The provider does not let itself be closed: the rest is, and it is named until it is."""
    provider = serve(bed, "nft", "tables", "provider")
    before = provider.model.snapshot()
    with kernel(bed):
        there = listing()
        bed.pre()
        answer = provider.model.answer
        provider.model.answer = lambda request: Reply(403, {"error": "no"}) \
            if provider.model.is_write(request) else answer(request)
        _, text = bed.post(status=OPEN)
        requires(text, "may still be open in [^\n]*vultr", "geopause restore")
        open_in = re.search("may still be open in ([^\n]*)", text).group(1)
        require("inet own" not in open_in and "filter" not in open_in, "it is closed: " + text)
        require(listing() == there, "\n".join(listing()))
        provider.model.answer = answer
        bed.run("restore")
        bed.require_closed(before)


CASES = {name[5:].replace("_", "-"): function for name, function in globals().items()
         if name.startswith("case_")}
