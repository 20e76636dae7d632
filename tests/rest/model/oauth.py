# SPDX-License-Identifier: GPL-3.0-or-later
"""A model of token endpoints (OAuth 2): client credentials and JWT bearer (RFC 6749, RFC 7523)."""
import base64
import json
import os
import subprocess
import tempfile

from .message import Refusal, Reply
from .server import Model

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"


def decoded(part):
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


class TokenEndpoint(Model):
    """path: of the endpoint; hands out tokens, which are good until they have expired."""

    def __init__(self, host, path):
        self.hosts = (host,)
        self.routes = (("POST", path, "token"),)
        super().__init__()

    def initial(self):
        return {"issued": 0, "expired": 0}

    def check(self, form):
        """Raises Refusal."""
        raise NotImplementedError

    def is_good(self, request):
        good = range(self.state["expired"] + 1, self.state["issued"] + 1)
        return request.headers.get("authorization") in ["Bearer " + self.name(n) for n in good]

    @staticmethod
    def name(number):
        return "issued-secret-token-%04d" % number

    def current(self):
        return self.name(self.state["issued"])

    def token(self, request):
        self.check(request.form())
        self.state["issued"] += 1
        return Reply(200, {"token_type": "Bearer", "expires_in": 3599,
                           "access_token": self.current()})

    def passes(self, source, port, path):
        return False

    def foreign(self):
        pass


class ClientCredentials(TokenEndpoint):
    def __init__(self, host, path, **expected):
        super().__init__(host, path)
        self.expected = dict(expected, grant_type="client_credentials")

    def check(self, form):
        if form != self.expected:
            raise Refusal(401, {"error": "invalid_client",
                                "error_description": "these are not the credentials"})


class JwtBearer(TokenEndpoint):
    """The assertion's claims and its RS256 signature are verified with openssl(1)."""

    def __init__(self, host, path, email, public_key):
        super().__init__(host, path)
        self.email, self.public_key = email, public_key

    def is_signed(self, signed, signature):
        with tempfile.TemporaryDirectory() as directory:
            for name, content in (("key", self.public_key.encode()), ("sig", signature)):
                with open(os.path.join(directory, name), "wb") as file:
                    file.write(content)
            done = subprocess.run(
                ["openssl", "dgst", "-sha256", "-verify", directory + "/key", "-signature",
                 directory + "/sig"], input=signed, capture_output=True, check=False)
        return done.returncode == 0

    def check(self, form):
        header, claims, signature = form.get("assertion", "..").split(".")
        if form.get("grant_type") != JWT_BEARER or \
                json.loads(decoded(header)).get("alg") != "RS256" or \
                not self.is_signed(("%s.%s" % (header, claims)).encode(), decoded(signature)):
            raise Refusal(400, {"error": "invalid_grant", "error_description": "the signature"})
        claims = json.loads(decoded(claims))
        if claims["iss"] != self.email or claims["aud"] != "https://%s/token" % self.hosts[0] or \
                not 0 < claims["exp"] - claims["iat"] <= 3600 or "scope" not in claims:
            raise Refusal(400, {"error": "invalid_grant", "error_description": "the claims"})
