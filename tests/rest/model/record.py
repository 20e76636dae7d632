# SPDX-License-Identifier: GPL-3.0-or-later
"""What the models were asked and what they answered, a JSON object a line."""
import json

HEADERS = ("content-type", "x-amz-target")  # others may have secrets in them


def parsed(text):
    try:
        return json.loads(text)
    except ValueError:
        return None


class Record:
    """Called in the servers' threads: each line is one write, behind all others."""

    def __init__(self, path):
        self.file = open(path, "ab", buffering=0)  # pylint: disable=consider-using-with

    def __call__(self, request, reply):
        line = {"method": request.method, "host": request.headers.get("host"),
                "target": request.target,
                "headers": {n: v for n, v in request.headers.items() if n in HEADERS},
                "body": parsed(request.body), "status": reply.status, "reply": parsed(reply.raw)}
        self.file.write(json.dumps(line).encode() + b"\n")
