# SPDX-License-Identifier: GPL-3.0-or-later
"""
A model of a provider (tests/rest/model), in the network namespace of a Bed. It serves from threads
of the worker's: a socket stays in the namespace that it was made in.
"""
import atexit
import functools
import json
import os
import shutil
import subprocess
import sys
import tempfile

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "rest"))

# pylint: disable=wrong-import-position
from model import MODELS  # noqa: E402
from model.server import Server, certificate, tls  # noqa: E402

RECIPE = "vultr"  # it makes, finds and deletes objects of ours, several of them
MODEL = MODELS[RECIPE]
TARGET = """
  { "name": "provider", "backend": "rest", "recipe": "%s", "deadline": "10s", "ca_file": "%s",
    "params": %s, "secrets": %s }"""


@functools.lru_cache(maxsize=None)
def directory():
    """A worker's, with the certificate of all its models."""
    path = tempfile.mkdtemp(prefix="geopause-faults-provider-")
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    certificate(path, MODEL.hosts)
    return path


class Provider:
    """As Box in bed.py."""

    def __init__(self, bed):
        self.model = MODEL()
        self.before = self.model.snapshot()
        pem, key = (os.path.join(directory(), name) for name in ("model.pem", "model.key"))
        self.server = Server(("127.0.0.1", 443), [self.model], tls(pem, key))
        secrets = {name: {"file": self.secret(bed, name, value)}
                   for name, value in MODEL.secrets.items()}
        self.target = TARGET % (RECIPE, pem, json.dumps(MODEL.params), json.dumps(secrets))

    @staticmethod
    def prepare():
        """In each worker, which has mounts of its own: the vendor's host is this one."""
        hosts = os.path.join(directory(), "hosts")
        with open(hosts, "w", encoding="ascii") as file:
            file.writelines("127.0.0.1 %s\n" % host for host in ("localhost", *MODEL.hosts))
        subprocess.run(["mount", "--bind", hosts, "/etc/hosts"], check=True)

    @staticmethod
    def secret(bed, name, value):
        path = os.path.join(bed.work, "secret-" + name)
        with open(path, "w", encoding="ascii", opener=lambda p, f: os.open(p, f, 0o600)) as file:
            file.write(value + "\n")
        return path

    def matrix(self):
        with self.model.lock:
            return {port: self.model.passes("blocked4", port, "/") and
                    self.model.passes("blocked6", port, "/") for port in (80, 443)}

    def lifted(self):
        """What differs: closed again is as it was."""
        now = self.model.snapshot()
        return [] if now == self.before else [json.dumps(now)]

    def is_open(self, port):
        return self.matrix()[port]

    def close(self):
        self.server.stop()
