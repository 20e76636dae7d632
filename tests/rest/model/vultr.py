# SPDX-License-Identifier: GPL-3.0-or-later
"""A model of Vultr's firewall groups; lists come in pages."""
import base64

from .message import Refusal, Reply
from .server import Model

GROUP = "e0bd5ac9-1f4b-4e2c-9d8e-2c4f0a5b6d7e"
RULES = "/v2/firewalls/%s/rules" % GROUP


class Vultr(Model):
    hosts = ("api.vultr.com",)
    params = {"group": GROUP}
    secrets = {"token": "vultr-secret-key-0003"}
    volatile = ("next",)
    page_max = 500
    routes = (("GET", RULES, "read"), ("POST", RULES, "create"),
              ("DELETE", RULES + "/([0-9]+)", "delete"))

    def initial(self):
        def rule(number, port, subnet, size, notes):
            return {"id": number, "type": "v4", "ip_type": "v4", "action": "accept",
                    "protocol": "tcp", "port": port, "subnet": subnet, "subnet_size": size,
                    "source": "", "notes": notes}
        return {"next": 5, "rules": [
            rule(1, "22", "192.0.2.7", 32, "admin"), rule(2, "80", "198.51.0.0", 16, "geo"),
            rule(3, "443", "198.51.0.0", 16, "geo"), rule(4, "25", "0.0.0.0", 0, "mail")]}

    def authorize(self, request):
        if request.headers.get("authorization") != "Bearer " + self.secrets["token"]:
            raise Refusal(401, {"error": "Invalid API token.", "status": 401})

    def read(self, request):
        start = int(base64.b64decode(request.query.get("cursor", "") or "MA=="))
        end = start + min(int(request.query.get("per_page", 100)), self.page_max)
        more = end < len(self.state["rules"])
        following = base64.b64encode(str(end).encode()).decode() if more else ""
        return Reply(200, {"firewall_rules": self.state["rules"][start:end], "meta": {
            "total": len(self.state["rules"]), "links": {"next": following, "prev": ""}}})

    def create(self, request):
        asked = request.json()
        if set(asked) != {"ip_type", "protocol", "port", "subnet", "subnet_size", "notes"} or \
                not isinstance(asked["port"], str) or not isinstance(asked["subnet_size"], int) or \
                asked["protocol"] not in ("tcp", "udp") or len(asked["notes"]) > 255:
            raise Refusal(400, {"error": "Invalid request body.", "status": 400})
        rule = dict(asked, id=self.state["next"], type=asked["ip_type"], action="accept", source="")
        self.state["next"] += 1
        self.state["rules"].append(rule)
        return Reply(201, {"firewall_rule": rule})

    def delete(self, _request, number):
        rules = [rule for rule in self.state["rules"] if rule["id"] != int(number)]
        if len(rules) == len(self.state["rules"]):
            raise Refusal(404, {"error": "Invalid firewall rule.", "status": 404})
        self.state["rules"] = rules
        return Reply(204)

    def passes(self, source, port, path):
        for rule in self.state["rules"]:
            if rule["protocol"] != "tcp" or rule["port"] != str(port):
                continue
            world = rule["subnet_size"] == 0 and rule["ip_type"][1] == source[-1]
            if world or (source == "free4" and rule["subnet"] == "198.51.0.0"):
                return True
        return False

    def foreign(self):
        self.state["rules"].insert(0, dict(self.state["rules"][0], id=99, port="8080", notes="new"))
