# SPDX-License-Identifier: GPL-3.0-or-later
"""A model of Linode's firewall rules: written as a whole, without a condition."""
from .message import Refusal, Reply
from .server import Model

PATH = "/v4/networking/firewalls/123/rules"
MEMBERS = {"inbound", "inbound_policy", "outbound", "outbound_policy"}


class Linode(Model):
    hosts = ("api.linode.com",)
    params = {"firewall": "123"}
    secrets = {"token": "linode-secret-token-0010"}
    unprotected = True
    volatile = ("version", "fingerprint")
    routes = (("GET", PATH, "read"), ("PUT", PATH, "put"))

    def initial(self):
        return {"inbound": [
            {"label": "geo", "action": "ACCEPT", "protocol": "TCP", "ports": "80,443",
             "addresses": {"ipv4": ["198.51.0.0/16"]}},
            {"label": "ssh", "action": "ACCEPT", "protocol": "TCP", "ports": "22",
             "addresses": {"ipv4": ["192.0.2.7/32"]}}],
                "inbound_policy": "DROP", "outbound": [], "outbound_policy": "ACCEPT",
                "version": 3, "fingerprint": "f0000003"}

    def authorize(self, request):
        if request.headers.get("authorization") != "Bearer " + self.secrets["token"]:
            raise Refusal(401, {"errors": [{"reason": "Invalid Token"}]})

    def read(self, _request):
        return Reply(200, self.state)

    def step(self):
        self.state["version"] += 1
        self.state["fingerprint"] = "f%07x" % self.state["version"]

    def put(self, request):
        new = request.json()
        if set(new) != MEMBERS or any(not 3 <= len(r["label"]) <= 32 or
                                      len(r.get("description", "")) > 100 or
                                      len(r["ports"].split(",")) > 15 for r in new["inbound"]):
            raise Refusal(400, {"errors": [{"reason": "Invalid rules", "field": "inbound"}]})
        self.state.update(new)
        self.step()
        return Reply(200, self.state)

    def passes(self, source, port, path):
        for rule in self.state["inbound"]:
            if str(port) not in rule["ports"].split(","):
                continue
            v4, v6 = rule["addresses"].get("ipv4", []), rule["addresses"].get("ipv6", [])
            world = "0.0.0.0/0" in v4 if source.endswith("4") else "::/0" in v6
            if world or (source == "free4" and "198.51.0.0/16" in v4):
                return rule["action"] == "ACCEPT"
        return self.state["inbound_policy"] == "ACCEPT"

    def foreign(self):
        """Before all others: ours is in another place now."""
        self.state["inbound"].insert(0, {
            "label": "new", "action": "ACCEPT", "protocol": "TCP", "ports": "8080",
            "addresses": {"ipv4": ["192.0.2.9/32"]}})
        self.step()
