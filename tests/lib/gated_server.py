#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A web server that answers when it may: gated_server.py ROOT GATES

Serves the files below ROOT on tcp port 80. A request for HOST makes the file GATES/asked-HOST, and
is answered once there is a GATES/answer-HOST.
"""
import http.server
import os
import sys
import time

ROOT, GATES = sys.argv[1:]


class Handler(http.server.SimpleHTTPRequestHandler):
    def __init__(self, *args):
        super().__init__(*args, directory=ROOT)

    def do_GET(self):  # the name is http.server's
        host = self.headers.get("Host", "").split(":")[0]
        with open(os.path.join(GATES, "asked-" + host), "w", encoding="ascii"):
            pass
        while not os.path.exists(os.path.join(GATES, "answer-" + host)):
            time.sleep(0.02)
        super().do_GET()

    def log_message(self, *_):
        pass


http.server.ThreadingHTTPServer(("", 80), Handler).serve_forever()
