# SPDX-License-Identifier: GPL-3.0-or-later
"""TLS, hosts, redirects, tokens and secrets."""
import base64
import hashlib
import os
import re
import resource
import signal
import ssl
import subprocess

from bed import FAILED, require, requires, until
from model import MODELS
from model.message import Reply
from model.server import certificate, tls


def hurry(bed, target):
    """What may pass is tried again until the deadline."""
    target.document["deadline"] = "2s"
    bed.policy()


def refused_before_sending(bed, target, *patterns):
    hurry(bed, target)
    before = target.model.snapshot()
    requires(bed.pre(status=FAILED)[1], *patterns)
    require(not target.model.requests, "a request was sent")
    bed.require_closed(before)


def case_certificate(bed):
    """A certificate that is not the CA's, or not for this host, ends the connection."""
    target = bed.serve("linode")
    other = bed.path("other")
    os.mkdir(other)
    certificate(other, ["api.linode.com"])
    target.document["ca_file"] = other + "/model.pem"
    bed.policy()
    refused_before_sending(bed, target, "linode", "certificate")
    bed.unserve()
    pair = certificate(other, ["api.linode.example"])
    target = bed.serve("linode", context=tls(*pair))
    target.document["ca_file"] = other + "/model.pem"
    bed.policy()
    refused_before_sending(bed, target, "linode")


def case_old_tls(bed):
    """TLS 1.1 is refused."""
    pair = certificate(bed.dir, ["api.linode.com"])
    context = tls(*pair)
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    target = bed.serve("linode", context=context)
    refused_before_sending(bed, target, "linode")


def pin_of(path):
    """As CURLOPT_PINNEDPUBLICKEY takes it."""
    key = subprocess.run(["openssl", "x509", "-in", path, "-noout", "-pubkey"], check=True,
                         capture_output=True).stdout
    der = subprocess.run(["openssl", "pkey", "-pubin", "-outform", "DER"], input=key, check=True,
                         capture_output=True).stdout
    return "sha256//" + base64.b64encode(hashlib.sha256(der).digest()).decode()


def case_pin(bed):
    """An appliance's key, pinned, is proof enough; another key is none."""
    target = bed.serve("opnsense-rule")
    before = target.model.snapshot()
    del target.document["ca_file"]
    target.document["pin"] = pin_of(bed.path("model.pem"))
    bed.policy()
    bed.pre()
    bed.post()
    bed.require_closed(before)
    bed.wait_for_watchdog()
    target.forget()
    target.document["pin"] = "sha256//" + base64.b64encode(bytes(32)).decode()
    bed.policy()
    refused_before_sending(bed, target, "opnsense-rule")


def case_redirect(bed):
    """Never followed: neither the request nor its token go to another host."""
    elsewhere = MODELS["vultr"]()
    elsewhere.hosts = ("elsewhere.test",)
    target = bed.serve("vultr", more=[elsewhere])
    target.model.faults = dict.fromkeys(range(1, 50), "redirect")
    requires(bed.pre(status=FAILED)[1], "vultr", "302")
    require(not elsewhere.requests, "it was followed")


def case_next_page_elsewhere(bed):
    """A reply's link to another host is refused."""
    elsewhere = MODELS["azure-nsg"]()
    elsewhere.hosts = ("elsewhere.test",)
    target = bed.serve("azure-nsg", more=[elsewhere])
    target.model.read = lambda _request: Reply(
        200, {"value": [], "nextLink": "https://elsewhere.test/x"})
    hurry(bed, target)
    before = target.model.snapshot()
    requires(bed.pre(status=FAILED)[1], "azure-nsg", "elsewhere.test")
    require(not elsewhere.requests, "the token went to another host")
    bed.require_closed(before)


def case_expired_token(bed):
    """A token that has expired meanwhile is got anew, once."""
    for recipe in ("azure-nsg", "gcp-armor"):
        target = bed.serve(recipe)
        before = target.model.snapshot()

        def expire(_model, tokens=target.model.tokens):
            tokens.state["expired"] = 1
        target.model.faults = {1: expire}
        bed.pre()
        require(target.model.tokens.state["issued"] == 2, "not got anew")
        bed.post()
        bed.require_closed(before)
        bed.unserve()


def case_busy(bed):
    """A provider that is busy says so in its own way: each first try of a write is looked at and repeated."""
    for recipe, reply in (
            ("aws-wafv2", Reply(400, {"__type": "com.amazon.coral.availability#ThrottlingException",
                                      "message": "Rate exceeded"})),
            ("hetzner", Reply(423, {"error": {"code": "locked", "message": "locked"}}))):
        target = bed.serve(recipe)
        before, closed = target.model.snapshot(), target.matrix()
        refused = []

        def answer(request, model=target.model, reply=reply, refused=refused):
            this = (request.method, request.path, request.body)
            if not model.is_write(request) or this in refused:
                return type(model).answer(model, request)
            refused.append(this)
            return reply
        target.model.answer = answer
        bed.pre()
        require(target.matrix() == target.lifted(closed), "not lifted")
        bed.post()
        bed.require_closed(before)
        require(len(refused) > 1, "%s was not busy" % recipe)
        bed.unserve()


def case_unreadable_secret(bed):
    """A secret that others can read, or that is not there, is refused by name."""
    target = bed.serve("vultr")
    path = target.document["secrets"]["token"]["file"]
    os.chmod(path, 0o644)
    requires(bed.pre(status=(FAILED, 5))[1], re.escape(path))
    os.unlink(path)
    requires(bed.pre(status=(FAILED, 5))[1], re.escape(path))
    require(not target.model.requests, "a request was sent")


def dumps_core(process):
    """Killed by SIGABRT: does a core file, or a program that takes cores, get its memory?"""
    process.send_signal(signal.SIGABRT)
    return os.WCOREDUMP(os.waitpid(process.pid, 0)[1])


def case_no_core(bed):
    """Secrets are in memory while a request waits: that memory is not written to a core."""
    target = bed.serve("vultr")
    resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    require(dumps_core(bed.sleeper()), "no program here dumps core: nothing can be seen")
    target.spoil(1, "hang")
    process = bed.start("pre", "--lease", "test", "--owner", "none")
    until(lambda: target.model.requests, "the first request")
    require(not dumps_core(process), "it dumps core")


CASES = {name[5:].replace("_", "-"): function for name, function in globals().items()
         if name.startswith("case_")}
