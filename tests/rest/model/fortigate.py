# SPDX-License-Identifier: GPL-3.0-or-later
"""A model of FortiOS's policies: one prepared policy, disabled, that can expire."""
import re

from .message import Refusal, Reply
from .server import Model

PATH = "/api/v2/cmdb/firewall/policy/17"


class Fortigate(Model):
    hosts = ("fortigate.test",)
    params = {"address": "fortigate.test", "policy": "17"}
    secrets = {"token": "fortigate-secret-token-0011"}
    routes = (("GET", PATH, "read"), ("PUT", PATH, "put"))

    def initial(self):
        return {"policyid": 17, "name": "acme", "status": "disable", "action": "accept",
                "srcaddr": [{"name": "all"}], "service": [{"name": "HTTP"}, {"name": "HTTPS"}],
                "policy-expiry": "disable", "policy-expiry-date-utc": "", "comments": ""}

    def authorize(self, request):
        if request.headers.get("authorization") != "Bearer " + self.secrets["token"] or \
                request.query.get("vdom") != "root":
            raise Refusal(401, {"status": "error", "http_status": 401})

    def read(self, _request):
        return Reply(200, {"http_method": "GET", "status": "success", "revision": "1",
                           "results": [dict(self.state, q_origin_key=17)]})

    def put(self, request):
        new = request.json()
        if not set(new) <= {"status", "policy-expiry", "policy-expiry-date-utc"}:
            raise Refusal(500, {"status": "error", "cli_error": "more than has changed"})
        expiry = new.get("policy-expiry-date-utc", "")
        if not isinstance(expiry, str) or not re.fullmatch("[0-9]*", expiry):
            raise Refusal(500, {"status": "error", "cli_error": "expected seconds since 1970"})
        self.state.update(new)
        return Reply(200, {"http_method": "PUT", "status": "success", "mkey": "17"})

    def is_expired(self):
        if self.state["policy-expiry"] == "disable":
            return False
        return self.now() > int(self.state["policy-expiry-date-utc"])

    def passes(self, source, port, path):
        if port not in (80, 443):
            return False
        return source.startswith("free") or \
            (self.state["status"] == "enable" and not self.is_expired())

    def foreign(self):
        self.state["comments"] = "reviewed"
