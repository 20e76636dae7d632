#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The schema accepts and rejects the same recipes as the program.

broken.json has the cases; those that only the program can reject say why ("beyond_schema"), and the
schema must accept those, so that the list stays honest. All recipes that come with geopause are
accepted, and so is the manual's example. Usage: recipe_schema.py SCHEMA DIRECTORY RECIPES MANUAL
"""
import json
import pathlib
import sys

import jsonschema


def apply(document, op):
    *parents, last = op["path"].split("/")[1:]
    for token in parents:
        document = document[int(token) if isinstance(document, list) else token]
    key = int(last) if isinstance(document, list) else last
    if op["op"] == "remove":
        del document[key]
    else:
        document[key] = op["value"]


def main():
    schema = json.loads(pathlib.Path(sys.argv[1]).read_text())
    jsonschema.Draft7Validator.check_schema(schema)
    validator = jsonschema.Draft7Validator(schema)
    directory = pathlib.Path(sys.argv[2])
    failed = 0
    cases = json.loads((directory / "broken.json").read_text())
    for case in cases:
        recipe = json.loads((directory / case["of"]).read_text())
        for op in case["patch"]:
            apply(recipe, op)
        if validator.is_valid(recipe) != ("beyond_schema" in case):
            print(f"{case['expected']}: the schema does not agree")
            failed += 1
    shipped = sorted(pathlib.Path(sys.argv[3]).glob("*.json"))
    example = pathlib.Path(sys.argv[4]).read_text().split("```")[1]
    if json.loads(example) != json.loads((directory / "example.json").read_text()):
        print("example.json is not the example of the manual")
        failed += 1
    good = [directory / f"{name}.json" for name in ("own", "patch", "example")]
    for path in [*good, *shipped]:
        for error in validator.iter_errors(json.loads(path.read_text())):
            print(f"{path.name}: {error.json_path}: {error.message[:200]}")
            failed += 1
    print(f"{len(cases)} cases and {len(shipped)} recipes, {failed} failed")
    return 0 if cases and shipped and failed == 0 else 1


sys.exit(main())
