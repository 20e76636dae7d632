# SPDX-License-Identifier: GPL-3.0-or-later
"""A model of RouterOS 7's REST interface: address lists for IPv4 and IPv6, with timeouts."""
import base64
import re

from .message import Refusal, Reply
from .server import Model

LIST = "/rest/(ip|ipv6)/firewall/address-list"


class MikrotikList(Model):
    hosts = ("router.test",)
    params = {"address": "router.test", "list": "acme_open"}
    secrets = {"user": "geopause", "password": "mikrotik-secret-0004"}
    volatile = ("next", "until")
    routes = (("GET", LIST, "read"), ("PUT", LIST, "create"),
              ("PATCH", LIST + r"/(\*[0-9A-F]+)", "change"),
              ("DELETE", LIST + r"/(\*[0-9A-F]+)", "delete"))

    def initial(self):
        entry = {".id": "*1", "list": "admins", "address": "192.0.2.7", "dynamic": "false",
                 "disabled": "false", "comment": "admin"}
        return {"next": 2, "until": {}, "ip": [entry],
                "ipv6": [dict(entry, address="2001:db8::7/128")]}

    def authorize(self, request):
        user = "%s:%s" % (self.secrets["user"], self.secrets["password"])
        if request.headers.get("authorization") != \
                "Basic " + base64.b64encode(user.encode()).decode():
            raise Refusal(401, {"error": 401, "message": "Unauthorized"})
        self.expire()

    def expire(self):
        for family in ("ip", "ipv6"):
            self.state[family] = [e for e in self.state[family]
                                  if self.state["until"].get(e[".id"], 1e12) > self.now()]

    def read(self, request, family):
        return Reply(200, [e for e in self.state[family]
                           if all(e.get(k) == v for k, v in request.query.items())])

    @staticmethod
    def seconds(timeout):
        match = re.fullmatch("([0-9]+)(s|m)", timeout)
        if not match:
            raise Refusal(400, {"error": 400, "message": "Bad Request",
                                "detail": "invalid value for argument timeout"})
        return int(match.group(1)) * (60 if match.group(2) == "m" else 1)

    def create(self, request, family):
        asked = request.json()
        if set(asked) != {"list", "address", "timeout", "comment"} or \
                not all(isinstance(v, str) for v in asked.values()):
            raise Refusal(400, {"error": 400, "message": "Bad Request", "detail": "values"})
        if any(e["address"] == asked["address"] and e["list"] == asked["list"]
               for e in self.state[family]):
            raise Refusal(400, {"error": 400, "message": "Bad Request",
                                "detail": "failure: already have such entry"})
        until = self.now() + self.seconds(asked.pop("timeout"))
        entry = dict(asked, dynamic="true", disabled="false",
                     **{".id": "*%X" % self.state["next"]})
        self.state["until"][entry[".id"]] = until
        self.state["next"] += 1
        self.state[family].append(entry)
        return Reply(201, entry)

    def find(self, family, name):
        for entry in self.state[family]:
            if entry[".id"] == name:
                return entry
        raise Refusal(404, {"error": 404, "message": "Not Found",
                            "detail": "no such item"})

    def change(self, request, family, name):
        entry = self.find(family, name)
        self.state["until"][name] = self.now() + self.seconds(request.json()["timeout"])
        return Reply(200, entry)

    def delete(self, _request, family, name):
        self.state[family].remove(self.find(family, name))
        return Reply(204)

    def passes(self, source, port, path):
        """The accept rule for the list names 80 and 443; the block follows."""
        if port not in (80, 443):
            return False
        self.expire()
        family = "ip" if source.endswith("4") else "ipv6"
        return source.startswith("free") or any(
            e["list"] == "acme_open" and e["address"].endswith("/0") for e in self.state[family])

    def foreign(self):
        self.state["ip"].insert(0, {".id": "*F0", "list": "acme_open", "address": "192.0.2.0/24",
                                    "dynamic": "false", "disabled": "false"})
