#!/bin/sh
# Prints the path of a Python that has PyFxA, Mozilla's client library for the accounts server; see python.sh.
exec sh "$(dirname "$0")/python.sh" PyFxA 0.9.0 fxa.core pyfxa "${SYNCMANAGER_PYFXA:-}"
