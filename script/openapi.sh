#!/bin/sh
# Prints the path of a Python that has openapi-spec-validator, which checks api/openapi.json; see python.sh.
exec sh "$(dirname "$0")/python.sh" openapi-spec-validator 0.9.0 'openapi_spec_validator, jsonschema' openapi "${SYNCMANAGER_OPENAPI:-}"
