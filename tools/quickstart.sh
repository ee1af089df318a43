#!/usr/bin/env bash
# From a fresh machine to an adapted pose model: installs (once), then runs tools/quickstart.py.
#   bash tools/quickstart.sh [--oracle] [--smoke] [--kind people|hands] [--seed N] [--out DIR]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
python=$(bash tools/install.sh)
exec "$python" tools/quickstart.py "$@"
