# SPDX-License-Identifier: GPL-3.0-or-later
"""A model of DigitalOcean's firewalls: inbound rules of one firewall, written asynchronously."""
from .message import Refusal, Reply
from .server import Model

FIREWALL = "bb4b2611-3d72-467b-8602-280330ecd65c"
WORLD = ["0.0.0.0/0", "::/0"]


class DigitalOcean(Model):
    hosts = ("api.digitalocean.com",)
    params = {"firewall": FIREWALL}
    secrets = {"token": "dop_v1_secret_0002"}
    volatile = ("status", "pending_changes")
    takes = 1  # so many requests until the droplets have it
    fails = False  # or never
    routes = (
        ("GET", "/v2/firewalls/" + FIREWALL, "read"),
        ("POST", "/v2/firewalls/%s/rules" % FIREWALL, "add"),
        ("DELETE", "/v2/firewalls/%s/rules" % FIREWALL, "remove"),
    )

    def initial(self):
        return {"id": FIREWALL, "name": "web", "status": "succeeded", "pending_changes": [],
                "droplet_ids": [8043964], "tags": [],
                "inbound_rules": [
                    {"protocol": "tcp", "ports": "22", "action": "allow",
                     "sources": {"addresses": ["192.0.2.7"]}},
                    {"protocol": "tcp", "ports": "80", "sources": {"addresses": ["198.51.0.0/16"]}},
                    {"protocol": "tcp", "ports": "443",
                     "sources": {"addresses": ["198.51.0.0/16"]}}],
                "outbound_rules": []}

    def authorize(self, request):
        if request.headers.get("authorization") != "Bearer " + self.secrets["token"]:
            raise Refusal(401, {"id": "unauthorized", "message": "Unable to authenticate you"})

    def read(self, _request):
        return Reply(200, {"firewall": self.state})

    def pending(self):
        self.state["status"] = "waiting"
        self.state["pending_changes"] = [
            {"droplet_id": 8043964, "removing": False, "status": "waiting"}]

        def done():
            self.state["status"] = "failed" if self.fails else "succeeded"
            self.state["pending_changes"] = []
        self.after(self.takes, done)
        return Reply(204)

    @staticmethod
    def rules_of(request):
        rules = request.json().get("inbound_rules")
        if not rules:
            raise Refusal(400, {"id": "bad_request", "message": "no rules"})
        return [dict(rule, action=rule.get("action", "allow")) for rule in rules]

    def add(self, request):
        for rule in self.rules_of(request):
            if rule in self.state["inbound_rules"]:
                raise Refusal(409, {"id": "conflict", "message": "duplicate rule"})
            self.state["inbound_rules"].append(rule)
        return self.pending()

    def remove(self, request):
        for rule in self.rules_of(request):
            if rule not in self.state["inbound_rules"]:
                raise Refusal(404, {"id": "not_found", "message": "no such rule"})
            self.state["inbound_rules"].remove(rule)
        return self.pending()

    def passes(self, source, port, path):
        for rule in self.state["inbound_rules"]:
            if rule["protocol"] == "tcp" and rule["ports"] == str(port):
                addresses = rule["sources"]["addresses"]
                if addresses == WORLD or (source == "free4" and "198.51.0.0/16" in addresses):
                    return True
        return False

    def foreign(self):
        self.state["inbound_rules"].insert(0, {
            "protocol": "tcp", "ports": "8080", "sources": {"addresses": ["192.0.2.9"]}})

    def theirs(self):
        """An object of the administrator's that is what the lift would make."""
        self.state["inbound_rules"].append(
            {"protocol": "tcp", "ports": "80", "sources": {"addresses": list(WORLD)}})
