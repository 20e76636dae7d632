# SPDX-License-Identifier: GPL-3.0-or-later
"""
A write whose outcome is not known, or that was put off: what is there is looked at before it is
written again. But a commit says nothing of its own: it may be repeated.
"""
from bed import DONE, FAILED, OPEN, UNVERIFIED, recipe_of, require
from campaign import course_of, each_request

FAULTS = ("reset-before", "reset-after", "500-before", "500-after", "503-before", "503-after",
          "429", "truncated")


def is_write(target, request):
    commit = recipe_of(target.recipe).get("own", {}).get("commit", {}).get("path", "none")
    return target.model.is_write(request) and not request.path.endswith(commit)


def is_repeated(target, number):
    """The number-th request is a write, and the next one is the same."""
    pair = target.model.requests[number - 1:number + 1]
    return len(pair) == 2 and is_write(target, pair[0]) and \
        (str(pair[0]), pair[0].body) == (str(pair[1]), pair[1].body)


def case_ambiguous(bed, recipe):
    target = bed.serve(recipe)
    target.document["deadline"] = "4s"
    bed.policy()
    course = course_of(bed, target)
    seen, wrong = 0, []
    for command, number in each_request(course):
        for fault in FAULTS:
            if command == "post":
                bed.pre()
            bed.kill_all()
            target.forget()
            target.model.faults = {number: fault}
            (bed.pre if command == "pre" else bed.post)(status=(DONE, FAILED, OPEN, UNVERIFIED))
            bed.kill_all()
            seen += any(is_write(target, r) for r in target.model.requests[number - 1:number])
            if is_repeated(target, number):
                wrong.append("%s of %s: %s at once again" % (
                    fault, command, target.model.requests[number]))
            target.forget()
            bed.run("restore")
            bed.require_closed(course.before)
    require(seen >= len(FAULTS), "no write went wrong")
    require(not wrong, "\n".join(wrong))


BY_RECIPE = {"ambiguous": case_ambiguous}
