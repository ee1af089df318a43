#!/usr/bin/env bash
# Install what is missing, then run ruff and the tests; arguments go to pytest.
#   bash tools/run_tests.sh [-k EXPRESSION ...]
# PYTHON and VENV as of tools/install.sh. NO_RUFF=1 leaves out ruff. UDAPOSE_TEST_DATA names a
# folder with real samples (optional).
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
python=$(bash "$root/tools/install.sh")
cd "$root"

# One thread per process: on small CPU tensors more threads only wait for each other.
export OMP_NUM_THREADS="${OMP_NUM_THREADS:-1}"
export MPLBACKEND="${MPLBACKEND:-Agg}"

# A style error does not keep the tests from being run, but fails the whole all the same.
style=0
if [ "${NO_RUFF:-0}" != 1 ]; then
    "$python" -m ruff check . || { style=$?; echo "error: ruff found the problems above" >&2; }
fi
# The processes below must not write yapf's cache at the same time (see install.sh).
"$python" -c 'import yapf.yapflib.yapf_api'
tests=0
"$python" -m pytest "$@" || tests=$?
exit $((tests ? tests : style))
