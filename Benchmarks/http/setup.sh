#!/bin/sh
# What make bench-http needs beside Benchmarks/setup.sh: wrk and slowhttptest from Debian, nginx, and the peer in Swift.
# Debian's nginx would start a service when it is installed; so it is only unpacked, under runs/, and nothing runs.
set -eu
cd "$(dirname "$0")/../.."
scripts/setup.sh bench-http
nginx=runs/http/nginx
if [ ! -x $nginx/usr/sbin/nginx ]; then
    package=$(mktemp -d)
    trap 'rm -r "$package"' EXIT
    # from the folder, since apt-get downloads into the one that it runs in, and as ourselves, to whom the folder belongs
    (cd "$package" && apt-get download --quiet=2 --option APT::Sandbox::User="$(id -un)" nginx)
    mkdir -p $nginx
    dpkg-deb --extract "$package"/nginx_*.deb $nginx
fi
swift build --configuration release --package-path Benchmarks/http/hummingbird-peer
