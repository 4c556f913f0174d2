#!/usr/bin/env bash
# Builds the Dockerfile and runs the image where there is no container engine, registry or hypervisor, only Debian:
# buildah builds it by chroot; the Swift installed here, mounted into a fresh Debian 12, stands in for the Swift image.
# deploy/README.md says what this covers and what it does not. Everything it makes is under .image/, and removed.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$PWD/.image

if [ "$(id -u)" -ne 0 ]; then
    echo "image-check: needs root, for debootstrap and chroot" >&2
    exit 1
fi
scripts/setup.sh image-check

remove_work() {
    # One file system: never through a mount that an interrupted run left behind.
    rm --recursive --force --one-file-system "$work"
}
remove_work
trap remove_work EXIT
mkdir -p "$work/tmp"
export TMPDIR=$work/tmp BUILDAH_ISOLATION=chroot
echo '{ "default": [{ "type": "insecureAcceptAnything" }] }' > "$work/policy.json"

image() {
    buildah --root "$work/storage" --runroot "$work/state" --storage-driver vfs "$@"
}

step() { printf '\nimage-check: %s\n' "$*"; }

step "making the stand-in for the Swift image: Debian 12 with what the compiler needs"
toolchain=$(dirname "$(dirname "$(readlink --canonicalize "$(command -v swift)")")")
mounts=(--volume "$toolchain:$toolchain:ro")
container=$(image from scratch)
base=$(image mount "$container")
debootstrap --variant=minbase \
    --include=binutils,ca-certificates,git,libc6-dev,libcurl4,libncurses6,libsqlite3-0,libstdc++-12-dev,libxml2 \
    bookworm "$base" ${DEBIAN_MIRROR:+"$DEBIAN_MIRROR"} > "$work/debootstrap.log" || {
    cat "$work/debootstrap.log" >&2
    exit 1
}
# A machine that rewrites package addresses to local mirrors (git's url.<base>.insteadOf) does so in the container too.
while read -r key address; do
    mirror=${key#url.} mirror=${mirror%.insteadof}
    git config --file "$base/etc/gitconfig" --add "url.$mirror.insteadOf" "$address"
    git config --file "$base/etc/gitconfig" --replace-all safe.directory '*'
    if [ -d "$mirror" ]; then mounts+=(--volume "${mirror%/}:${mirror%/}:ro"); fi
done < <(git config --get-regexp '^url\..*\.insteadof$' || true)
image config --env "PATH=$toolchain/bin:/usr/sbin:/usr/bin:/sbin:/bin" "$container"
image commit --quiet --rm "$container" tusk-swift > "$work/swift-image"

step "building the Dockerfile"
# --format docker: an OCI image has no place for HEALTHCHECK.
image bud --format docker --layers=false --signature-policy "$work/policy.json" "${mounts[@]}" \
    --build-arg SWIFT_IMAGE=localhost/tusk-swift --tag tusk .

step "running the image: no network but its own loopback, read-only, as its own user"
root=$(image mount "$(image from --signature-policy "$work/policy.json" localhost/tusk)")
declared=$work/declared
mkdir "$declared"
show() { image inspect --type image --format "$1" localhost/tusk; }
lines() { echo "{{range $1}}{{println .}}{{end}}"; }
show '{{.Docker.Config.User}}' > "$declared/user"
show "$(lines .Docker.Config.Env)" | sed '/^$/d' > "$declared/environment"
show "$(lines .Docker.Config.Entrypoint)$(lines .Docker.Config.Cmd)" | sed '/^$/d' > "$declared/command"
show "$(lines .Docker.Config.Healthcheck.Test)" | sed '/^$/d; 1d' > "$declared/health"
unshare --mount-proc --net --pid --fork --kill-child scripts/image-run.sh "$root" "$declared"

step "what is in it"
du --total --bytes --apparent-size "$root"/usr/bin/tusk $(find "$root" -name '*.so*' -type f) |
    sed "s|$root||" | sort --numeric-sort --reverse
step "passed"
