# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests and replies, as models see and make them."""
import json
import urllib.parse


class Request:
    """One request as a model sees it; header names are in lower case."""

    def __init__(self, method, target, headers, body):
        self.method = method
        self.target = target
        self.path, _, query = target.partition("?")
        self.query = dict(urllib.parse.parse_qsl(query, keep_blank_values=True))
        self.headers = headers
        self.body = body

    def json(self):
        return json.loads(self.body)

    def form(self):
        return dict(urllib.parse.parse_qsl(self.body.decode()))

    def __str__(self):
        return "%s %s" % (self.method, self.target)


class Reply:
    """body: JSON, or None for no body; raw: bytes instead."""

    def __init__(self, status, body=None, headers=None, raw=None):
        self.status = status
        self.headers = dict(headers or {})
        self.raw = raw
        if raw is None:
            self.raw = b"" if body is None else json.dumps(body).encode()


class Refusal(Exception):
    """Raised by a model: reply is what it answers, nothing has changed."""

    def __init__(self, *args, **more):
        super().__init__()
        self.reply = Reply(*args, **more)
