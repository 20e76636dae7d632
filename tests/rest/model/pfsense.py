# SPDX-License-Identifier: GPL-3.0-or-later
"""A model of pfSense's REST API package: a rule's id is its place in the list."""
import copy

from .message import Refusal, Reply
from .server import Model

API = "/api/v2/firewall"


class Pfsense(Model):
    hosts = ("pfsense.test",)
    params = {"address": "pfsense.test"}
    secrets = {"key": "pfsense-secret-key-0009"}
    volatile = ("tracker", "applied")
    routes = (("GET", API + "/rules", "read"), ("DELETE", API + "/rules", "delete_many"),
              ("POST", API + "/rule", "create"), ("DELETE", API + "/rule", "delete_one"),
              ("POST", API + "/apply", "apply"), ("GET", API + "/apply", "applied"))

    def initial(self):
        rules = [{"tracker": 10, "type": "pass", "interface": ["wan"], "protocol": "tcp",
                  "source": "192.0.2.7", "destination_port": "22", "descr": "admin"},
                 {"tracker": 11, "type": "block", "interface": ["wan"], "protocol": None,
                  "source": "pfB_geo_v4", "destination_port": None, "descr": "geo"},
                 {"tracker": 12, "type": "pass", "interface": ["wan"], "protocol": "tcp",
                  "source": "any", "destination_port": "web", "descr": "web"}]
        return {"rules": rules, "running": copy.deepcopy(rules), "tracker": 20, "applied": True}

    def authorize(self, request):
        if request.headers.get("x-api-key") != self.secrets["key"]:
            raise Refusal(401, {"code": 401, "status": "unauthorized", "data": [],
                                "message": "Authentication failed"})

    @staticmethod
    def good(data):
        return Reply(200, {"code": 200, "status": "ok", "response_id": "SUCCESS", "data": data})

    def matching(self, request):
        query = {k: v for k, v in request.query.items() if k not in ("limit", "offset")}
        return [(i, r) for i, r in enumerate(self.state["rules"])
                if all(r.get(k) == v for k, v in query.items())]

    def read(self, request):
        return self.good([dict(r, id=i) for i, r in self.matching(request)])

    def create(self, request):
        rule = request.json()
        place = rule.pop("placement", len(self.state["rules"]))
        if rule["protocol"] not in ("tcp", "udp") or not isinstance(rule["interface"], list):
            raise Refusal(400, {"code": 400, "status": "bad request", "data": [],
                                "message": "Field `protocol` must be one of them"})
        self.state["tracker"] += 1
        rule["tracker"] = self.state["tracker"]
        self.state["rules"].insert(place, rule)
        return self.good(dict(rule, id=place))

    def delete_many(self, request):
        gone = self.matching(request)
        for _i, rule in gone:
            self.state["rules"].remove(rule)
        return self.good([rule for _i, rule in gone])

    def delete_one(self, request):
        place = int(request.query["id"])
        if place >= len(self.state["rules"]):
            raise Refusal(404, {"code": 404, "status": "not found", "message": "no such rule"})
        return self.good(self.state["rules"].pop(place))

    def apply(self, _request):
        self.state["applied"] = False

        def done():
            self.state["running"], self.state["applied"] = copy.deepcopy(self.state["rules"]), True
        self.after(1, done)
        return self.good({"applied": False, "pending_subsystems": ["firewall"]})

    def applied(self, _request):
        return self.good({"applied": self.state["applied"], "pending_subsystems": []})

    def passes(self, source, port, path):
        for rule in self.state["running"]:
            if rule["destination_port"] not in (None, str(port)) and \
                    not (rule["destination_port"] == "web" and port in (80, 443)):
                continue
            if rule["source"] == "any" or \
                    (rule["source"] == "pfB_geo_v4" and source.startswith("blocked")):
                return rule["type"] == "pass"
        return False

    def foreign(self):
        """Before all others: every id shifts."""
        rule = {"tracker": 5, "type": "pass", "interface": ["wan"], "protocol": "tcp",
                "source": "192.0.2.9", "destination_port": "8080", "descr": "new"}
        self.state["rules"].insert(0, rule)
        self.state["running"].insert(0, dict(rule))
