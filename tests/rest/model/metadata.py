# SPDX-License-Identifier: GPL-3.0-or-later
"""Models of what instances are told about their own identity, at http://169.254.169.254."""
from .message import Refusal, Reply
from .server import Model

HOST = "169.254.169.254"


class Metadata(Model):
    hosts = (HOST,)

    def initial(self):
        return {}

    def passes(self, source, port, path):
        return False

    def foreign(self):
        pass

    @staticmethod
    def need(request, name, value=None):
        got = request.headers.get(name)
        if got is None or value not in (None, got):
            raise Refusal(401, {"message": "the header %s is missing" % name})


class AwsImds(Metadata):
    """Version 2 only: credentials for a session token."""
    CREDENTIALS = "/latest/meta-data/iam/security-credentials/"
    routes = (("PUT", "/latest/api/token", "session"), ("GET", CREDENTIALS, "role"),
              ("GET", CREDENTIALS + "edge-role", "credentials"))

    def __init__(self, key, secret, session):
        super().__init__()
        self.key, self.secret, self.token = key, secret, session

    def session(self, request):
        self.need(request, "x-aws-ec2-metadata-token-ttl-seconds")
        return Reply(200, raw=b"imds-secret-session-0014")

    def role(self, request):
        self.need(request, "x-aws-ec2-metadata-token", "imds-secret-session-0014")
        return Reply(200, raw=b"edge-role")

    def credentials(self, request):
        self.need(request, "x-aws-ec2-metadata-token", "imds-secret-session-0014")
        return Reply(200, {"Code": "Success", "Type": "AWS-HMAC", "AccessKeyId": self.key,
                           "SecretAccessKey": self.secret, "Token": self.token,
                           "Expiration": "2099-01-01T00:00:00Z"})


class TokenMetadata(Metadata):
    """tokens: the model of the token endpoint whose tokens the API takes; it counts them."""

    def __init__(self, tokens):
        super().__init__()
        self.tokens = tokens

    def issue(self):
        self.tokens.state["issued"] += 1
        return Reply(200, {"access_token": self.tokens.current(), "expires_in": 3599,
                           "token_type": "Bearer"}, headers={"Metadata-Flavor": "Google"})


class GcpMetadata(TokenMetadata):
    routes = (("GET", "/computeMetadata/v1/instance/service-accounts/default/token", "token"),)

    def token(self, request):
        self.need(request, "metadata-flavor", "Google")
        return self.issue()


class AzureMetadata(TokenMetadata):
    routes = (("GET", "/metadata/identity/oauth2/token", "token"),)

    def token(self, request):
        self.need(request, "metadata", "true")
        if request.query.get("resource") != "https://management.azure.com/":
            raise Refusal(400, {"error": "invalid_resource"})
        return self.issue()
