#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A web server that is asked and takes its time: slow_server.py FILE SECONDS

Serves tcp port 80; each request writes a line to FILE and is answered (404) SECONDS later.
"""
import http.server
import sys
import time

ASKED, SECONDS = sys.argv[1], float(sys.argv[2])


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):  # the name is http.server's
        with open(ASKED, "a", encoding="ascii") as f:
            f.write(self.path + "\n")
        time.sleep(SECONDS)
        self.send_error(404)

    def log_message(self, *_):
        pass


http.server.ThreadingHTTPServer(("", 80), Handler).serve_forever()
