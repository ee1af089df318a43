#!/usr/bin/env bash
# Install everything that udapose needs, and udapose itself, without a compiler (about 2 minutes).
#
#   bash tools/install.sh
#
# An active virtual or conda environment is used as it is: what it has of torch, torchvision,
# mmengine, mmcv and mmpose stays. Otherwise .venv is made in the repository.
# PYTHON=/path/to/python3.11 names the interpreter for .venv; FORCE=1 installs again.
# Progress goes to stderr; the last and only line on stdout is the environment's Python.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
say() { printf '%s\n' "$*" >&2; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }
is_311() { "$1" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' >/dev/null 2>&1; }

find_python311() {
    local candidate
    if [ -n "${PYTHON:-}" ]; then
        is_311 "$PYTHON" || die "PYTHON=$PYTHON is not a working Python 3.11" \
            "(it says: $("$PYTHON" --version 2>&1 || true)). Name one that is, or unset PYTHON."
        echo "$PYTHON"; return
    fi
    for candidate in python3.11 python3 python; do
        if command -v "$candidate" >/dev/null && is_311 "$candidate"; then
            command -v "$candidate"; return
        fi
    done
    die "no Python 3.11 found (python3 says: $(python3 --version 2>&1 || true))." \
        "Install it (for example 'apt-get install python3.11 python3.11-venv', or" \
        "'conda create -n udapose python=3.11' and activate that), or name it:" \
        "PYTHON=/path/to/python3.11 bash tools/install.sh"
}

own_venv() {  # prints the Python of the repository's .venv, making it where needed
    local python="$root/.venv/bin/python" base
    if ! is_311 "$python"; then
        base=$(find_python311)
        [ ! -e "$root/.venv" ] || say "replacing the incomplete environment $root/.venv"
        say "making the environment $root/.venv with $base"
        "$base" -m venv --clear "$root/.venv" >&2 || die "could not make $root/.venv:" \
            "$base needs the venv module (Debian: 'apt-get install python3.11-venv')," \
            "and the folder must be writable."
    fi
    echo "$python"
}

active=${VIRTUAL_ENV:-}
[ -n "$active" ] || [ "${CONDA_DEFAULT_ENV:-base}" = base ] || active=${CONDA_PREFIX:-}
if [ -n "$active" ] && [ "$active" != "$root/.venv" ]; then
    python="$active/bin/python"
    is_311 "$python" || die "the active environment $active is not Python 3.11" \
        "(it says: $("$python" --version 2>&1 || true)). Deactivate it to get a .venv here," \
        "activate another, or, if its MMPose works, use 'pip install --no-deps -e .' in it."
    own=0
else
    python=$(own_venv)
    own=1
fi

# Done before? The stamp names this checkout and everything that decides what is installed.
stamp="$("$python" -c 'import sys; print(sys.prefix)')/.udapose-installed"
wanted="$root $(cd "$root" && cat requirements/*.txt setup.py tools/install.sh | cksum)"
if [ "${FORCE:-0}" != 1 ] && [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ]; then
    say "udapose is installed in $(dirname "$stamp")"
    echo "$python"; exit 0
fi
rm -f "$stamp"

pip_install() {
    "$python" -m pip install --disable-pip-version-check --retries 3 -qq "$@" >&2 ||
        die "pip could not install ($*); its message is above. Without a network" \
            "connection (or behind a proxy: set HTTPS_PROXY, or pip's index-url) nothing can" \
            "be downloaded. Also check the disk: the environment takes about 6 GB." \
            "Running tools/install.sh again continues where it stopped."
}

# What an environment of the user's already has is not replaced: names of requirement lines
# to leave out, as an extended regular expression.
keep='^$'
if [ "$own" = 0 ]; then
    keep=$("$python" - <<'PY'
from importlib.util import find_spec
has = {'torch': 'torch', 'torchvision': 'torchvision', 'mmengine': 'onedl-mmengine',
       'mmcv': 'mmcv-lite', 'mmpose': 'mmpose', 'mmpretrain': 'mmpretrain', 'mim': 'openmim',
       'cv2': 'opencv-python-headless', 'xtcocotools': 'xtcocotools',
       'pkg_resources': 'setuptools'}
names = [name for module, name in has.items() if find_spec(module) is not None]
# numpy belongs to the compiled packages there; its pin is for our own xtcocotools wheel.
if find_spec('numpy') is not None and find_spec('xtcocotools') is not None:
    names.append('numpy')
print('^(' + '|'.join(names) + ')==' if names else '^$')
PY
)
    say "using the active environment $active; of its own it keeps: $(
        printf '%s' "$keep" | tr -d '^()=$' | tr '|' ' ')"
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for list in stack stack-no-deps; do
    { grep -Ev "$keep" "$root/requirements/$list.txt" || true; } > "$work/$list.txt"
done

say "installing the stack (torch is most of it; about 2 minutes) ..."
pip_install -r "$work/stack.txt" -r "$root/requirements/tests.txt"
if grep -qv '^#' "$work/stack-no-deps.txt"; then
    pip_install --no-deps -r "$work/stack-no-deps.txt"
fi
say "installing udapose from $root ..."
if [ "$own" = 1 ]; then
    pip_install --no-deps --no-build-isolation -e "$root"  # with the setuptools from above
else
    pip_install --no-deps -e "$root"  # the user's own setuptools may be too old to build
fi

# yapf, which formats configs, writes its grammar into a cache when first imported, and not
# atomically: two trainings started at once would read half a file.
"$python" -c 'import udapose, mmpose.models, yapf.yapflib.yapf_api' >&2 ||
    die "everything is installed, but udapose does not import; the reason is above."
printf '%s' "$wanted" > "$stamp"
say "done: activate it with '. ${python%/python}/activate', or use $python"
echo "$python"
