"""Checks openapi.json, and answers against it.

usage: validate.py OPENAPI < LINES, each {"schema": NAME, "value": ANSWER}
"""

import json
import sys

from jsonschema import Draft202012Validator, FormatChecker
from openapi_spec_validator import validate

with open(sys.argv[1], encoding="utf-8") as f:
    document = json.load(f)
validate(document)

failed = False
for line in sys.stdin:
    case = json.loads(line)
    schema = {**document, "$ref": "#/components/schemas/" + case["schema"]}
    for error in Draft202012Validator(schema, format_checker=FormatChecker()).iter_errors(case["value"]):
        failed = True
        print(case["schema"], error.json_path, error.message)
sys.exit(failed)
