#!/usr/bin/env bash
# Installs the Debian packages that a job needs, and says which and why; silent when they are all there.
# Usage: scripts/setup.sh [build|image-check|restart-check|fleet-check|deploy-check|conformance|zoo|bench-http]
set -euo pipefail

# Package and reason, a line each.
case "${1:-build}" in
    build) needs="\
make                     runs the commands of the Makefile
pkg-config               tells the Swift package manager where the libraries are
libpng-dev               reading and writing PNG
libjpeg-dev              reading JPEG (libjpeg-turbo)
libwebp-dev              reading WebP
zlib1g-dev               gzip and deflate
liblz4-dev               reading compressed Arrow files
libzstd-dev              reading compressed Arrow files
libyaml-dev              openapi.yaml as JSON
libssl-dev               TLS and SHA-256 (OpenSSL)" ;;
    image-check) needs="\
buildah                  builds the image without a container engine
debootstrap              makes the Debian base image
iproute2                 gives the running image its loopback
curl                     asks the running image" ;;
    restart-check) needs="\
haproxy                  the load balancer that the service is restarted behind" ;;
    deploy-check) needs="\
prometheus               answers the dashboard's queries, and promtool checks the rules
openssl                  a certificate for a minute" ;;
    conformance) needs="\
default-jre-headless     Spark, which scores by it
prometheus               scrapes the metrics, and promtool checks them
curl                     asks for them
debootstrap              a newer Debian for perf_analyzer, where this one is older than it
chromium                 uses the web page
firefox-esr              uses it too" ;;
    fleet-check) needs="\
haproxy                  the load balancer that the instances are behind
iproute2                 gives each instance a host of its own" ;;
    zoo) needs="\
dataset-fashion-mnist    70,000 images for the model zoo" ;;
    bench-http) needs="\
wrk                      requests as fast as they are answered
slowhttptest             slow clients
openssl                  a certificate for a minute
libpcre2-8-0             nginx, which is unpacked, not installed" ;;
    *) echo "setup: '$1' is not one of: build, image-check, restart-check, fleet-check, deploy-check, conformance, zoo, bench-http" >&2; exit 64 ;;
esac

if ! command -v apt-get > /dev/null; then
    echo "setup: this is not Debian or Ubuntu; install what answers to these packages by hand:" >&2
    echo "$needs" >&2
    exit 1
fi

missing=()
while read -r package reason; do
    if [ "$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2> /dev/null)" != installed ]; then
        [ ${#missing[@]} -gt 0 ] || echo "setup: installing Debian packages:"
        printf '  %-24s %s\n' "$package" "$reason"
        missing+=("$package")
    fi
done <<< "$needs"
[ ${#missing[@]} -gt 0 ] || exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo > /dev/null; then
        echo "setup: run this as root, then again what you ran: apt-get install ${missing[*]}" >&2
        exit 1
    fi
    as_root=(sudo)
fi

install_missing() {
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get install --quiet=2 --yes --no-install-recommends "$@" "${missing[@]}"
}

# The package lists may be absent (a fresh container) or older than the mirror: then, and only then, fetch them.
if ! install_missing --download-only > /dev/null 2>&1; then
    "${as_root[@]}" apt-get update --quiet=2
fi
install_missing > /dev/null
