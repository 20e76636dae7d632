# SPDX-License-Identifier: GPL-3.0-or-later
"""Answer on TCP ports (default 80 443 22 8080 53) and, by default, UDP 53, in both families."""
import ctypes
import selectors
import signal
import socket
import sys

PR_SET_PDEATHSIG = 1


def listeners(ports, udp):
    for family, address in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
        for port, kind in ([(p, socket.SOCK_STREAM) for p in ports]
                           + [(p, socket.SOCK_DGRAM) for p in udp]):
            s = socket.socket(family, kind)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            s.bind((address, port))
            if kind == socket.SOCK_STREAM:
                s.listen(128)
            yield s


def answer(s):
    try:
        if s.type == socket.SOCK_STREAM:
            s.accept()[0].close()
        else:
            data, peer = s.recvfrom(512)
            s.sendto(b"r" + data, peer)
    except OSError:
        pass  # the peer has gone; the next one matters


def main():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    ports = [int(p) for p in sys.argv[1:]]
    ready = selectors.DefaultSelector()
    for s in listeners(ports or [80, 443, 22, 8080, 53], [] if ports else [53]):
        ready.register(s, selectors.EVENT_READ)
    print("ready", flush=True)
    while True:
        for key, _ in ready.select():
            answer(key.fileobj)


main()
