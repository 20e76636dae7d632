# SPDX-License-Identifier: GPL-3.0-or-later
"""A model of an Azure Application Gateway's WAF policy: written as a whole, with an etag."""
import copy

from .azure import Azure, PREFIX
from .message import Reply

POLICY = PREFIX + "ApplicationGatewayWebApplicationFirewallPolicies/waf1"
CONDITION = {"matchVariables", "operator", "negationConditon", "matchValues", "transforms"}


class AzureAppgwWaf(Azure):
    api_version = "2026-01-01"  # the first that knows a tier
    params = dict(Azure.account, policy="waf1", rule="geo")
    volatile = ("etag",)
    routes = (("GET", POLICY, "read"), ("PUT", POLICY, "put"))

    def initial(self):
        return {"name": "waf1", "id": POLICY, "location": "westeurope", "etag": "W/\"1\"",
                "tags": {"team": "web"}, "properties": {
                    "provisioningState": "Succeeded",
                    "policySettings": {"state": "Enabled", "mode": "Prevention"},
                    "managedRules": {"managedRuleSets": [{"ruleSetType": "OWASP",
                                                          "ruleSetVersion": "3.2"}]},
                    "customRules": [
                        {"name": "rate", "priority": 1, "ruleType": "RateLimitRule",
                         "action": "Block", "matchConditions": []},
                        {"name": "geo", "priority": 2, "ruleType": "MatchRule", "action": "Block",
                         "matchConditions": [
                             {"matchVariables": [{"variableName": "RemoteAddr"}],
                              "operator": "GeoMatch", "negationConditon": False,
                              "matchValues": ["XA", "XB"], "transforms": []}]}]}}

    def read(self, _request):
        return Reply(200, self.state)

    def step(self):
        self.state["etag"] = "W/\"%d\"" % (int(self.state["etag"][3:-1]) + 1)

    def put(self, request):
        if request.headers.get("if-match") != self.state["etag"]:
            self.refuse(412, "PreconditionFailed", "The etag does not match.")
        new = copy.deepcopy(request.json())
        for rule in new["properties"]["customRules"]:
            if any(set(c) != CONDITION for c in rule["matchConditions"]):
                self.refuse(400, "InvalidRequestFormat", "A condition is not complete.")
        new["etag"] = self.state["etag"]
        new["properties"]["provisioningState"] = "Updating"
        self.state = new
        self.step()

        def done():
            self.state["properties"]["provisioningState"] = "Succeeded"
        self.after(1, done)
        return Reply(200, self.state)

    def passes(self, source, port, path):
        if port not in (80, 443):
            return False
        geo = [r for r in self.state["properties"]["customRules"] if r["name"] == "geo"][0]
        for condition in geo["matchConditions"]:
            if condition["operator"] == "GeoMatch":
                holds = source.startswith("blocked")
            else:
                holds = path.startswith(tuple(condition["matchValues"]))
            if holds == condition["negationConditon"]:
                return True
        return False

    def foreign(self):
        self.state["properties"]["customRules"].insert(0, {
            "name": "new", "priority": 3, "ruleType": "MatchRule", "action": "Log",
            "matchConditions": []})
        self.step()

    def foreign_in_rule(self):
        """In the very rule that is lifted, before our condition."""
        geo = [r for r in self.state["properties"]["customRules"] if r["name"] == "geo"][0]
        geo["matchConditions"][0]["matchValues"].append("XC")
        geo["matchConditions"].insert(0, {
            "matchVariables": [{"variableName": "RequestUri"}], "operator": "Contains",
            "negationConditon": True, "matchValues": ["/status"], "transforms": []})
        self.step()
