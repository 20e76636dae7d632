# SPDX-License-Identifier: GPL-3.0-or-later
"""Models of providers, by the name of the recipe that is for them."""
from .aws_wafv2 import AwsWafv2
from .azure_appgw_waf import AzureAppgwWaf
from .azure_nsg import AzureNsg
from .cloudflare_waf import CloudflareWaf
from .digitalocean import DigitalOcean
from .fortigate import Fortigate
from .gcp_armor import GcpArmor
from .hetzner import Hetzner
from .linode import Linode
from .mikrotik_list import MikrotikList
from .opnsense import OpnsenseAlias, OpnsenseRule
from .pfsense import Pfsense
from .vultr import Vultr

MODELS = {
    "aws-wafv2": AwsWafv2,
    "azure-appgw-waf": AzureAppgwWaf,
    "azure-nsg": AzureNsg,
    "cloudflare-waf": CloudflareWaf,
    "digitalocean": DigitalOcean,
    "fortigate": Fortigate,
    "gcp-armor": GcpArmor,
    "hetzner": Hetzner,
    "linode": Linode,
    "mikrotik-list": MikrotikList,
    "opnsense-alias": OpnsenseAlias,
    "opnsense-rule": OpnsenseRule,
    "pfsense": Pfsense,
    "vultr": Vultr,
}
