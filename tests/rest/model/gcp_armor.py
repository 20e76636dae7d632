# SPDX-License-Identifier: GPL-3.0-or-later
"""A model of Google Cloud Armor: rules by priority, patched by operations."""
import copy
import json
import re
import subprocess

from .oauth import JwtBearer
from .message import Refusal, Reply
from .server import Model

GLOBAL = "/compute/v1/projects/proj-1/global"
EMAIL = "geopause@proj-1.iam.gserviceaccount.com"
OURS = re.compile(r"\((.*)\) && !request\.path\.startsWith\('(/[^']*)'\)")


def new_key():
    """A private key and its public half, PEM."""
    private = subprocess.run(["openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt",
                              "rsa_keygen_bits:2048"], check=True, capture_output=True).stdout
    public = subprocess.run(["openssl", "pkey", "-pubout"], input=private, check=True,
                            capture_output=True).stdout
    return private.decode(), public.decode()


class GcpArmor(Model):
    hosts = ("compute.googleapis.com",)
    params = {"project": "proj-1", "policy": "edge", "rule": "1000"}
    volatile = ("next", "operations")
    routes = (("GET", GLOBAL + "/securityPolicies/edge/getRule", "read"),
              ("POST", GLOBAL + "/securityPolicies/edge/patchRule", "patch"),
              ("GET", GLOBAL + "/operations/(operation-[0-9]+)", "operation"))

    def __init__(self):
        super().__init__()
        private, public = new_key()
        self.tokens = JwtBearer("oauth2.googleapis.com", "/token", EMAIL, public)
        self.beside = [self.tokens]
        self.secrets = {"account": json.dumps({
            "type": "service_account", "client_email": EMAIL, "private_key": private,
            "token_uri": "https://oauth2.googleapis.com/token"})}

    def initial(self):
        return {"next": 1, "operations": {}, "rules": {
            "1000": {"kind": "compute#securityPolicyRule", "priority": 1000, "action": "deny(403)",
                     "preview": False, "description": "geo", "match": {"expr": {
                         "expression": "origin.region_code == 'XA'"}}},
            "2147483647": {"kind": "compute#securityPolicyRule", "priority": 2147483647,
                           "action": "allow", "preview": False, "match": {
                               "versionedExpr": "SRC_IPS_V1", "config": {"srcIpRanges": ["*"]}}}}}

    def authorize(self, request):
        if not self.tokens.is_good(request):
            self.refuse(401, "Request had invalid authentication credentials.")

    @staticmethod
    def refuse(status, message):
        raise Refusal(status, {"error": {"code": status, "message": message}})

    def rule(self, request):
        if request.query.get("priority") not in self.state["rules"]:
            self.refuse(400, "Invalid value for field 'priority'")
        return self.state["rules"][request.query["priority"]]

    def read(self, request):
        return Reply(200, self.rule(request))

    def patch(self, request):
        rule, new = self.rule(request), copy.deepcopy(request.json())
        if set(new) != {"match"}:
            self.refuse(400, "more is written than was changed")
        name = "operation-%d" % self.state["next"]
        self.state["next"] += 1
        operation = {"kind": "compute#operation", "name": name, "status": "PENDING"}
        self.state["operations"][name] = operation

        def done():
            rule.update(new)
            operation["status"] = "DONE"
        self.after(1, done)
        return Reply(200, operation)

    def operation(self, _request, name):
        if name not in self.state["operations"]:
            self.refuse(404, "The resource was not found")
        return Reply(200, self.state["operations"][name])

    def passes(self, source, port, path):
        if port not in (80, 443):
            return False
        ours = OURS.fullmatch(self.state["rules"]["1000"]["match"]["expr"]["expression"])
        return source.startswith("free") or bool(ours and path.startswith(ours.group(2)))

    def foreign(self):
        self.state["rules"]["1000"]["description"] = "reviewed"

    def foreign_over_ours(self):
        self.state["rules"]["1000"]["match"] = {"expr": {
            "expression": "origin.region_code == 'XC'"}}
