# Debian packages, for the scripts in this folder (sourced, not run).

# What the daemon runs: service rules, namespaces, images.
RUN_PACKAGES="python3-venv iproute2 iptables nftables conntrack util-linux procps kmod busybox-static mmdebstrap zstd"
# What only the tests and benchmarks use: a C program to compare with, and a second opinion on images.
TEST_PACKAGES="gcc libc6-dev skopeo"

say() {
    printf 'setup: %s\n' "$*"
}

fail() {
    printf 'setup: %s\n' "$*" >&2
    exit 1
}

# debian_packages NAME...: install those that are missing.
debian_packages() {
    command -v apt-get >/dev/null ||
        fail "this is not Debian: install what corresponds to these packages by hand: $*"
    missing=
    for package in "$@"; do
        case $(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null) in
        installed) ;;
        *) missing="$missing $package" ;;
        esac
    done
    # building the Debian image asks apt for its package sources, so its lists must be there too
    lists=$(apt-get indextargets --format '$(FILENAME)' 'Created-By: Packages' 2>/dev/null | head -n 1)
    [ -n "$missing" ] || [ ! -e "${lists:-/nonexistent}" ] || return 0
    [ "$(id -u)" = 0 ] ||
        fail "these Debian packages are missing:$missing. Installing them needs root: sudo sh scripts/setup.sh"
    say "reading Debian's package lists"
    apt-get -qq -o DPkg::Lock::Timeout=600 update || fail "apt-get update failed: is the network up?"
    [ -n "$missing" ] || return 0
    say "installing Debian packages:$missing"
    # shellcheck disable=SC2086
    DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=600 -o Dpkg::Use-Pty=0 \
        install --no-install-recommends $missing >.cache/apt.log 2>&1 || {
        tail -n 20 .cache/apt.log >&2
        fail "apt-get install failed; all of it is in .cache/apt.log"
    }
}
