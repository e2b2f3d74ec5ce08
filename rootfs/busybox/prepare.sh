#!/bin/sh
# prepare.sh OUTPUT: a statically linked busybox from Debian's package busybox-static, and a link for each of its commands.
set -eu
output=$1
bin=$output/root/bin
mkdir -p "$bin" "$output/root/root" "$output/root/tmp"
chmod 700 "$output/root/root"
chmod 1777 "$output/root/tmp"
if dpkg-query -W -f='${db:Status-Status}' busybox-static 2>/dev/null | grep -qx installed; then
    cp /bin/busybox "$bin/busybox"
else
    downloads=${PREPARE_CACHE:-$output}/busybox
    mkdir -p "$downloads"
    (cd "$downloads" && apt-get -q -o APT::Sandbox::User=root download busybox-static)
    dpkg-deb --fsys-tarfile "$(ls -t "$downloads"/*.deb | head -n 1)" | tar -xO ./bin/busybox >"$bin/busybox"
    chmod 755 "$bin/busybox"
fi
for name in $("$bin/busybox" --list); do
    [ "$name" = busybox ] || ln -s busybox "$bin/$name"
done
