#!/usr/bin/env bash
# The running half of image-check.sh, inside name spaces of its own (mount, network, process).
# Usage: scripts/image-run.sh FOLDER DECLARED: the unpacked image, and a folder with what it declares, a file each:
# user, environment, command, health.
set -euo pipefail
root=$1 declared=$2
address=http://127.0.0.1:8080

fail() { echo "image-check: $*" >&2; exit 1; }

user=$(cat "$declared/user")
mapfile -t environment < "$declared/environment"
mapfile -t command < "$declared/command"
mapfile -t health < "$declared/health"

# What a container engine would set up: loopback, and the image, read-only, with /proc.
ip link set lo up
mkdir -p "$root/proc"
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount -o remount,bind,ro "$root"
if touch "$root/written" 2> /dev/null; then fail "the root file system can be written"; fi

# env and setpriv are this machine's; only the last command is looked up in the image.
inside=(env --ignore-environment "${environment[@]}" setpriv --no-new-privs chroot --userspec="$user" "$root")

started=$(date +%s%N)
unshare --pid --fork --kill-child --mount-proc="$root/proc" "${inside[@]}" "${command[@]}" &
outer=$!
until "${inside[@]}" "${health[@]}" > /dev/null 2>&1; do
    kill -0 "$outer" 2> /dev/null || fail "the service ended before it was ready"
    [ $(($(date +%s%N) - started)) -lt 30000000000 ] || fail "the service was not ready after 30 s"
    sleep 0.01
done
echo "ready after $((($(date +%s%N) - started) / 1000000)) ms, by the image's own HEALTHCHECK: ${health[*]}"

inner=$(cat "/proc/$outer/task/$outer/children")
grep --extended-regexp '^(Uid|NSpid|CapEff|NoNewPrivs|Threads|VmRSS)' "/proc/${inner% }/status"
grep --quiet --extended-regexp "^Uid:\s+${user%:*}\s" "/proc/${inner% }/status" || fail "it does not run as $user"
grep --quiet --extended-regexp '^CapEff:\s+0+$' "/proc/${inner% }/status" || fail "it has capabilities"

ask() { curl --fail-with-body --silent --show-error --max-time 30 "$@"; }
ask "$address/health/ready"; echo
ask --header 'Accept: image/png' --output "$declared/sample.png" "$address/sample?count=1&seed=1"
ask --header 'Content-Type: image/png' --data-binary "@$declared/sample.png" "$address/logprob"; echo

kill -TERM "${inner% }"
wait "$outer" || fail "SIGTERM ended it with status $?"
echo "SIGTERM: ended with status 0"
if "${inside[@]}" "${health[@]}" > /dev/null 2>&1; then fail "the health check still passes"; fi
