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

TARGET = """
  { "name": "provider", "backend": "rest", "recipe": "%s", "deadline": "10s", "ca_file": "%s",
    "params": %s, "secrets": %s }"""


@functools.lru_cache(maxsize=None)
def directory(hosts):
    """A worker's, with the certificate of all its models."""
    path = tempfile.mkdtemp(prefix="geopause-faults-provider-")
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    certificate(path, hosts)
    return path


class Provider:
    """As Box in bed.py. It makes, finds and deletes objects of ours, several of them."""
    recipe = "vultr"

    def __init__(self, bed):
        self.model = MODELS[self.recipe]()
        self.before = self.model.snapshot()
        pem, key = (os.path.join(directory(self.model.hosts), name)
                    for name in ("model.pem", "model.key"))
        self.server = Server(("127.0.0.1", 443), [self.model], tls(pem, key))
        secrets = {name: {"file": self.secret(bed, name, value)}
                   for name, value in self.model.secrets.items()}
        self.target = TARGET % (self.recipe, pem, json.dumps(self.model.params),
                                json.dumps(secrets))

    @classmethod
    def prepare(cls):
        """In each worker, which has mounts of its own: the vendor's host is this one."""
        names = MODELS[cls.recipe].hosts
        hosts = os.path.join(directory(names), "hosts")
        with open(hosts, "w", encoding="ascii") as file:
            file.writelines("127.0.0.1 %s\n" % host for host in ("localhost", *names))
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


class RulesProvider(Provider):
    """What is written is a document of the administrator's, with a rule of ours in it."""
    recipe = "linode"
