# SPDX-License-Identifier: GPL-3.0-or-later
"""A model of the security rules of an Azure network security group."""
from .azure import Azure, PREFIX
from .message import Reply

RULES = PREFIX + "networkSecurityGroups/nsg1/securityRules"


def rule(name, priority, access, source, port, protocol="Tcp"):
    return {"name": name, "properties": {
        "provisioningState": "Succeeded", "protocol": protocol, "sourceAddressPrefix": source,
        "sourcePortRange": "*", "destinationAddressPrefix": "*", "destinationPortRange": port,
        "access": access, "direction": "Inbound", "priority": priority}}


class AzureNsg(Azure):
    page_max = 100
    end = "Succeeded"  # of what is asked for: or "Failed", "Canceled"
    params = dict(Azure.account, nsg="nsg1", before="200")
    routes = (("GET", RULES, "read"), ("GET", RULES + "/([A-Za-z0-9-]+)", "one"),
              ("PUT", RULES + "/([A-Za-z0-9-]+)", "put"),
              ("DELETE", RULES + "/([A-Za-z0-9-]+)", "delete"))

    def initial(self):
        return {"rules": [rule("admin", 100, "Allow", "192.0.2.7/32", "22"),
                          rule("geo", 200, "Deny", "203.0.113.0/24", "*", "*"),
                          rule("web", 300, "Allow", "*", "80"),
                          rule("webs", 310, "Allow", "*", "443")]}

    def read(self, request):
        start = int(request.query.get("$skip", "0"))
        end = start + self.page_max
        reply = {"value": self.state["rules"][start:end]}
        if end < len(self.state["rules"]):
            reply["nextLink"] = "https://%s%s?api-version=2024-05-01&%%24skip=%d" % (
                self.hosts[0], request.path, end)
        return Reply(200, reply)

    def find(self, name):
        for found in self.state["rules"]:
            if found["name"] == name:
                return found
        return self.refuse(404, "NotFound", "Resource %s not found." % name)

    def one(self, _request, name):
        return Reply(200, self.find(name))

    def put(self, request, name):
        properties = request.json()["properties"]
        if properties["protocol"] not in ("Tcp", "Udp", "*") or \
                not isinstance(properties["destinationPortRange"], str):
            self.refuse(400, "InvalidRequestFormat", "Cannot parse the request.")
        if not isinstance(properties["priority"], int) or \
                not 100 <= properties["priority"] <= 4096:
            self.refuse(400, "SecurityRuleInvalidPriority", "The priority is out of range.")
        others = [r for r in self.state["rules"] if r["name"] != name]
        if any(r["properties"]["priority"] == properties["priority"] for r in others):
            self.refuse(400, "SecurityRuleConflict", "Rules cannot have the same priority.")
        new = {"name": name, "properties": dict(properties, provisioningState="Updating")}
        self.state["rules"] = others + [new]
        self.after(1, lambda: new["properties"].update(provisioningState=self.end))
        return Reply(201, new)

    def delete(self, _request, name):
        gone = [r for r in self.state["rules"] if r["name"] == name]
        if not gone:
            return Reply(204)
        gone[0]["properties"]["provisioningState"] = "Deleting"

        def done():
            self.state["rules"] = [r for r in self.state["rules"] if r["name"] != name]
        self.after(1, done)
        return Reply(202)

    def passes(self, source, port, path):
        for found in sorted(self.state["rules"], key=lambda r: r["properties"]["priority"]):
            p = found["properties"]
            if p["provisioningState"] == "Updating" or \
                    p["destinationPortRange"] not in ("*", str(port)):
                continue
            if p["sourceAddressPrefix"] == "*" or \
                    (p["sourceAddressPrefix"].startswith("203.") and source.startswith("blocked")):
                return p["access"] == "Allow"
        return False

    def foreign(self):
        """It also takes the first free priority."""
        self.state["rules"].insert(0, rule("new", 101, "Allow", "192.0.2.9/32", "8080"))
