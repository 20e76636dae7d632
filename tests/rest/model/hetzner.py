# SPDX-License-Identifier: GPL-3.0-or-later
"""A model of Hetzner Cloud's firewalls: several to a server, applied by actions."""
from .message import Refusal, Reply
from .server import Model

SERVER = 4711
RESOURCE = {"type": "server", "server": {"id": SERVER}}
CREATED = "2026-01-02T03:04:05Z"


class Hetzner(Model):
    hosts = ("api.hetzner.cloud",)
    params = {"server": str(SERVER)}
    secrets = {"token": "hcloud-secret-token-0005"}
    volatile = ("next", "actions")
    routes = (
        ("GET", "/v1/firewalls", "read"),
        ("POST", "/v1/firewalls", "create"),
        ("POST", "/v1/firewalls/([0-9]+)/actions/remove_from_resources", "detach"),
        ("DELETE", "/v1/firewalls/([0-9]+)", "delete"),
        ("GET", "/v1/firewalls/([0-9]+)/actions", "list_actions"),
        ("GET", "/v1/actions/([0-9]+)", "action"),
    )

    def initial(self):
        def rule(port, source):
            return {"direction": "in", "protocol": "tcp", "port": port, "source_ips": [source]}
        return {"next": 100, "actions": {}, "firewalls": [
            {"id": 38, "name": "web", "labels": {}, "created": CREATED, "applied_to": [RESOURCE],
             "rules": [rule("80", "198.51.0.0/16"), rule("443", "198.51.0.0/16"),
                       rule("22", "192.0.2.7/32")]}]}

    def authorize(self, request):
        if request.headers.get("authorization") != "Bearer " + self.secrets["token"]:
            self.refuse(401, "unauthorized", "unable to authenticate")

    @staticmethod
    def refuse(status, code, message):
        raise Refusal(status, {"error": {"code": code, "message": message}})

    def number(self):
        self.state["next"] += 1
        return self.state["next"]

    def begin(self, firewall, command, function):
        """An action that takes effect after one more request."""
        action = {"id": self.number(), "command": command, "status": "running", "progress": 0,
                  "started": CREATED, "finished": None, "error": None,
                  "resources": [{"id": firewall["id"], "type": "firewall"}]}
        self.state["actions"][str(action["id"])] = action

        def done():
            function()
            action.update(status="success", progress=100, finished=CREATED)
        self.after(1, done)
        return action

    def read(self, request):
        return Reply(200, {"firewalls": [f for f in self.state["firewalls"]
                                         if f["name"] == request.query.get("name", f["name"])]})

    def action(self, _request, number):
        if number not in self.state["actions"]:
            self.refuse(404, "not_found", "action not found")
        return Reply(200, {"action": self.state["actions"][number]})

    def list_actions(self, request, number):
        self.find(number)
        mine = [action for action in self.state["actions"].values()
                if action["resources"][0]["id"] == int(number)]
        mine.sort(key=lambda action: action["id"],
                  reverse=request.query.get("sort") == "id:desc")
        return Reply(200, {"actions": mine})

    def find(self, number):
        for firewall in self.state["firewalls"]:
            if firewall["id"] == int(number):
                return firewall
        return self.refuse(404, "not_found", "firewall not found")

    def create(self, request):
        asked = request.json()
        if any(f["name"] == asked["name"] for f in self.state["firewalls"]):
            self.refuse(409, "uniqueness_error", "name is already used")
        servers = asked.pop("apply_to")
        if servers != [RESOURCE]:
            self.refuse(422, "firewall_resource_not_found", "no such server: %r" % servers)
        firewall = dict(asked, id=self.number(), created=CREATED, applied_to=[])
        self.state["firewalls"].append(firewall)
        rules = self.begin(firewall, "set_firewall_rules", lambda: None)
        rules.update(status="success", progress=100, finished=CREATED)
        applied = self.begin(firewall, "apply_firewall",
                             lambda: firewall["applied_to"].extend(servers))
        return Reply(201, {"firewall": firewall, "actions": [rules, applied]})

    def detach(self, request, number):
        firewall = self.find(number)
        if not all(r in firewall["applied_to"] for r in request.json()["remove_from"]):
            self.refuse(422, "firewall_already_removed", "firewall was already removed")
        return Reply(201, {"actions": [
            self.begin(firewall, "remove_firewall", firewall["applied_to"].clear)]})

    def delete(self, _request, number):
        firewall = self.find(number)
        if firewall["applied_to"]:
            self.refuse(422, "resource_in_use", "firewall is still in use")
        self.state["firewalls"].remove(firewall)
        return Reply(204)

    def passes(self, source, port, path):
        for firewall in self.state["firewalls"]:
            for rule in firewall["rules"] if RESOURCE in firewall["applied_to"] else []:
                if rule["protocol"] != "tcp" or rule["port"] != str(port):
                    continue
                if ("0.0.0.0/0" if source.endswith("4") else "::/0") in rule["source_ips"]:
                    return True
                if source == "free4" and "198.51.0.0/16" in rule["source_ips"]:
                    return True
        return False

    def foreign(self):
        self.state["firewalls"].insert(0, {"id": 7, "name": "new", "labels": {}, "rules": [],
                                           "created": CREATED, "applied_to": []})
