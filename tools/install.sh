#!/usr/bin/env bash
# Install everything that udapose needs, and udapose itself, without a compiler (about 2 minutes).
#
#   bash tools/install.sh
#
# An active virtual or conda environment is used as it is: what it has of torch, torchvision,
# numpy, mmengine, mmcv and mmpose stays. Otherwise .venv is made in the repository, with the
# newest Python of 3.10 to 3.13 that is found.
# PYTHON=/path/to/python names the interpreter, VENV=folder another place than .venv, FORCE=1
# installs again. Progress goes to stderr; the last and only line on stdout is the environment's
# Python.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
versions=(3.13 3.12 3.11 3.10)  # all tested (docs/install.md), newest first
range='Python 3.10 to 3.13'
case ${VENV:-.venv} in
    /*) venv=$VENV ;;
    *) venv="$root/${VENV:-.venv}" ;;
esac

say() { printf '%s\n' "$*" >&2; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }
version_of() {  # prints "3.12" if it is a working Python of that version
    "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null || true
}
says() { "$1" --version 2>&1 | head -n 1 || true; }
is_supported() {
    local version
    version=$(version_of "$1")
    [ -n "$version" ] && [[ " ${versions[*]} " == *" $version "* ]]
}
can_make_venv() { "$1" -c 'import ensurepip, venv' >/dev/null 2>&1; }

find_python() {
    local version candidate found='' without_venv=''
    if [ -n "${PYTHON:-}" ]; then
        is_supported "$PYTHON" || die "PYTHON=$PYTHON is not a working $range" \
            "(it says: $(says "$PYTHON")). Name one that is, or unset PYTHON."
        echo "$PYTHON"; return
    fi
    # On the PATH first, then those that pyenv has installed without selecting them.
    for candidate in "${versions[@]/#/python}" python3 python pyenv; do
        if [ "$candidate" = pyenv ]; then
            for version in "${versions[@]}"; do
                found+=$(printf '%s\n' "${PYENV_ROOT:-$HOME/.pyenv}/versions/$version".*/bin/python)
                found+=$'\n'
            done
        else
            found=$(type -aP "$candidate" || true)
        fi
        while IFS= read -r candidate; do
            [ -n "$candidate" ] && is_supported "$candidate" || continue
            if can_make_venv "$candidate"; then
                echo "$candidate"; return
            fi
            without_venv=${without_venv:-$candidate}
        done <<< "$found"
    done
    [ -z "$without_venv" ] || die "$without_venv has no venv module (Debian and Ubuntu: 'apt-get" \
        "install python$(version_of "$without_venv")-venv')."
    die "no $range found (python3 says: $(says python3)). Install one (for example 'apt-get" \
        "install python3 python3-venv' on Ubuntu 22.04 and later or Debian 12 and later, or" \
        "'conda create -n udapose python=3.13' and activate that), or name it:" \
        "PYTHON=/path/to/python3.13 bash tools/install.sh"
}

own_venv() {  # prints the Python of the repository's environment, making it where needed
    local python="$venv/bin/python" base
    if is_supported "$python" && "$python" -c 'import pip' >/dev/null 2>&1; then
        if [ -n "${PYTHON:-}" ] && [ "$(version_of "$PYTHON")" != "$(version_of "$python")" ]; then
            die "$venv is of Python $(version_of "$python"), PYTHON=$PYTHON says:" \
                "$(says "$PYTHON"). Remove that folder, or use another one:" \
                "VENV=.venv-other PYTHON=$PYTHON bash tools/install.sh"
        fi
    else
        base=$(find_python)
        [ ! -e "$venv" ] || say "replacing the incomplete environment $venv"
        say "making the environment $venv with $base (Python $(version_of "$base"))"
        "$base" -m venv --clear "$venv" >&2 || die "could not make $venv: $base needs the venv" \
            "module (Debian: 'apt-get install python$(version_of "$base")-venv'), and the" \
            "folder must be writable."
    fi
    echo "$python"
}

active=${VIRTUAL_ENV:-}
[ -n "$active" ] || [ "${CONDA_DEFAULT_ENV:-base}" = base ] || active=${CONDA_PREFIX:-}
if [ -n "$active" ] && [ "$active" != "$venv" ]; then
    python="$active/bin/python"
    is_supported "$python" || die "the active environment $active is not $range" \
        "(it says: $(says "$python")). Deactivate it to get a .venv here," \
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

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# What an environment of the user's already has is not replaced: lists what is to be installed.
if [ "$own" = 0 ]; then
    "$python" "$root/requirements/missing.py" "$work" >&2
else
    cp "$root/requirements/"*.txt "$work"
    : > "$work/keep.txt"
fi

say "installing the stack (torch is most of it; about 2 minutes) ..."
pip_install -c "$work/keep.txt" -r "$work/stack.txt" -r "$work/tests.txt"
for list in stack-no-deps tests-no-deps; do
    if grep -qv '^#' "$work/$list.txt"; then
        pip_install --no-deps -r "$work/$list.txt"
    fi
done
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
