# SPDX-License-Identifier: GPL-3.0-or-later
"""What is the administrator's: objects and edits of his, and what is refused because of them."""
import json

from bed import DONE, FAILED, OPEN, require, requires


def case_theirs(bed):
    """What was there before us, and could not be told from ours, is never touched."""
    for recipe in ("digitalocean", "opnsense-alias"):
        target = bed.serve(recipe)
        target.model.theirs()
        before = target.model.snapshot()
        _, text = bed.pre(status=FAILED)
        requires(text, recipe, "somebody else", "nothing was changed")
        bed.run("restore")
        bed.require_closed(before)
        bed.unserve()


def case_edit_in_rule(bed):
    """An edit of the very rule that is lifted survives, beside our part of it."""
    for recipe in ("aws-wafv2", "azure-appgw-waf"):
        target = bed.serve(recipe)
        edited = type(target.model)()
        edited.foreign_in_rule()
        bed.pre()
        target.model.settle()
        target.model.foreign_in_rule()
        bed.post()
        bed.require_closed(edited.snapshot())
        bed.unserve()


def case_edit_over_ours(bed):
    """Who writes over our value means his: it is kept, and said."""
    for recipe in ("aws-wafv2", "gcp-armor"):
        target = bed.serve(recipe)
        edited = type(target.model)()
        edited.foreign_over_ours()
        bed.pre()
        target.model.settle()
        target.model.foreign_over_ours()
        _, text = bed.post(status=(DONE, OPEN))
        requires(text, recipe, "changed")
        require(target.model.snapshot() == edited.snapshot(), "his change is lost:\n%s" %
                json.dumps(target.model.snapshot()))
        bed.run("restore", status=(DONE, OPEN))
        bed.unserve()


def case_emptied(bed):
    """The last rule that is deleted is ours: the list is then missing from the replies."""
    target = bed.serve("cloudflare-waf")
    edited = type(target.model)()
    edited.emptied()
    bed.pre()
    target.model.emptied()
    bed.post()
    bed.require_closed(edited.snapshot())
    target.model.emptied()
    bed.pre()
    bed.post()
    bed.require_closed(edited.snapshot())


def case_ids_shift(bed):
    """A rule that is put before ours between looking and deleting is not deleted in its place."""
    target = bed.serve("pfsense")
    edited = type(target.model)()
    edited.foreign()
    bed.pre()
    target.model.settle()
    target.forget()
    edits = before_first(target.model, lambda request: request.method == "DELETE")
    bed.post()
    require(edits, "nothing was deleted")
    bed.require_closed(edited.snapshot())


def before_first(model, is_it):
    """An edit just before the first such request; the list has it once it is made."""
    edits = []

    def edit(_model):
        if not edits and is_it(model.requests[-1]):
            edits.append(model.requests[-1])
            model.foreign()
    model.faults = dict.fromkeys(range(1, 50), edit)
    return edits


def case_pages(bed):
    """What is on a later page of a list is found, and counts."""
    for recipe in ("vultr", "azure-nsg"):
        target = bed.serve(recipe)
        target.model.page_max = 2
        before, closed = target.model.snapshot(), target.matrix()
        bed.pre()
        target.model.settle()
        require(target.matrix() == target.lifted(closed), "not lifted")
        bed.post()
        bed.require_closed(before)
        bed.unserve()


def case_no_free_priority(bed):
    """With no number before the block's there is nothing that a rule of ours could open."""
    target = bed.serve("azure-nsg")
    target.document["params"] = dict(target.model.params, before="101")
    bed.policy()
    before = target.model.snapshot()
    requires(bed.pre(status=FAILED)[1], "azure-nsg", "priority", "100", "101")
    bed.require_closed(before)


def case_challenge_not_served(bed):
    """A recipe that only opens a path cannot open a port."""
    target = bed.serve("cloudflare-waf")
    bed.policy(challenges=["http-01", "tls-alpn-01"])
    _, text = bed.pre(status=(FAILED, 5))
    requires(text, "cloudflare-waf serves http-01 alone", "443")
    require(target.count() == 0, "it was asked all the same")


def case_conflict(bed):
    """A write that is refused because of another's is tried again on what is there now."""
    for recipe in ("aws-wafv2", "azure-appgw-waf"):
        target = bed.serve(recipe)
        edited = type(target.model)()
        edited.foreign()
        edits = before_first(target.model, target.model.is_write)
        closed = target.matrix()
        bed.pre()
        target.model.settle()
        require(target.matrix() == target.lifted(closed), "not lifted")
        require(edits, "nothing was written")
        bed.post()
        bed.require_closed(edited.snapshot())
        bed.unserve()


CASES = {name[5:].replace("_", "-"): function for name, function in globals().items()
         if name.startswith("case_")}
