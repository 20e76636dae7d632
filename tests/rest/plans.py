# SPDX-License-Identifier: GPL-3.0-or-later
"""What plan prints is what pre sends: the same writes, to the letter, in the same order."""
import json
import re

from bed import require

# Of each window its own: identities, UUIDs that are made of them, and times.
OWN = ((re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"), "UUID"),
       (re.compile(r"(?<![0-9a-f])[0-9a-f]{12}(?![0-9a-f])"), "TXN"),
       # A user's name is left out as a secret, also where the word is ours.
       (re.compile(r"\[secret\] TXN"), "geopause TXN"),
       (re.compile(r"\b[0-9]{10}\b"), "TIME"),
       (re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]+Z"), "TIME"))


def normalised(text):
    for own, name in OWN:
        text = own.sub(name, text)
    return text


def planned(bed):
    steps = json.loads(bed.run("plan", "--json")[1])["steps"]
    return [normalised(line) for step in steps for line in step["after"].splitlines()]


def sent(target):
    """In one line each, as plan prints them."""
    host = target.model.hosts[0]
    return [normalised(" ".join(filter(None, (
        request.method, "https://%s%s" % (host, request.target), request.body.decode()))))
            for request in target.model.writes()]


def case_plan(bed, recipe):
    target = bed.serve(recipe)
    wanted = planned(bed)
    require(target.count(), "nothing was read for it")
    require(not target.model.writes(), "it writes")
    target.forget()
    bed.pre()
    got = sent(target)
    require(got and got == wanted, "plan says\n%s\nand pre sends\n%s" % (
        "\n".join(wanted), "\n".join(got)))
    bed.post()


BY_RECIPE = {"plan": case_plan}
