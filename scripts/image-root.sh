#!/usr/bin/env bash
# Lays out the file system of the container image: the program, stripped, and the libraries it links.
# Usage: scripts/image-root.sh PROGRAM FOLDER
set -euo pipefail
program=$1 root=$2

install -D --strip "$program" "$root/usr/bin/tusk"
install -D --mode=644 --target-directory="$root/usr/share/doc/tusk" "$(dirname "$0")"/../{LICENSE,NOTICE}

# ldd prints "name => /path (address)", and the bare path of the dynamic loader. A missing library is an error.
libraries=$(ldd "$program")
if grep 'not found' <<< "$libraries" >&2; then exit 1; fi
grep --only-matching '/[^ ]*' <<< "$libraries" | sort --unique | while read -r library; do
    install -D "$library" "$root$library"

    # The package it came from: its record where scanners look for it (as in the distroless images), and its licence.
    file=$(readlink --canonicalize "$library")
    package=$(dpkg-query --search "$file" 2> /dev/null || dpkg-query --search "${file#/usr}")
    package=${package%%:*}
    install -d "$root/var/lib/dpkg/status.d"
    dpkg-query --status "$package" > "$root/var/lib/dpkg/status.d/$package"
    install -D --mode=644 "/usr/share/doc/$package/copyright" "$root/usr/share/doc/$package/copyright"
done
