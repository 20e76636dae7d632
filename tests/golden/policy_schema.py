#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The schema accepts and rejects the same policies as the program.

Cases that only the program can reject have a file beyond-schema, which says why; the schema must
accept those, so that the list stays honest. Usage: policy_schema.py SCHEMA DIRECTORY
"""
import json
import pathlib
import sys

import jsonschema


def no_duplicates(pairs):
    keys = [key for key, _ in pairs]
    if len(set(keys)) != len(keys):
        raise ValueError("duplicate key")
    return dict(pairs)


def accepts(validator, data):
    try:
        document = json.loads(data.decode("utf-8"), object_pairs_hook=no_duplicates)
    except (ValueError, RecursionError):
        return False
    return validator.is_valid(document)


def main():
    schema = json.loads(pathlib.Path(sys.argv[1]).read_text())
    jsonschema.Draft7Validator.check_schema(schema)
    validator = jsonschema.Draft7Validator(schema)
    cases = sorted(p for p in pathlib.Path(sys.argv[2]).iterdir() if p.is_dir())
    failed = 0
    for case in cases:
        rejected = (case / "expected.txt").read_text().startswith("error")
        expected = not rejected or (case / "beyond-schema").exists()
        if accepts(validator, (case / "policy.json").read_bytes()) != expected:
            print(f"{case.name}: the schema should {'accept' if expected else 'reject'} it")
            failed += 1
    print(f"{len(cases)} cases, {failed} failed")
    return 0 if cases and failed == 0 else 1


sys.exit(main())
