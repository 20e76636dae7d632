# SPDX-License-Identifier: GPL-3.0-or-later
"""Lifts of several steps at providers that accept one and refuse the next until it is done: nobody
is locked out while they are at one, and whoever comes goes on, or takes back what is there."""
import contextlib
import copy
import json
from unittest import mock

from bed import DONE, FAILED, UNVERIFIED, require, requires, until
from boot import another_boot
from model import MODELS
from model.gcp_armor import GLOBAL, GcpArmor
from model.message import Refusal, Reply
from model.pfsense import API, Pfsense
from waits import (at_it, end, holders, kill_after_write, serve_slow, start, until_waiting,
                   writes_of)

STEP_S = 2


class SteppingPfsense(Pfsense):
    """Each write is a job; meanwhile no other is taken."""
    routes = Pfsense.routes + (("GET", API + "/job", "job"),)

    def begin(self, function):
        if self.later:
            raise Refusal(409, {"code": 409, "status": "conflict", "message": "a job is running"})
        self.after(1, function)

    def create(self, request):
        self.begin(lambda: None)
        return super().create(request)

    def delete_many(self, request):
        self.begin(lambda: None)
        return super().delete_many(request)

    def delete_one(self, request):
        self.begin(lambda: None)
        return super().delete_one(request)

    def apply(self, request):
        if self.later:
            raise Refusal(409, {"code": 409, "status": "conflict", "message": "a job is running"})
        return super().apply(request)

    def job(self, _request):
        return self.good({"running": bool(self.later)})


class PublishingArmor(GcpArmor):
    """What was written is in force when it is published, and that is refused before."""
    volatile = GcpArmor.volatile + ("published",)
    routes = GcpArmor.routes + (("POST", GLOBAL + "/publish", "publish"),)

    def initial(self):
        state = super().initial()
        return dict(state, published=copy.deepcopy(state["rules"]))

    def publish(self, _request):
        if self.later:
            self.refuse(400, "The resource is not ready")
        self.state["published"] = copy.deepcopy(self.state["rules"])
        return Reply(200, {"status": "DONE"})

    def passes(self, source, port, path):
        rules, self.state["rules"] = self.state["rules"], self.state["published"]
        try:
            return super().passes(source, port, path)
        finally:
            self.state["rules"] = rules


def stepping_pfsense(recipe):
    poll = {"path": "/job", "until": [{"at": "/data/running", "eq": False}], "every_ms": 50}
    for call in ("create", "delete"):
        recipe["own"][call]["poll"] = poll


def publishing_armor(recipe):
    recipe["patch"]["commit"] = {"method": "POST", "path": "${global|raw}/publish"}


# Two objects; two with a commit; a rule with a commit.
STEPS = {"hetzner": None, "azure-nsg": None, "pfsense": (SteppingPfsense, stepping_pfsense),
         "gcp-armor": (PublishingArmor, publishing_armor)}
# Of pre; and how many of them take their time.
WRITES = {"hetzner": 2, "azure-nsg": 2, "pfsense": 3, "gcp-armor": 2}
WAITED_FOR = {"hetzner": 2, "azure-nsg": 2, "pfsense": 3, "gcp-armor": 1}


def serve_steps(bed, name, takes_s=STEP_S):
    model, change = STEPS[name] or (MODELS[name], lambda recipe: None)
    with mock.patch.dict(MODELS, {name: model}):
        target = serve_slow(bed, name, takes_s)
    with open(target.document["recipe"], encoding="ascii") as file:
        recipe = json.load(file)
    change(recipe)
    bed.write(name + ".json", json.dumps(recipe))
    return target


def until_step(bed, target, number):
    """The number-th write was accepted, and is waited for without the lock."""
    until(lambda: writes_of(target) >= number, "write %d" % number)
    require(writes_of(target) == number, "the next one was not waited for")
    until_waiting(bed, target)


def opened_in_steps(bed, name):
    target = serve_steps(bed, name)
    before, closed = target.model.snapshot(), target.matrix()
    first = start(bed, "pre", "first")
    until_step(bed, target, 1)
    bed.run("status")
    require(at_it(target), "status has waited for the provider")
    second = start(bed, "pre", "second")
    until(lambda: holders(bed) == ["first", "second"], "the second lease")
    require(writes_of(target) == 1 and at_it(target), "the second has joined too late")
    for pre in (first, second):
        end(pre, DONE)
        require(target.matrix() == target.lifted(closed), "pre says that it is open, and it is not")
    require(writes_of(target) == WRITES[name], "%d writes" % writes_of(target))
    bed.run("post", "--lease", "first", "--owner", "none")
    bed.run("post", "--lease", "second", "--owner", "none")
    bed.require_closed(before)
    bed.unserve()


def case_opened_in_steps(bed):
    """A second pre joins while the first waits, and they go on together, each step once."""
    for name in STEPS:
        opened_in_steps(bed, name)


def killed_at_step(bed, name, command, step, boot):
    target = serve_steps(bed, name, 0 if command == "post" else STEP_S)
    before, closed = target.model.snapshot(), target.matrix()
    if command == "post":
        bed.pre()
        target.model.takes_s = STEP_S
        target.forget()
    process = start(bed, command, "test")
    until_step(bed, target, step)
    bed.kill_all()
    process.communicate()
    require(at_it(target), "it was killed too late")
    target.model.takes_s = 0
    with boot():
        bed.run("restore")
    bed.require_closed(before)
    require(target.matrix() == closed, "what was taken back is still in force")
    bed.unserve()


def case_killed_at_step(bed):
    """In the middle of each wait; restore takes back what is there, also what is under way."""
    for name in STEPS:
        for step in range(1, WAITED_FOR[name] + 1):
            killed_at_step(bed, name, "pre", step,
                           another_boot if step == 1 else contextlib.nullcontext)
    for step in (1, 2, 3):
        killed_at_step(bed, "pfsense", "post", step, contextlib.nullcontext)
    killed_at_step(bed, "gcp-armor", "post", 1, another_boot)


def case_owner_dies_at_step(bed):
    """The watchdog closes what is there of it."""
    target = serve_steps(bed, "azure-nsg")
    before = target.model.snapshot()
    owner = bed.sleeper()
    pre = bed.start("pre", "--owner", str(owner.pid))
    until_step(bed, target, 1)
    owner.kill()
    owner.wait()
    requires(end(pre, UNVERIFIED), "closed before", "nothing is open")
    bed.wait_for_watchdog()
    bed.require_closed(before)


def case_joined_after_kill(bed):
    """Right after a step that the first could not note any more: who joins does not believe that
    it is done, and the next one opens it as a whole."""
    target = serve_steps(bed, "azure-nsg", 0)
    before, closed = target.model.snapshot(), target.matrix()
    dead = kill_after_write(bed, target, 2)
    start(bed, "pre", "first").communicate(timeout=60)
    require(dead.wait(60), "it was not killed")
    target.model.on_request = None
    requires(end(start(bed, "pre", "second"), FAILED), "a call that was killed")
    end(start(bed, "pre", "third"), DONE)
    require(target.matrix() == target.lifted(closed), "the third has not opened it")
    bed.run("restore")
    bed.require_closed(before)


CASES = {name[5:].replace("_", "-"): function for name, function in globals().items()
         if name.startswith("case_")}
