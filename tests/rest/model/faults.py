# SPDX-License-Identifier: GPL-3.0-or-later
"""What can go wrong with one request.

A fault is called with the connection's handler and a function that carries the request out and
returns the reply; ConnectionAbortedError resets the connection.
"""
import time

from .message import Reply

HUGE = 9 << 20  # bytes, more than a reply may have


def no_answer(handler, answer):
    """Executed, and the connection is reset."""
    answer()
    raise ConnectionAbortedError


def reset_before(handler, answer):
    raise ConnectionAbortedError


def truncated(handler, answer):
    reply = answer()
    reply.headers["Content-Length"] = str(len(reply.raw) + 100)
    handler.send(reply)
    raise ConnectionAbortedError


def huge(handler, answer):
    reply = answer()
    handler.send(Reply(reply.status, raw=b"[" + b" " * HUGE + b"]"))


def garbage(handler, answer):
    reply = answer()
    handler.send(Reply(reply.status, raw=b"<html>{\x00\xff"))


def hang(handler, answer):
    answer()
    handler.server.stopping.wait(60)
    raise ConnectionAbortedError


def slow(handler, answer):
    time.sleep(1)
    handler.send(answer())


def instead(status, **headers):
    names = {name.replace("_", "-"): value for name, value in headers.items()}

    def fault(handler, answer):
        handler.send(Reply(status, {"message": "a fault of the model"}, headers=names))
    return fault


def afterwards(status):
    def fault(handler, answer):
        answer()
        handler.send(Reply(status, {"message": "a fault of the model"}))
    return fault


FAULTS = {
    "429": instead(429, Retry_After="1"),
    "500-before": instead(500),
    "500-after": afterwards(500),
    "503-before": instead(503, Retry_After="0"),
    "503-after": afterwards(503),
    "401": instead(401),
    "404": instead(404),
    "redirect": instead(302, Location="https://elsewhere.test/"),
    "reset-before": reset_before,
    "reset-after": no_answer,
    "truncated": truncated,
    "huge": huge,
    "garbage": garbage,
    "slow": slow,
    "hang": hang,
}
