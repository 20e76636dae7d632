# SPDX-License-Identifier: GPL-3.0-or-later
"""Authentication that no installed recipe has, with recipes that are theirs but for `auth`."""
import json

from bed import recipe_of, require
from model.message import Refusal, Reply
from model.metadata import HOST, AwsImds, AzureMetadata, GcpMetadata
from model.server import Server


def use_recipe(bed, target, **changes):
    """The target's recipe with these members, from a file of the administrator's."""
    document = dict(recipe_of(target.recipe), name="own-recipe", **changes)
    path = bed.write("own-recipe.json", json.dumps(document))
    target.document.update(recipe=path, secrets={name: target.document["secrets"][name]
                                                 for name in document["secrets"]})
    bed.policy()


def opens_and_closes(bed, target):
    before, closed = target.model.snapshot(), target.matrix()
    target.forget()
    bed.pre()
    target.model.settle()
    require(target.matrix() == target.lifted(closed), "not lifted")
    bed.post()
    bed.require_closed(before)


def serve_metadata(bed, model):
    """It is not at home in TLS, and a name does not lead to it."""
    bed.servers.append(Server((HOST, 80), [model]))


def case_auth_aws_imds(bed):
    target = bed.serve("aws-wafv2")
    target.model.secrets = dict(target.model.secrets, session="aws-secret-session-0015")
    auth = {"type": "aws_imds", "region": "${region}", "service": "wafv2"}
    use_recipe(bed, target, auth=auth, secrets={})
    metadata = AwsImds(target.model.secrets["key"], target.model.secrets["secret"],
                       target.model.secrets["session"])
    serve_metadata(bed, metadata)
    opens_and_closes(bed, target)
    require(metadata.requests, "the instance's credentials were not asked for")


def case_auth_gcp_metadata(bed):
    target = bed.serve("gcp-armor")
    use_recipe(bed, target, auth={"type": "gcp_metadata"}, secrets={})
    serve_metadata(bed, GcpMetadata(target.model.tokens))
    opens_and_closes(bed, target)
    require(not target.model.tokens.requests, "another token was asked for")


def case_auth_azure_metadata(bed):
    target = bed.serve("azure-nsg")
    auth = {"type": "azure_metadata", "resource": "https://management.azure.com/"}
    use_recipe(bed, target, auth=auth, secrets={})
    serve_metadata(bed, AzureMetadata(target.model.tokens))
    opens_and_closes(bed, target)
    require(not target.model.tokens.requests, "another token was asked for")


class WithSessions:
    """Puts login and logout before another model."""

    def __init__(self, model, password):
        self.password, self.live, self.issued = password, set(), 0
        model.routes += (("POST", "/login", "login"), ("POST", "/logout", "logout"))
        model.login, model.logout = self.login, self.logout
        model.authorize = self.authorize

    def authorize(self, request):
        if request.path != "/login" and request.headers.get("x-session") not in self.live:
            raise Refusal(401, {"error": "no session"})

    def login(self, request):
        if request.json() != {"user": "geopause", "password": self.password}:
            raise Refusal(401, {"error": "not the password"})
        self.issued += 1
        self.live.add("session-secret-%04d" % self.issued)
        return Reply(200, {"session": "session-secret-%04d" % self.issued})

    def logout(self, request):
        self.live.discard(request.headers["x-session"])
        return Reply(204)


def case_auth_session(bed):
    """A login, its token in a header, and a logout: no session is left behind."""
    target = bed.serve("vultr")
    sessions = WithSessions(target.model, target.model.secrets["token"])
    use_recipe(bed, target, auth={
        "type": "session", "name": "X-Session", "value": "${session}",
        "login": {"method": "POST", "path": "/login", "capture": {"session": "/session"},
                  "body": {"user": "geopause", "password": "${secret.token}"}},
        "logout": {"method": "POST", "path": "/logout"}})
    opens_and_closes(bed, target)
    require(sessions.issued > 0 and not sessions.live, "left behind: %s" % sessions.live)


CASES = {name[5:].replace("_", "-"): function for name, function in globals().items()
         if name.startswith("case_")}
