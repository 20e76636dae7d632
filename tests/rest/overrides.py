# SPDX-License-Identifier: GPL-3.0-or-later
"""
The administrator's hand on what is ours, in the middle of a window: he takes it away, and that is
success; or he makes something else of it, and that is his, and is said.
"""
import copy
import json

from bed import DONE, OPEN, require, requires


def case_gone(bed, recipe):
    """He has closed it himself: post finds nothing to do, and restore neither."""
    target = bed.serve(recipe)
    model, before = target.model, target.model.snapshot()
    was = copy.deepcopy(model.state)
    bed.pre()
    model.settle()
    require(model.snapshot() != before, "it was not lifted")
    model.state = dict(was, **{name: model.state[name] for name in model.volatile
                               if name in ("next", "token", "etag", "version", "fingerprint")})
    target.forget()
    bed.post()
    # What was asked for all the same, as a commit of what is there, has changed nothing.
    bed.require_closed(before)
    bed.run("restore")
    bed.require_closed(before)


def edited_in_window(bed, recipe, edit):
    """The state with his edit, and what post says."""
    target = bed.serve(recipe)
    bed.pre()
    target.model.settle()
    edit(target.model.state)
    edited = target.model.snapshot()
    status, text = bed.post(status=(DONE, OPEN))
    target.model.settle()
    return target, edited, status, text


def case_made_another_condition(bed):
    """What was put beside others is one of these others by now."""
    def edit(state):
        geo = [rule for rule in state["properties"]["customRules"] if rule["name"] == "geo"][0]
        geo["matchConditions"][-1]["matchValues"] = ["/status"]
    _, edited, status, _ = edited_in_window(bed, "azure-appgw-waf", edit)
    require(status == DONE, "exit %d" % status)
    bed.require_closed(edited)


def case_made_another_rule(bed):
    """It still has our name: nobody knows what it lets in, until he takes it out."""
    def edit(state):
        ours(state)["ports"] = "8080"

    def ours(state):
        return [rule for rule in state["inbound"] if rule["label"].startswith("geopause-")][0]
    target, edited, status, text = edited_in_window(bed, "linode", edit)
    require(status == OPEN, "exit %d" % status)
    requires(text, "linode: .*change is kept, and has ours in it", "by hand", "geopause restore")
    bed.run("restore", status=OPEN)
    require(target.model.snapshot() == edited, json.dumps(target.model.snapshot()))
    target.model.state["inbound"].remove(ours(target.model.state))
    bed.run("restore")
    bed.require_closed(type(target.model)().snapshot())


def case_made_another_time(bed):
    """One of several values is his by now: it stays, and the others are taken back."""
    def edit(state):
        state["policy-expiry-date-utc"] = "4102444800"
    target, edited, status, text = edited_in_window(bed, "fortigate", edit)
    require(status == DONE, "exit %d" % status)
    requires(text, "somebody else changed .*fortigate: /policy-expiry-date-utc: .* is kept")
    bed.require_closed(dict(target.model.initial(), **{
        "policy-expiry-date-utc": edited["policy-expiry-date-utc"]}))


BY_RECIPE = {"gone": case_gone}
CASES = {name[5:].replace("_", "-"): function for name, function in globals().items()
         if name.startswith("case_made")}
