# SPDX-License-Identifier: GPL-3.0-or-later
"""A model of Cloudflare's Rulesets API: the custom rules of one zone."""
import re

from .message import Refusal, Reply
from .server import Model

ZONE = "0123456789abcdef0123456789abcdef"
OURS = re.compile(r'starts_with\(http\.request\.uri\.path, "(/[^"]+)"\) and '
                  r'http\.request\.timestamp\.sec lt ([0-9]+)')
RULE = {"action", "action_parameters", "expression", "description", "ref", "enabled", "position"}


class CloudflareWaf(Model):
    hosts = ("api.cloudflare.com",)
    params = {"zone": ZONE}
    secrets = {"token": "cf-secret-token-0001"}
    volatile = ("version", "last_updated")
    routes = (
        ("GET", "/client/v4/zones/%s/rulesets/phases/http_request_firewall_custom/entrypoint"
         % ZONE, "read"),
        ("POST", "/client/v4/zones/%s/rulesets/rs1/rules" % ZONE, "create"),
        ("PATCH", "/client/v4/zones/%s/rulesets/rs1/rules/([a-z0-9]+)" % ZONE, "change"),
        ("DELETE", "/client/v4/zones/%s/rulesets/rs1/rules/([a-z0-9]+)" % ZONE, "delete"),
    )

    def initial(self):
        return {
            "id": "rs1", "version": "7", "last_updated": "2026-01-01T00:00:00Z",
            "phase": "http_request_firewall_custom", "rules": [
                {"id": "r1", "ref": "r1", "action": "block", "enabled": True,
                 "expression": '(ip.geoip.country in {"XA" "XB"})', "description": "geo"},
                {"id": "r2", "ref": "r2", "action": "log", "enabled": True,
                 "expression": '(http.request.uri.path eq "/wp-login.php")', "description": ""}]}

    def authorize(self, request):
        if request.headers.get("authorization") != "Bearer " + self.secrets["token"]:
            raise Refusal(*self.failure(401, 10000, "Authentication error"))

    @staticmethod
    def failure(status, code, message):
        return status, {"success": False, "errors": [{"code": code, "message": message}],
                        "messages": [], "result": None}

    def result(self):
        """A ruleset without rules has no member for them."""
        result = {name: value for name, value in self.state.items() if value != []}
        return Reply(200, {"success": True, "errors": [], "messages": [], "result": result})

    def read(self, _request):
        return self.result()

    def written(self):
        self.state["version"] = str(int(self.state["version"]) + 1)
        self.state["last_updated"] = "2026-01-01T00:00:%02dZ" % (int(self.state["version"]) % 60)
        return self.result()

    def asked(self, request):
        rule = request.json()
        if set(rule) - RULE or len(rule["expression"]) > 4096:
            raise Refusal(*self.failure(400, 20021, "unknown field, or too long an expression"))
        return rule

    def create(self, request):
        rule = self.asked(request)
        position = rule.pop("position", None)
        if any(r["ref"] == rule.get("ref") for r in self.state["rules"]):
            raise Refusal(*self.failure(400, 20155, "there is a rule with this ref"))
        rule["id"] = "n" + self.state["version"]
        if position == {"before": ""}:
            self.state["rules"].insert(0, rule)
        else:
            self.state["rules"].append(rule)
        return self.written()

    def find(self, name):
        for rule in self.state["rules"]:
            if rule["id"] == name:
                return rule
        raise Refusal(*self.failure(404, 20127, "could not find rule"))

    def change(self, request, name):
        self.find(name).update(self.asked(request))
        return self.written()

    def delete(self, _request, name):
        self.state["rules"].remove(self.find(name))
        return self.written()

    def passes(self, source, port, path):
        if port not in (80, 443):
            return False
        for rule in self.state["rules"]:
            ours = OURS.fullmatch(rule["expression"])
            if ours and path.startswith(ours.group(1)) and self.now() < int(ours.group(2)):
                return True
            if rule["action"] == "block" and source.startswith("blocked"):
                return False
        return True

    def emptied(self):
        """The administrator deletes all rules of his."""
        self.state["rules"] = [r for r in self.state["rules"] if OURS.fullmatch(r["expression"])]

    def foreign(self):
        self.state["rules"].insert(0, {"id": "f1", "ref": "f1", "action": "log", "enabled": True,
                                       "expression": '(ip.src eq 192.0.2.1)', "description": ""})
