# SPDX-License-Identifier: GPL-3.0-or-later
"""Sockets that listen for the tests' packets, in both families."""
import socket


def listeners(ports):
    """Of tcp/80 and the like, in this network namespace."""
    for family, address in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
        for port in ports:
            proto, number = port.split("/")
            kind = socket.SOCK_STREAM if proto == "tcp" else socket.SOCK_DGRAM
            s = socket.socket(family, kind | socket.SOCK_NONBLOCK)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            s.bind((address, int(number)))
            if kind == socket.SOCK_STREAM:
                s.listen(128)
            yield s
