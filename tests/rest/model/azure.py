# SPDX-License-Identifier: GPL-3.0-or-later
"""What the models of Azure's resource manager share: one host, tokens, api-version, states."""
from .oauth import ClientCredentials
from .message import Refusal
from .server import Model

TENANT = "contoso.test"
CLIENT = "7d5b8a9c-6f1e-4a3b-9c2d-1e0f2a3b4c5d"
SUBSCRIPTION = "0b1f6471-1bf0-4dda-aec3-cb9272f09590"
SECRET = "azure-secret-~0006"
PREFIX = "/subscriptions/%s/resourceGroups/rg1/providers/Microsoft.Network/" % SUBSCRIPTION


class Azure(Model):
    hosts = ("management.azure.com",)
    secrets = {"client_secret": SECRET}
    api_version = "2024-05-01"
    account = {"tenant": TENANT, "client": CLIENT, "subscription": SUBSCRIPTION, "group": "rg1"}

    def __init__(self):
        super().__init__()
        self.tokens = ClientCredentials(
            "login.microsoftonline.com", "/%s/oauth2/v2.0/token" % TENANT, client_id=CLIENT,
            client_secret=SECRET, scope="https://management.azure.com/.default")
        self.beside = [self.tokens]

    def authorize(self, request):
        if not self.tokens.is_good(request):
            self.refuse(401, "InvalidAuthenticationToken", "The access token is invalid.")
        if request.query.get("api-version") != self.api_version:
            self.refuse(400, "InvalidApiVersionParameter", "The api-version is invalid.")

    @staticmethod
    def refuse(status, code, message):
        raise Refusal(status, {"error": {"code": code, "message": message}})
