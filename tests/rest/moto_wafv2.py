# SPDX-License-Identifier: GPL-3.0-or-later
"""The AWS WAFv2 recipe against moto, where that is installed: it is not ours, it checks signatures
and lock tokens, and it is no vendor's server either.
"""
import contextlib
import json
import os
import threading

from bed import CHALLENGE, Skipped, require
from model.aws_wafv2 import REGION, AwsWafv2
from model.server import certificate

HOSTS = ("iam.amazonaws.com", "wafv2.%s.amazonaws.com" % REGION)
RIGHTS = {"Version": "2012-10-17", "Statement": [{
    "Effect": "Allow", "Action": ["wafv2:GetWebACL", "wafv2:UpdateWebACL"], "Resource": "*"}]}
UNSIGNED = 4  # of our own, before signatures are asked for


def import_moto():
    os.environ["INITIAL_NO_AUTH_ACTION_COUNT"] = str(UNSIGNED)
    try:
        # pylint: disable=import-outside-toplevel
        import boto3
        from moto.moto_server.werkzeug_app import (DomainDispatcherApplication,
                                                   create_backend_app)
        from werkzeug.serving import make_server
    except ImportError as missing:
        raise Skipped("moto is not installed: %s" % missing) from None
    return boto3, DomainDispatcherApplication(create_backend_app), make_server


@contextlib.contextmanager
def served(app, make_server, files):
    server = make_server("127.0.0.1", 443, app, threaded=True, ssl_context=files)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()


def client(boto3, service, bed, key="none", secret="none"):
    return boto3.client(service, region_name=REGION, aws_access_key_id=key,
                        aws_secret_access_key=secret, verify=bed.path("model.pem"))


def make_user(boto3, bed):
    iam = client(boto3, "iam", bed)
    iam.create_user(UserName="geopause")
    iam.put_user_policy(UserName="geopause", PolicyName="waf", PolicyDocument=json.dumps(RIGHTS))
    key = iam.create_access_key(UserName="geopause")["AccessKey"]
    return key["AccessKeyId"], key["SecretAccessKey"]


def make_acl(boto3, bed):
    """As in our own model; its id."""
    wanted = AwsWafv2().state["acl"]
    made = client(boto3, "wafv2", bed).create_web_acl(
        Scope="REGIONAL", **{name: wanted[name] for name in (
            "Name", "DefaultAction", "VisibilityConfig", "Rules")})
    return made["Summary"]["Id"]


def rules_of(waf, acl_id):
    return waf.get_web_acl(Name="edge", Scope="REGIONAL", Id=acl_id)["WebACL"]["Rules"]


def case_moto(bed):
    boto3, app, make_server = import_moto()
    files = certificate(bed.dir, HOSTS)
    bed.resolve(list(HOSTS))
    with served(app, make_server, files):
        key, secret = make_user(boto3, bed)
        acl_id = make_acl(boto3, bed)
        waf = client(boto3, "wafv2", bed, key, secret)
        before = rules_of(waf, acl_id)
        target = {"name": "edge", "backend": "rest", "recipe": "aws-wafv2",
                  "params": dict(AwsWafv2.params, acl_id=acl_id), "ca_file": files[0],
                  "secrets": {name: {"file": bed.secret("edge", name, value)}
                              for name, value in (("key", key), ("secret", secret))}}
        bed.write("policy.json", json.dumps(
            {"version": 1, "challenges": ["http-01"], "targets": [target]}))
        bed.pre()
        lifted = rules_of(waf, acl_id)
        require(lifted[0] == before[0] and lifted[1] != before[1], "not lifted: %s" % lifted)
        spared = lifted[1]["Statement"]["AndStatement"]["Statements"]
        require(spared[0] == before[1]["Statement"] and
                CHALLENGE.startswith(spared[1]["NotStatement"]["Statement"]["ByteMatchStatement"]
                                     ["SearchString"].decode()), "it spares: %s" % spared)
        bed.post()
        require(rules_of(waf, acl_id) == before, "not restored: %s" % rules_of(waf, acl_id))
        bed.write("secret-edge-secret", "wrong\n")
        _, text = bed.pre(status=(1,))
        require("nothing was changed" in text, text)


CASES = {"moto": case_moto}
