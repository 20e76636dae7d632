# SPDX-License-Identifier: GPL-3.0-or-later
"""Whoever logs in logs out, also where it is nobody who was called."""
import unittest.mock

import identity


def closed_by_watchdog(bed, target):
    before = target.model.snapshot()
    owner = bed.sleeper()
    bed.run("pre", "--owner", str(owner.pid))
    bed.wait_for_first_look()
    owner.kill()
    owner.wait()
    bed.wait_for_watchdog()
    bed.require_closed(before)


def closed_by_post(bed, target):
    """The watchdog has looked meanwhile, and ends, too."""
    before = target.model.snapshot()
    bed.pre()
    bed.wait_for_first_look()
    bed.post()
    bed.wait_for_watchdog()
    bed.require_closed(before)


def session_ends(close):
    """identity.py's case, which counts the sessions that are left, with another course."""
    def case(bed):
        with unittest.mock.patch.object(identity, "opens_and_closes", close):
            identity.case_auth_session(bed)
    return case


CASES = {"session-of-watchdog": session_ends(closed_by_watchdog),
         "session-ends-with-post": session_ends(closed_by_post)}
