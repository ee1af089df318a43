#!/usr/bin/env bash
# From a fresh machine to an adapted pose model: installs (once), then runs tools/quickstart.py.
#   bash tools/quickstart.sh [--oracle] [--smoke] [--kind people|hands] [--seed N] [--out DIR] [--data DIR]
# PYTHON and VENV as of tools/install.sh.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
python=$(cd "$root" && bash tools/install.sh)
exec "$python" "$root/tools/quickstart.py" "$@"  # here: relative paths are the caller's
