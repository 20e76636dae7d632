# SPDX-License-Identifier: GPL-3.0-or-later
"""Models of OPNsense: automation rules (with apply), and pf tables of external aliases."""
import base64
import copy
import re

from .message import Refusal, Reply
from .server import Model

FIELDS = {"enabled", "sequence", "action", "quick", "interface", "direction", "ipprotocol",
          "protocol", "source_net", "destination_net", "destination_port", "description"}


class Opnsense(Model):
    hosts = ("opnsense.test",)
    secrets = {"key": "opnsense-secret-key-0007", "secret": "opnsense-secret-word-0008"}

    def authorize(self, request):
        user = "%s:%s" % (self.secrets["key"], self.secrets["secret"])
        if request.headers.get("authorization") != \
                "Basic " + base64.b64encode(user.encode()).decode():
            raise Refusal(401, {"status": 401, "message": "Authentication Failed"})


class OpnsenseRule(Opnsense):
    params = {"address": "opnsense.test"}
    volatile = ()
    routes = (("GET", "/api/firewall/filter/get_rule/([0-9a-f-]{36})", "get"),
              ("POST", "/api/firewall/filter/set_rule/([0-9a-f-]{36})", "set"),
              ("POST", "/api/firewall/filter/del_rule/([0-9a-f-]{36})", "delete"),
              ("POST", "/api/firewall/filter/apply", "apply"))

    def initial(self):
        theirs = {"dcf0a9ab-92c6-4e1b-9c1f-2d3b4a5c6d7e": {
            "enabled": "1", "sequence": "100", "action": "pass", "interface": "wan",
            "protocol": "TCP", "source_net": "192.0.2.7", "destination_port": "22"}}
        return {"rules": theirs, "running": copy.deepcopy(theirs)}

    def get(self, _request, uuid):
        if uuid in self.state["rules"]:
            return Reply(200, {"rule": self.state["rules"][uuid]})
        return Reply(200, [])

    def set(self, request, uuid):
        rule = request.json()["rule"]
        if rule.get("protocol") not in ("TCP", "UDP") or \
                not all(isinstance(v, str) for v in rule.values()):
            return Reply(200, {"result": "failed", "validations": {"rule.protocol": "no option"}})
        if set(rule) - FIELDS or not 1 <= int(rule["sequence"]) <= 999999:
            return Reply(200, {"result": "failed", "validations": {"rule.sequence": "no such"}})
        if rule["ipprotocol"] == "inet46" and re.search("[0-9][.:]", rule["destination_net"]):
            return Reply(200, {"result": "failed", "validations": {
                "rule.destination_net": "Destination address type should match"}})
        self.state["rules"].setdefault(uuid, {}).update(rule)
        return Reply(200, {"result": "saved", "uuid": uuid})

    def delete(self, _request, uuid):
        if self.state["rules"].pop(uuid, None) is None:
            return Reply(200, {"result": "not found"})
        return Reply(200, {"result": "deleted"})

    def apply(self, _request):
        self.state["running"] = copy.deepcopy(self.state["rules"])
        return Reply(200, {"status": "OK\n\n"})

    def passes(self, source, port, path):
        if source.startswith("free"):
            return port in (80, 443)
        return any(r["action"] == "pass" and r["destination_port"] == str(port) and
                   r["source_net"] == "any" and r["protocol"] == "TCP"
                   for r in self.state["running"].values())

    def foreign(self):
        rule = {"enabled": "1", "sequence": "5", "action": "pass", "interface": "wan",
                "protocol": "TCP", "source_net": "192.0.2.9", "destination_port": "8080"}
        self.state["rules"]["00000000-0000-4000-8000-000000000001"] = rule
        self.state["running"]["00000000-0000-4000-8000-000000000001"] = dict(rule)


class OpnsenseAlias(Opnsense):
    hosts = ("opnsense-alias.test",)
    params = {"address": "opnsense-alias.test"}
    routes = (("GET", "/api/firewall/alias_util/list/acme_open", "read"),
              ("POST", "/api/firewall/alias_util/add/acme_open", "add"),
              ("POST", "/api/firewall/alias_util/delete/acme_open", "delete"))

    def initial(self):
        return {"table": []}

    def read(self, _request):
        rows = [{"ip": ip} for ip in sorted(self.state["table"])]
        return Reply(200, {"total": len(rows), "rowCount": len(rows), "current": 1, "rows": rows})

    def add(self, request):
        address = request.json()["address"]
        if address not in self.state["table"]:
            self.state["table"].append(address)
        return Reply(200, {"status": "done"})

    def delete(self, request):
        if request.json()["address"] in self.state["table"]:
            self.state["table"].remove(request.json()["address"])
        return Reply(200, {"status": "done"})

    def passes(self, source, port, path):
        """The pass rule for the alias names 80 and 443."""
        if port not in (80, 443):
            return False
        halves = ("0.0.0.0/1", "128.0.0.0/1") if source.endswith("4") else ("::/1", "8000::/1")
        return source.startswith("free") or all(h in self.state["table"] for h in halves)

    def foreign(self):
        self.state["table"].append("192.0.2.9")

    def theirs(self):
        self.state["table"].append("::/1")
