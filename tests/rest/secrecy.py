# SPDX-License-Identifier: GPL-3.0-or-later
"""
Where secrets could be said, and are looked for: arguments and environments of all our processes and
of the alert's program, the state directory, the system log, what is traced with -vv, also when a
provider repeats in its refusal all that it was sent, and cores.

What is looked for is what the models really got: credentials in the form in which they are sent.
"""
import contextlib
import ctypes
import json
import os
import resource
import signal
import socket
import subprocess
import tempfile
import unittest.mock

import identity
from bed import DONE, FAILED, OPEN, UNVERIFIED, require, until
from model.message import Reply
from recipes import everything_said, words_of

PR_SET_CHILD_SUBREAPER = 36
# Headers and form fields that are credentials, whoever reads them.
HEADERS = ("authorization", "x-api-key", "x-session", "x-amz-security-token")
FIELDS = ("client_secret", "assertion", "password")
ALERT = """#!/bin/sh
exec >>%s
tr '\\0' '\\n' </proc/$$/environ
tr '\\0' '\\n' </proc/$$/cmdline
cat
"""


def credentials_in(request):
    for name in HEADERS:
        value = request.headers.get(name, "")
        if not value.startswith("AWS4-"):  # a signature, for one request and its time
            yield value.rpartition(" ")[2]
    with contextlib.suppress(UnicodeDecodeError):
        form = request.form()
        for name in FIELDS:
            yield form.get(name, "")


def sent_by(target):
    """The secrets, and what they were made into."""
    words = set(words_of(target))
    for model in target.models:
        for request in model.requests:
            words |= set(credentials_in(request))
    return {word for word in words if len(word) > 8}


def repeat(model):
    """A provider that refuses, and repeats whatever it was sent; but whoever is in may go."""
    usual = model.answer

    def answer(request):
        if request.path == "/logout":
            return usual(request)
        said = json.dumps([request.target, request.headers, request.body.decode()])
        return Reply(403, {
            # Wherever the recipe looks for the provider's reason.
            "message": said, "error": said, "error_description": said, "detail": said,
            "__type": said, "errors": [{"code": 1, "message": said, "reason": said}]})
    model.answer = answer


