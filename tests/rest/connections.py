# SPDX-License-Identifier: GPL-3.0-or-later
"""One connection to a host for all that opens, and one for all that closes."""
from bed import require


def counted(server):
    """The connections from now on, as they come."""
    came, process = [], server.process_request

    def count(request, address):
        came.append(address)
        process(request, address)
    server.process_request = count
    return came


def case_connections(bed, recipe):
    """The least of three: the watchdog, which has connections of its own, looks when it likes."""
    target = bed.serve(recipe)
    came = counted(bed.servers[-1])
    hosts = len({host for model in target.models for host in model.hosts})
    numbers = {"pre": [], "post": []}
    for _ in range(3):
        for command, run in (("pre", bed.pre), ("post", bed.post)):
            bed.kill_all()
            came.clear()
            target.forget()
            run()
            numbers[command].append(len(came))
            require(target.count() > hosts, "one request: nothing was to be used again")
    for command, connections in numbers.items():
        require(min(connections) == hosts, "%s: %s connections to %d hosts" % (
            command, connections, hosts))


BY_RECIPE = {"connections": case_connections}
