# SPDX-License-Identifier: GPL-3.0-or-later
"""A server that models of providers' APIs share: TLS, faults, a log of requests.

Everything here is a model, written from public documentation for the tests: it is not a vendor's
software and proves nothing about one. A model answers for its host names; requests to a model are
numbered from 1, and model.faults[n] is what goes wrong with the n-th: one of FAULTS, or a function
of the model that is called before the request is carried out and returns one of them or None.
"""
import copy
import http.server
import math
import re
import socket
import ssl
import struct
import subprocess
import threading
import time
import urllib.parse

from .faults import FAULTS
from .message import Refusal, Reply, Request


class Model:
    """One provider. routes: (method, pattern of the whole path, name of our method)."""

    hosts = ()
    routes = ()
    unprotected = False  # a write overwrites what another has written since it was read
    volatile = ()  # members of the state that any write may change: versions

    def __init__(self):
        self.lock = threading.RLock()
        self.state = self.initial()
        self.requests = []
        self.faults = {}
        self.delay_s = 0.0
        self.later = []
        self.takes_s = 0  # an asynchronous operation lasts so long, however often it is asked for
        self.on_request = None  # called with (number, "before" | "after")
        self.ahead_s = 0  # the model's clock is ahead of the host's

    # --- what a provider defines ---

    def initial(self):
        raise NotImplementedError

    def authorize(self, request):
        """Raises Refusal."""

    def passes(self, source, port, path):
        """Does a request from source ("blocked4", "blocked6", "free4", ...) come through?"""
        raise NotImplementedError

    def foreign(self):
        """An administrator's edit that has nothing to do with the lift."""
        raise NotImplementedError

    # --- what tests use ---

    def now(self):
        return time.time() + self.ahead_s

    def snapshot(self):
        with self.lock:
            self._land()
            state = copy.deepcopy(self.state)
        for member in self.volatile:
            state.pop(member, None)
        return state

    def after(self, requests, function):
        """An asynchronous operation: function is done when so many more requests came."""
        if self.takes_s:
            self.later.append([math.inf, time.monotonic() + self.takes_s, function])
        else:
            self.later.append([requests, math.inf, function])

    def settle(self):
        """All asynchronous operations end."""
        with self.lock:
            while self.later:
                self.later.pop(0)[-1]()

    def forget(self):
        self.requests, self.faults = [], {}

    def writes(self):
        return [r for r in self.requests if self.is_write(r)]

    def is_write(self, request):
        return request.method != "GET"

    # --- serving ---

    def _land(self):
        due = [i for i in self.later if i[0] < 0 or i[1] <= time.monotonic()]
        self.later = [item for item in self.later if item not in due]
        for item in due:
            item[-1]()

    def _tick(self):
        for item in self.later:
            item[0] -= 1
        self._land()

    def answer(self, request):
        with self.lock:
            self._tick()
            try:
                self.authorize(request)
                for method, pattern, name in self.routes:
                    match = re.fullmatch(pattern, urllib.parse.unquote(request.path))
                    if match and method == request.method:
                        return getattr(self, name)(request, *match.groups())
            except Refusal as refusal:
                return refusal.reply
        return Reply(404, {"message": "no such path in this model: %s" % request})


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    record = None  # called with each request and its reply
    disable_nagle_algorithm = True

    def log_message(self, format, *args):  # pylint: disable=redefined-builtin
        pass

    def send(self, reply):
        headers = {"Content-Type": "application/json", "Content-Length": str(len(reply.raw))}
        headers.update(reply.headers)
        self.send_response(reply.status)
        for name, value in headers.items():
            if reply.status != 204 or name != "Content-Type":
                self.send_header(name, value)
        self.end_headers()
        self.wfile.write(reply.raw)
        self.wfile.flush()

    def handle_any(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.command, self.path, headers, body)
        model = self.server.models.get(headers.get("host", "").partition(":")[0])
        if model is None:
            self.send(Reply(421, {"message": "no model has this host"}))
            return
        with model.lock:
            model.requests.append(request)
            number = len(model.requests)
            fault = model.faults.get(number)
        time.sleep(model.delay_s)

        def answer():
            if model.on_request:
                model.on_request(number, "before")
            reply = model.answer(request)
            if model.on_request:
                model.on_request(number, "after")
            if self.record:
                self.record(request, reply)
            return reply
        if callable(fault):
            fault = fault(model)
        if fault:
            FAULTS[fault](self, answer)
        else:
            self.send(answer())

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any

    def handle(self):
        try:
            super().handle()
        except ConnectionAbortedError:
            # SO_LINGER with 0 seconds: close(2) resets the connection.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                       struct.pack("ii", 1, 0))
            self.close_connection = True
            raise
        except (ConnectionError, ssl.SSLError):
            self.close_connection = True


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, address, models, context=None):
        super().__init__(address, Handler)
        self.models = {host: model for model in models for host in model.hosts}
        self.stopping = threading.Event()
        self.context = context
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    def finish_request(self, request, client_address):
        """In the connection's own thread: a handshake does not hold up the others."""
        try:
            if self.context:
                request.settimeout(20)
                request = self.context.wrap_socket(request, server_side=True)
            self.RequestHandlerClass(request, client_address, self)
        except (OSError, ssl.SSLError):
            pass
        finally:
            request.close()

    def shutdown_request(self, request):
        self.close_request(request)

    def stop(self):
        self.stopping.set()
        self.shutdown()
        self.server_close()


def certificate(directory, hosts):
    """A self-signed certificate for the hosts; the paths of certificate and key."""
    cert, key = directory + "/model.pem", directory + "/model.key"
    names = ",".join("DNS:" + host for host in hosts)
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
         "-nodes", "-keyout", key, "-out", cert, "-days", "2", "-subj", "/CN=model",
         "-addext", "subjectAltName=" + names, "-addext", "basicConstraints=critical,CA:TRUE"],
        check=True, capture_output=True)
    return cert, key


def tls(cert, key):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    return context