@contextlib.contextmanager
def system_log(bed):
    """/dev with a log of our own; what it got is in the list."""
    said, place = [], tempfile.mkdtemp(prefix="geopause-rest-dev-")
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", place], check=True)
    for name in ("null", "urandom"):
        bed.write(os.path.join(place, name), "")
        subprocess.run(["mount", "--bind", "/dev/" + name, os.path.join(place, name)], check=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as log:
        log.bind(os.path.join(place, "log"))
        log.setblocking(False)
        subprocess.run(["mount", "--rbind", place, "/dev"], check=True)
        try:
            yield said
        finally:
            with contextlib.suppress(BlockingIOError):
                while True:
                    said.append(log.recv(65536).decode("utf-8", "replace"))
            for mounted in ("/dev", place):
                subprocess.run(["umount", "--recursive", "--lazy", mounted], check=True)
            os.rmdir(place)


def lease_of(command):
    return [] if command == "restore" else ["--lease", "test", "--owner", "none"]


def while_it_waits(bed, target, command):
    """What can be seen of all processes while one of them waits for a reply."""
    target.spoil(1, "hang")
    process = bed.start(command, "-v", "-v", *lease_of(command))
    until(target.count, "a request of " + command)
    said = [("%s, %s" % (command, name), text) for name, text in everything_said(bed)]
    require(any(name.endswith("cmdline") for name, _ in said), "no process was looked at")
    process.send_signal(signal.SIGKILL)
    said.append((command, "".join(process.communicate())))
    return said


def said_while_waiting(bed, target):
    for command in ("pre", "post", "restore"):
        if command != "pre":
            bed.pre("-v", "-v")
        yield from while_it_waits(bed, target, command)
        target.forget()
        bed.run("restore")


def said_in_a_window(bed):
    yield "plan", bed.run("plan", "-v", "-v")[1]
    yield "pre", bed.pre("-v", "-v")[1]
    yield from everything_said(bed)
    yield "status", bed.run("status", "-v", "-v", "--json")[1]
    yield "post", bed.post("-v", "-v")[1]


def said_of_refusals(bed, target):
    """By each of the provider's hosts: its tokens', and its own when there is a token."""
    answers = [(model, model.answer) for model in target.models]
    for refusing in target.models:
        repeat(refusing)
        yield "refused", bed.pre("-v", "-v", status=(DONE, FAILED, OPEN, UNVERIFIED))[1]
        for model, answer in answers:
            model.answer = answer
        bed.run("restore")  # an instance does not ask that host for a token
    bed.pre()
    repeat(target.model)
    yield "post, refused", bed.post("-v", "-v", status=(DONE, OPEN))[1]
    target.model.answer = answers[0][1]
    bed.run("restore")


def nothing_is_said(bed, target, more=lambda bed, target: ()):
    target.document["deadline"] = "4s"
    alert = bed.write("alert", ALERT % bed.path("alerted"))
    os.chmod(alert, 0o700)
    bed.policy(alert=[alert])
    before = target.model.snapshot()
    with system_log(bed) as logged:
        said = [*more(bed, target), *said_in_a_window(bed)]
        words = sent_by(target)
        said += said_of_refusals(bed, target)
        words |= sent_by(target)
        until(lambda: os.path.exists(bed.path("alerted")), "an alert")
        bed.wait_for_watchdog()
        said += everything_said(bed)
    for name, wanted in (("state/lasting/", ""), ("alerted", ""), ("", "403"), ("", "[secret]")):
        require(any(where.startswith(name) and wanted in text for where, text in said),
                "nothing of %s with %r was looked at" % (name, wanted))
    require(any("geopause[" in text for text in logged), "the system log got nothing")
    for name, text in said + [("the system log", text) for text in logged]:
        for word in words:
            require(word not in text, "%r is said by %s:\n%s" % (word, name, text[:3000]))
    bed.require_closed(before)


def core_of(pid):
    """Does it dump core, or give its memory to a program that takes cores?"""
    os.kill(pid, signal.SIGSEGV)
    return os.WCOREDUMP(os.waitpid(pid, 0)[1])


def case_no_core_at_all(bed):
    """Neither of the verbs that take back nor of the watchdog, which has the secrets meanwhile."""
    target = bed.serve("vultr")
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    require(core_of(bed.sleeper().pid), "no program here dumps core: nothing can be seen")
    for command in ("post", "restore"):
        bed.pre()
        bed.kill_all()
        target.spoil(1, "hang")
        process = bed.start(command, *lease_of(command))
        until(target.count, "a request of " + command)
        require(not core_of(process.pid), command + " dumps core")
    target.forget()
    bed.run("restore")
    owner = bed.sleeper()
    bed.run("pre", "--owner", str(owner.pid))
    bed.wait_for_first_look()
    watchdog = bed.processes()[0]
    target.spoil(1, "hang")
    owner.kill()
    owner.wait()
    until(target.count, "a request of the watchdog")
    require(not core_of(watchdog), "the watchdog dumps core")
    target.forget()
    bed.run("restore")


def case_secrecy(bed, recipe):
    """Nobody says a secret, nor what it was made into."""
    nothing_is_said(bed, bed.serve(recipe), said_while_waiting)


def secrecy_of(auth):
    """The same of what was got for a secret, or for being an instance: a case of identity.py."""
    def case(bed):
        with unittest.mock.patch.object(identity, "opens_and_closes", nothing_is_said):
            auth(bed)
    return case


BY_RECIPE = {"secrecy": case_secrecy}
CASES = dict({"secrecy-of-" + name: secrecy_of(auth) for name, auth in identity.CASES.items()},
             **{"no-core-at-all": case_no_core_at_all})
