#!/bin/sh
# Install nsorch on this host from the checkout that this script is in: Debian packages, a virtual environment of its own,
# the command nsorch, the systemd service; then the demo. What the Vagrantfile runs; may be repeated to upgrade: Pods go on.
#
#   PREFIX=/opt/nsorch     where it is installed, with rootfs/ and manifests/ in share/
#   BIN=/usr/local/bin     where the command is linked
#   SERVICE=yes            no: leave systemd alone
#   DEMO=yes               no: do not run the demo
set -eu
cd "$(dirname "$0")/.."
. scripts/packages.sh
PREFIX=${PREFIX:-/opt/nsorch}
BIN=${BIN:-/usr/local/bin}

[ "$(id -u)" = 0 ] || fail "installing needs root: sudo sh scripts/provision.sh"
mkdir -p .cache
debian_packages $RUN_PACKAGES curl

if ! "$PREFIX/bin/python" -c 'import pip' 2>/dev/null; then
    say "making the virtual environment $PREFIX"
    rm -rf "$PREFIX"
    "${PYTHON:-python3}" -m venv "$PREFIX"
fi
say "installing nsorch into $PREFIX (a minute the first time)"
source=$(mktemp -d)
trap 'rm -rf "$source"' EXIT
cp -R nsorch pyproject.toml README.md LICENSE "$source"   # pip would leave its build files in the checkout
"$PREFIX/bin/pip" install -qq --disable-pip-version-check --upgrade "$source"
mkdir -p "$PREFIX/share" "$BIN"
rm -rf "$PREFIX/share/rootfs" "$PREFIX/share/manifests"
cp -R rootfs manifests "$PREFIX/share/"
ln -sf "$PREFIX/bin/nsorch" "$BIN/nsorch"
say "$("$BIN/nsorch" version | head -n 1)"

if [ "${SERVICE:-yes}" = yes ]; then
    "$BIN/nsorch" system install
fi
if [ "${DEMO:-yes}" = yes ]; then
    "$PREFIX/bin/python" scripts/demo.py
fi
say "done: nsorch is installed in $PREFIX; recipes and manifests are in $PREFIX/share"
