# SPDX-License-Identifier: GPL-3.0-or-later
"""What a lift through each installed recipe does, says and needs."""
import json
import os
import re

from bed import DONE, FAILED, HERE, POLICY, RECIPES, ROOT, recipe_of, require, requires
from model import MODELS

MANUAL = os.path.join(ROOT, "backends", "rest", "geopause-recipes.7.scd")
EXAMPLES = os.path.join(ROOT, "examples", "rest")


def documented_requests(name):
    """Of open and of close."""
    with open(MANUAL, encoding="ascii") as file:
        section = re.search(r"^# %s\n(.*?)(?=^# |\Z)" % name, file.read(), re.M | re.S)
    require(section, "geopause-recipes(7) has no section for " + name)
    numbers = re.search(r"Requests: ([0-9]+) to open, ([0-9]+) to close", section.group(1))
    require(numbers, "geopause-recipes(7) does not count the requests of " + name)
    return int(numbers.group(1)), int(numbers.group(2))


def case_lift(bed, recipe):
    """plan changes nothing; pre opens what was asked and nothing else; post restores."""
    target = bed.serve(recipe, installed=True)
    before, closed = target.model.snapshot(), target.matrix()
    _, text = bed.run("plan")
    document = recipe_of(recipe)
    said = [document["opens"], document["rights"], document["deadman"]["text"]]
    requires(text, *[re.escape(words) for words in said + document["limits"]])
    require(not target.model.writes(), "plan writes: %s" % [str(r) for r in target.model.writes()])
    bed.pre()
    target.model.settle()
    require(target.matrix() == target.lifted(closed), "not lifted, or too much:\n%s" % sorted(
        key for key, value in target.matrix().items() if value))
    requires(bed.run("status")[1], "lifted")
    bed.post()
    bed.require_closed(before)


def requests_of_window(bed, target):
    target.forget()
    bed.pre()
    opening = target.count()
    bed.kill_all()
    target.forget()
    bed.post()
    return opening, target.count()


def case_requests(bed, recipe):
    """No more than the manual says; the least of three, as the watchdog looks when it likes."""
    target = bed.serve(recipe)
    counted = tuple(map(min, zip(*[requests_of_window(bed, target) for _ in range(3)])))
    require(counted == documented_requests(recipe), "%d requests to open and %d to close, and "
            "geopause-recipes(7) says %d and %d" % (counted + documented_requests(recipe)))


def everything_said(bed):
    """State, logs of the watchdog and whatever else is in the bed, but the secrets themselves."""
    for directory, _, files in os.walk(bed.dir):
        for name in files:
            if not name.startswith(("secret-", "model.")):
                with open(os.path.join(directory, name), "rb") as file:
                    yield (os.path.relpath(os.path.join(directory, name), bed.dir),
                           file.read().decode("utf-8", "replace"))
    for pid in bed.processes():
        for name in ("cmdline", "environ"):
            with open("/proc/%d/%s" % (pid, name), "rb") as file:
                yield "/proc/PID/" + name, file.read().decode("utf-8", "replace")


def words_of(target):
    """What may not be said: the secrets, and tokens that were got for them."""
    for value in target.model.secrets.values():
        if value.startswith("{"):
            yield from json.loads(value)["private_key"].splitlines()[1:-1]
        elif value != "geopause":  # a user's name that is ours, too
            yield value
    yield "issued-secret-token"


def case_secrets(bed, recipe):
    """No secret is said anywhere, not with -vv, not when it fails."""
    target = bed.serve(recipe)
    said = [("plan", bed.run("plan", "-v", "-v")[1]), ("pre", bed.pre("-v", "-v")[1])]
    said += list(everything_said(bed))
    require(any(name.startswith("state/lasting/") for name, _ in said), "no journal was looked at")
    said.append(("post", bed.post("-v", "-v")[1]))
    target.spoil(1, "401")
    said.append(("pre that fails", bed.pre("-v", "-v", status=(DONE, FAILED))[1]))
    bed.run("restore")
    for name, text in said:
        for word in words_of(target):
            require(word not in text, "%r is said by %s:\n%s" % (word, name, text))


def case_example(bed, recipe):
    """examples/rest has a policy for it that is valid once its secrets are there."""
    with open(os.path.join(EXAMPLES, recipe + ".json"), encoding="ascii") as file:
        policy = json.load(file)
    for target in policy["targets"]:
        require(target["recipe"] == recipe, "it is for " + target["recipe"])
        for name in target["secrets"]:
            target["secrets"][name] = {"file": bed.secret(target["name"], name, "x")}
        if "ca_file" in target:
            bed.write("ca.pem", "")
            target["ca_file"] = bed.path("ca.pem")
    bed.write("policy.json", json.dumps(policy))
    # The vendor's server cannot be reached from here: it is asked only when all else is right.
    _, text = bed.run("check", status=(FAILED,))
    require("reading what is there failed" in text, text)


def case_destination(bed):
    """An address belongs to one family, and the rule would be for both: refused before anything."""
    for recipe in ("opnsense-rule", "pfsense"):
        target = bed.serve(recipe)
        target.document["params"] = dict(target.document["params"], destination="192.0.2.80")
        bed.policy()
        requires(bed.run("plan", status=POLICY)[1], "destination", "192.0.2.80")
        require(not target.count(), "it was asked")
        bed.unserve()


def named_in(directory):
    return sorted(name[:-len(".json")] for name in os.listdir(directory)
                  if name.endswith(".json"))


def case_recipes(_bed):
    """Each installed recipe has a model, a section in the manual and an example; each test one."""
    installed = named_in(RECIPES)
    require(installed == sorted(MODELS), "recipes %s and models %s" % (installed, sorted(MODELS)))
    examples = named_in(EXAMPLES)
    require(installed == examples, "recipes %s and examples %s" % (installed, examples))
    with open(os.path.join(HERE, "CMakeLists.txt"), encoding="ascii") as file:
        tested = file.read().split("foreach(recipe")[1].split(")")[0].split()
    require(installed == sorted(tested), "recipes %s, and tested are %s" % (installed, tested))


BY_RECIPE = {"lift": case_lift, "requests": case_requests, "secrets": case_secrets,
             "example": case_example}
CASES = {"recipes": case_recipes, "destination": case_destination}
