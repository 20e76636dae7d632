# SPDX-License-Identifier: GPL-3.0-or-later
"""Each fault, an administrator's edit, and SIGKILL at each request of pre and of post.

Whatever happens: in the end the provider's state is what it was, or the exit status is 3, the
message names the target, and the next `restore` makes it so.
"""
import collections
import time

from bed import DONE, FAILED, OPEN, UNVERIFIED, Failure, Killer, recipe_of, require
from boot import another_boot
from model.faults import FAULTS

MOMENTS = 25  # of pre and of post, at which they are killed

# pre and post, each with this many requests; the matrix before and while it is lifted.
Course = collections.namedtuple("Course", "requests before open")


def course_of(bed, target):
    """One window without a fault."""
    before, closed = target.model.snapshot(), target.matrix()
    target.forget()
    bed.pre()
    opening = target.count()
    target.model.settle()
    lifted = target.matrix()
    require(lifted == target.lifted(closed), "it is not lifted")
    bed.kill_all()
    target.forget()
    bed.post()
    closing = target.count()
    bed.require_closed(before)
    return Course({"pre": opening, "post": closing}, before, lifted)


def names_what_is_open(target, text):
    require(target.name in text and "restore" in text,
            "exit 3, and not said what may be open, and what to do:\n" + text)


def end(bed, target, course, status, text):
    """After the faulty command and its successors: closed, or said to be open and closable."""
    if status == OPEN:
        names_what_is_open(target, text)
        target.forget()
        bed.run("restore")
    bed.require_closed(course.before)
    require(target.matrix() != course.open, "the matrix cannot tell open from closed")


def pre_with(bed, target, course):
    """pre that may fail; the status and output of the last command."""
    status, text = bed.pre(status=(DONE, FAILED, OPEN, UNVERIFIED))
    target.forget()
    if status != DONE:
        return status, text
    target.model.settle()
    require(target.matrix() == course.open, "exit 0, but it is not lifted:\n" + text)
    return bed.post(status=(DONE, OPEN))


def post_with(bed, target, spoil):
    """Without a watchdog, whose requests would be counted, too."""
    bed.pre()
    bed.kill_all()
    spoil()
    return bed.post(status=(DONE, OPEN))


def each_request(course):
    for command, requests in course.requests.items():
        for number in range(1, requests + 1):
            yield command, number


def faults(bed, recipe, kinds):
    target = bed.serve(recipe)
    target.document["deadline"] = "4s"
    bed.policy()
    course = course_of(bed, target)
    wrong = []
    for kind in kinds:
        for command, number in each_request(course):
            try:
                if command == "pre":
                    target.spoil(number, kind)
                    status, text = pre_with(bed, target, course)
                else:
                    status, text = post_with(bed, target, lambda n=number: target.spoil(n, kind))
                end(bed, target, course, status, text)
            except Failure as failure:
                wrong.append("%s at request %d of %s: %s" % (kind, number, command, failure))
                heal(bed, target)
    require(not wrong, "\n".join(["%d failures" % len(wrong)] + wrong[:5]))


def heal(bed, target):
    """For the next try: as at the beginning."""
    bed.kill_all()
    for name in bed.left():
        bed.remove("state", name)
    for model in target.models:
        model.later, model.on_request = [], None
    target.model.state = target.model.initial()
    target.forget()


def fault_case(kinds):
    return lambda bed, recipe: faults(bed, recipe, kinds)


def case_kill(bed, recipe):
    """SIGKILL, watchdog and all; then `restore` in another boot."""
    target = bed.serve(recipe)
    course = course_of(bed, target)
    for command, number in each_request(course):
        for when in ("before", "after"):
            if command == "post":
                bed.pre()
                bed.kill_all()
            killer = Killer(bed, target, number, when)
            process = bed.start(command, "--lease", "test", "--owner", "none")
            process.communicate(timeout=60)
            killer.wait()
            bed.kill_all()
            for model in target.models:
                model.on_request = None
            target.forget()
            with another_boot():
                bed.run("restore")
            try:
                bed.require_closed(course.before)
            except Failure as failure:
                raise Failure("killed %s request %d of %s: %s" % (
                    when, number, command, failure)) from None


def kill_after(bed, command, seconds):
    process = bed.start(command, "--lease", "test", "--owner", "none")
    time.sleep(seconds)
    bed.kill_all()
    process.communicate(timeout=60)


def case_kill_anywhere(bed, recipe):
    """SIGKILL at moments that are spread over pre and post, not only at requests."""
    target = bed.serve(recipe)
    course = course_of(bed, target)
    begin = time.monotonic()
    bed.pre()
    took_s = {"pre": time.monotonic() - begin}
    begin = time.monotonic()
    bed.post()
    took_s["post"] = time.monotonic() - begin
    for command, duration_s in took_s.items():
        for moment in range(MOMENTS):
            if command == "post":
                bed.pre()
            kill_after(bed, command, duration_s * moment / MOMENTS)
            with another_boot():
                bed.run("restore")
            bed.require_closed(course.before)


def edit_at(target, number, edits):
    """edits gets the request before which an edit was made."""
    def edit(_model):
        model = target.model
        request = model.requests[-1] if model.requests else None
        if not (model.unprotected and model.is_write(request)):
            model.foreign()
            edits.append(request)
    target.spoil(number, edit)


def case_edit(bed, recipe):
    """An administrator's edit just before each request: it is there afterwards, and ours is not.

    Not between a read and a write where the provider has no protection: the recipe's limits, which
    plan prints, say so.
    """
    target = bed.serve(recipe)
    course = course_of(bed, target)
    edited = type(target.model)()
    edited.foreign()
    says = any("overwritten" in limit for limit in recipe_of(recipe)["limits"])
    require(says or not target.model.unprotected, "its limits do not say what is overwritten")
    for command, number in each_request(course):
        target.forget()
        target.model.state = target.model.initial()
        edits = []
        if command == "pre":
            edit_at(target, number, edits)
            status, text = pre_with(bed, target, course)
        else:
            status, text = post_with(
                bed, target, lambda n=number, made=edits: edit_at(target, n, made))
        if status == OPEN:
            names_what_is_open(target, text)
            bed.run("restore")
        try:
            bed.require_closed(edited.snapshot() if edits else course.before)
        except Failure as failure:
            raise Failure("edited before request %d of %s: %s" % (
                number, command, failure)) from None


SHARES = {
    "refused": ("401", "404", "redirect", "429", "500-before", "503-before"),
    "lost": ("reset-before", "reset-after", "500-after", "503-after", "truncated", "garbage"),
    "endless": ("huge", "slow", "hang"),
}
assert sorted(sum(SHARES.values(), ())) == sorted(FAULTS)

BY_RECIPE = dict({"faults-" + share: fault_case(kinds) for share, kinds in SHARES.items()},
                 kill=case_kill, edit=case_edit, **{"kill-anywhere": case_kill_anywhere})
