#!/bin/sh
# prepare.sh OUTPUT: a small Debian of the host's own release, from the host's own package sources, as OUTPUT/rootfs.tar.
# It has apt, so that images built on it can say RUN apt-get install.
set -eu
output=$1
command -v mmdebstrap >/dev/null || { echo "mmdebstrap is missing: apt-get install mmdebstrap" >&2; exit 1; }
. /etc/os-release
sources=$(apt-get indextargets --format 'ORIGIN=$(ORIGIN) deb $(SITE) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
    sed -n 's/^ORIGIN=Debian //p' | sort -u | grep " $VERSION_CODENAME")
[ -n "$sources" ] || { echo "the host's apt has no package list of Debian $VERSION_CODENAME: apt-get update" >&2; exit 1; }

# usr-is-merged says that /bin is in /usr from the start; without it usrmerge would bring all of Perl
# documentation, translations and the like have no reader in a container
leave_out() {
    for path in /usr/share/doc/* /usr/share/man/* /usr/share/info/* /usr/share/locale/* /usr/share/lintian/* \
        /usr/share/bug/* /usr/share/zoneinfo/*; do
        printf '%s\n' "--dpkgopt=path-exclude=$path"
    done
}
printf '%s\n' "$sources" | mmdebstrap --quiet --mode=root --variant=apt $(set -f; leave_out) \
    --hook-dir=/usr/share/mmdebstrap/hooks/merged-usr --include=usr-is-merged \
    --dpkgopt='path-include=/usr/share/doc/*/copyright' \
    --dpkgopt=force-unsafe-io \
    --aptopt='APT::Install-Recommends "false"' \
    --aptopt='Acquire::Languages "none"' \
    --customize-hook='rm -rf "$1"/var/cache/debconf/*-old "$1"/usr/lib/*/gconv "$1"/usr/lib/*/perl-base/unicore/lib' \
    "$VERSION_CODENAME" "$output/rootfs.tar" -
