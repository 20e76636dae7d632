# SPDX-License-Identifier: GPL-3.0-or-later
"""A journal that was cut off: nothing is lost, and what it opened is swept."""

from statefiles import LEASE, open_unwatched, read, take_aside, write


def test_truncated_at_every_byte(b):
    open_unwatched(b)
    path = b.journal_path()
    whole, live = read(path), b.live()
    for length in range(len(whole)):
        b.set_live(live)
        write(path, whole[:length])
        if length % 16 == 0:
            b.ok("status", status=3, says="cannot be used")
            assert read(path) == whole[:length], "status only looks"
        verb = ("post", *LEASE) if length % 2 else ("restore",)
        b.ok(*verb, says="kept as")
        b.closed()
        assert take_aside(b) == whole[:length], "it was put aside as it is"
