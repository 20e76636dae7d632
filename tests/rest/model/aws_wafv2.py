# SPDX-License-Identifier: GPL-3.0-or-later
"""A model of AWS WAFv2: one web ACL with a lock token; requests are signed (SigV4)."""
import base64
import hashlib
import hmac
import re
import time

from .message import Refusal, Reply
from .server import Model

ACL_ID = "a1b2c3d4-5678-90ab-cdef-1234567890ab"
REGION = "eu-central-1"
HOST = "wafv2.%s.amazonaws.com" % REGION
DROPPED = ("ARN", "Capacity", "LabelNamespace", "ManagedByFirewallManager")
UPDATE = {"Name", "Scope", "Id", "LockToken", "DefaultAction", "Rules", "VisibilityConfig"}
AT_LEAST_ONE = ("Description", "TokenDomains")  # optional, and not empty
AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^/]+)/([0-9]{8})/([^/]+)/([^/]+)/aws4_request, ?"
    r"SignedHeaders=([a-z0-9;-]+), ?Signature=([0-9a-f]{64})")


def sha256(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


class AwsWafv2(Model):
    hosts = (HOST,)
    params = {"region": REGION, "acl": "edge", "acl_id": ACL_ID, "rule": "geo"}
    secrets = {"key": "AKIDEXAMPLE0012", "secret": "aws/secret+key/0013"}
    volatile = ("token",)
    routes = (("POST", "/", "post"),)

    def initial(self):
        metric = {"SampledRequestsEnabled": True, "CloudWatchMetricsEnabled": True}
        return {"token": 1, "acl": {
            "Name": "edge", "Id": ACL_ID, "ARN": "arn:aws:wafv2:%s:1:x" % REGION, "Capacity": 10,
            "LabelNamespace": "awswaf:1:webacl:edge:", "ManagedByFirewallManager": False,
            "DefaultAction": {"Allow": {}}, "Description": "",
            "VisibilityConfig": dict(metric, MetricName="edge"),
            "TokenDomains": ["example.com"],
            "Rules": [
                {"Name": "rate", "Priority": 0, "Action": {"Block": {}},
                 "Statement": {"RateBasedStatement": {"Limit": 100, "AggregateKeyType": "IP"}},
                 "VisibilityConfig": dict(metric, MetricName="rate")},
                {"Name": "geo", "Priority": 1, "Action": {"Block": {}},
                 "Statement": {"GeoMatchStatement": {"CountryCodes": ["XA", "XB"]}},
                 "VisibilityConfig": dict(metric, MetricName="geo")}]}}

    def is_write(self, request):
        return request.headers.get("x-amz-target", "").endswith("UpdateWebACL")

    @staticmethod
    def refuse(kind, message, status=400):
        raise Refusal(status, {"__type": kind, "message": message})

    def expected_signature(self, request, scope, signed, when):
        day, region, service = scope
        headers = "".join("%s:%s\n" % (n, " ".join(request.headers.get(n, "").split()))
                          for n in signed.split(";"))
        canonical = "\n".join([request.method, request.path, "", headers, signed,
                               hashlib.sha256(request.body).hexdigest()])
        text = "\n".join(["AWS4-HMAC-SHA256", when, "/".join(scope) + "/aws4_request",
                          hashlib.sha256(canonical.encode()).hexdigest()])
        key = ("AWS4" + self.secrets["secret"]).encode()
        for part in (day, region, service, "aws4_request"):
            key = sha256(key, part)
        return sha256(key, text).hex()

    def authorize(self, request):
        match = AUTHORIZATION.fullmatch(request.headers.get("authorization", ""))
        if not match:
            self.refuse("MissingAuthenticationTokenException", "Missing Authentication Token")
        key, day, region, service, signed, signature = match.groups()
        when = request.headers.get("x-amz-date", "")
        if key != self.secrets["key"] or (region, service) != (REGION, "wafv2") or \
                not when.startswith(day) or day != time.strftime("%Y%m%d", time.gmtime()):
            self.refuse("UnrecognizedClientException", "The security token is invalid.")
        if self.secrets.get("session") != request.headers.get("x-amz-security-token"):
            self.refuse("UnrecognizedClientException", "The session token is invalid.")
        if {"host", "x-amz-date"} - set(signed.split(";")) or \
                set(signed.split(";")) - set(request.headers) or signature != \
                self.expected_signature(request, (day, region, service), signed, when):
            self.refuse("InvalidSignatureException", "The request signature does not match.")

    def post(self, request):
        if request.headers.get("content-type") != "application/x-amz-json-1.1":
            self.refuse("SerializationException", "content type")
        asked = request.json()
        if (asked.get("Name"), asked.get("Scope"), asked.get("Id")) != \
                ("edge", "REGIONAL", ACL_ID):
            self.refuse("WAFNonexistentItemException", "AWS WAF couldn't find the resource.")
        target = request.headers.get("x-amz-target")
        if target == "AWSWAF_20190729.GetWebACL":
            return Reply(200, {"WebACL": self.state["acl"], "LockToken": self.lock_token()})
        if target == "AWSWAF_20190729.UpdateWebACL":
            return self.update(asked)
        return self.refuse("UnknownOperationException", "")

    def lock_token(self):
        return "00000000-0000-4000-8000-%012x" % self.state["token"]

    def update(self, asked):
        if asked["LockToken"] != self.lock_token():
            self.refuse("WAFOptimisticLockException", "AWS WAF couldn't save your changes.")
        if set(asked) - set(AT_LEAST_ONE) != UPDATE:
            self.refuse("WAFInvalidParameterException", str(set(asked) ^ UPDATE))
        if any(asked.get(name) in ("", []) for name in AT_LEAST_ONE):
            self.refuse("ValidationException", "Member must have length greater than or equal to 1")
        kept = {k: self.state["acl"][k] for k in DROPPED}
        changed = {k: v for k, v in asked.items() if k not in ("Scope", "LockToken")}
        self.state["acl"] = dict({"Description": ""}, **changed, **kept)
        self.state["token"] += 1
        return Reply(200, {"NextLockToken": self.lock_token()})

    def holds(self, statement, source, path):
        (kind, content), = statement.items()
        if kind == "GeoMatchStatement":
            return source.startswith("blocked")
        if kind == "AndStatement":
            return all(self.holds(s, source, path) for s in content["Statements"])
        if kind == "NotStatement":
            return not self.holds(content["Statement"], source, path)
        return kind == "ByteMatchStatement" and content["FieldToMatch"] == {"UriPath": {}} and \
            content["PositionalConstraint"] == "STARTS_WITH" and \
            path.startswith(base64.b64decode(content["SearchString"]).decode())

    def passes(self, source, port, path):
        if port not in (80, 443):
            return False
        geo = [r for r in self.state["acl"]["Rules"] if r["Name"] == "geo"][0]
        return not self.holds(geo["Statement"], source, path)

    def foreign(self):
        self.state["acl"]["Rules"].insert(0, dict(self.state["acl"]["Rules"][0], Name="new",
                                                  Priority=7))
        self.state["token"] += 1

    def foreign_in_rule(self):
        geo = [r for r in self.state["acl"]["Rules"] if r["Name"] == "geo"][0]
        geo["VisibilityConfig"]["MetricName"] = "geo2"
        self.state["token"] += 1

    def foreign_over_ours(self):
        """The administrator writes the lifted statement anew: what he means is his."""
        geo = [r for r in self.state["acl"]["Rules"] if r["Name"] == "geo"][0]
        geo["Statement"] = {"GeoMatchStatement": {"CountryCodes": ["XA", "XB", "XC"]}}
        self.state["token"] += 1
